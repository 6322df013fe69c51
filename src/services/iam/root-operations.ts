/** Sealing and opening an account's root user, its first administrator (break glass). */
import Type from "typebox";
import { Empty, input, operation } from "../../kernel/operation.ts";
import { User } from "./resources.ts";

export const rootOperations = {
  sealRootUser: operation({
    name: "iam.sealRootUser",
    summary: "Seal the root user: its sessions and keys end, and it cannot be used until opened",
    method: "POST",
    path: "/rootUser:seal",
    action: "iam:SealRootUser",
    resource: "rootUser",
    input: input({}),
    output: Empty,
    problems: ["iam.userNotFound", "iam.lastAdministrator", "iam.underBoundary"],
    dangerous: true,
  }),
  openRootUser: operation({
    name: "iam.openRootUser",
    summary: "Open the sealed root user for an hour, with the reason; everybody is told",
    method: "POST",
    path: "/rootUser:open",
    action: "iam:OpenRootUser",
    resource: "rootUser",
    input: input({ reason: Type.String({ minLength: 8, maxLength: 512 }) }),
    output: Type.Object({ user: User, untilTime: Type.String() }),
    problems: ["iam.userNotFound", "iam.underBoundary"],
    dangerous: true,
  }),
};
