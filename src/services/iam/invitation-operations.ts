/** Invitations: their shape, and the operations of who invites and of who is invited. */
import Type, { type Static } from "typebox";
import {
  Empty,
  idSchema,
  input,
  listInput,
  listOutput,
  operation,
  Text,
  Time,
} from "../../kernel/operation.ts";
import { AccountName, Password, UserName } from "../account/contract.ts";
import { SignedInOrChallenge } from "./factor-operations.ts";
import { BoundaryPolicyId, GroupId, PolicyIds, Tags, UserId } from "./resources.ts";

const InvitationId = idSchema("inv");
const InvitationToken = Type.String({ minLength: 20, maxLength: 100 });

export const Invitation = Type.Object({
  invitationId: InvitationId,
  userId: UserId,
  name: UserName,
  createdBy: Type.String(),
  createTime: Time,
  expireTime: Time,
});
export type Invitation = Static<typeof Invitation>;

export const invitationResources = [
  {
    name: "invitation",
    idField: "invitationId",
    idPrefix: "inv",
    titleField: "name",
    columns: ["name", "invitationId", "userId", "createdBy", "createTime", "expireTime"],
    list: "listInvitations",
    create: "createInvitation",
    delete: "deleteInvitation",
  },
];

export const invitationOperations = {
  listInvitations: operation({
    name: "iam.listInvitations",
    summary: "List invitations that nobody has accepted yet",
    method: "GET",
    path: "/invitations",
    action: "iam:ListInvitations",
    resource: "invitation/*",
    input: listInput({}),
    output: listOutput("invitations", Invitation),
  }),
  createInvitation: operation({
    name: "iam.createInvitation",
    summary: "Invite a person: a user with its rights, and a link that works once",
    method: "POST",
    path: "/invitations",
    action: "iam:CreateInvitation",
    resource: "user/*",
    input: input({
      name: UserName,
      description: Type.Optional(Text),
      tags: Type.Optional(Tags),
      policyIds: Type.Optional(PolicyIds),
      groupIds: Type.Optional(Type.Array(GroupId, { maxItems: 10, uniqueItems: true })),
      boundaryPolicyId: Type.Optional(BoundaryPolicyId),
      ttlSeconds: Type.Optional(Type.Integer({ minimum: 60, maximum: 2_592_000 })),
    }),
    output: Type.Object({
      invitation: Invitation,
      /** Give it to the person on a way that others do not read. */
      link: Type.String(),
    }),
    secretOutput: ["link"],
    problems: [
      "iam.userNameTaken",
      "iam.policyNotFound",
      "iam.groupNotFound",
      "iam.underBoundary",
      "iam.limitReached",
    ],
    freshMfa: true,
  }),
  deleteInvitation: operation({
    name: "iam.deleteInvitation",
    summary: "Take an invitation back, with the user that it was to become",
    method: "DELETE",
    path: "/invitations/{invitationId}",
    action: "iam:DeleteInvitation",
    resource: "invitation/{invitationId}",
    input: input({ invitationId: InvitationId }),
    output: Empty,
    problems: ["iam.invitationNotFound", "iam.underBoundary"],
  }),
  openInvitation: operation({
    name: "iam.openInvitation",
    summary: "Tell who is invited to which account by a link",
    method: "POST",
    path: "/invitations:open",
    action: "iam:AcceptInvitation",
    resource: "invitation",
    authentication: "none",
    input: input({ token: InvitationToken }),
    secretInput: ["token"],
    output: Type.Object({
      accountName: AccountName,
      userName: UserName,
      expireTime: Time,
      passwordLengthMin: Type.Integer(),
    }),
    problems: ["iam.invitationOver"],
    limits: { perMinute: 60 },
  }),
  acceptInvitation: operation({
    name: "iam.acceptInvitation",
    summary: "Accept an invitation with a password of one's own, and receive a console session",
    method: "POST",
    path: "/invitations:accept",
    action: "iam:AcceptInvitation",
    resource: "invitation",
    authentication: "none",
    input: input({ token: InvitationToken, password: Password }),
    secretInput: ["token", "password"],
    output: SignedInOrChallenge,
    problems: ["iam.invitationOver", "iam.passwordRefused"],
    limits: { perMinute: 60 },
  }),
};
