/** Users, credentials and policies of an account. */
import Type from "typebox";
import {
  contract,
  Empty,
  idSchema,
  input,
  listInput,
  listOutput,
  operation,
} from "../../kernel/operation.ts";

import { accessKeyOperations } from "./access-key-operations.ts";
import { answerOperations } from "./answer-operations.ts";
import { ownOperations, securityOperations, signInOperations } from "./factor-operations.ts";
import { attachmentOperations, groupOperations, roleOperations } from "./group-operations.ts";
import { invitationOperations, invitationResources } from "./invitation-operations.ts";
import { oidcOperations, oidcSignInOperations } from "./oidc/operations.ts";
import { oidcResources } from "./oidc/resources.ts";
import { policyOperations } from "./policy-operations.ts";
import { iamProblems } from "./problems.ts";
import { Caller, iamResources, Session } from "./resources.ts";
import { rootOperations } from "./root-operations.ts";
import { scimCredentialOperations, scimOperations, scimResources } from "./scim/operations.ts";
import { iamTexts } from "./texts.ts";
import { userOperations } from "./user-operations.ts";

export * from "./access-key-operations.ts";
export * from "./resources.ts";

export const iamContract = contract({
  service: "iam",
  title: "Identity and access",
  summary: "Users, bearer keys and policies of this account",
  resources: [...iamResources, ...invitationResources, ...oidcResources, ...scimResources],
  operations: {
    ...signInOperations,
    ...oidcSignInOperations,
    ...oidcOperations,
    ...ownOperations,
    ...securityOperations,
    signOut: operation({
      name: "iam.signOut",
      summary: "End this console session",
      method: "POST",
      path: "/session:signOut",
      action: "iam:SignOut",
      resource: "session",
      beforeMfa: true,
      input: input({}),
      /** Where a session that began at a provider is ended there too. */
      output: Type.Object({ providerSignOutUrl: Type.Union([Type.String(), Type.Null()]) }),
    }),
    getCaller: operation({
      name: "iam.getCaller",
      summary: "Tell who the caller is",
      method: "GET",
      path: "/caller",
      action: "iam:GetCaller",
      resource: "session",
      beforeMfa: true,
      input: input({}),
      output: Type.Object({ caller: Caller, csrfToken: Type.Union([Type.String(), Type.Null()]) }),
    }),
    ...userOperations,
    ...invitationOperations,
    ...rootOperations,
    ...scimCredentialOperations,
    ...scimOperations,
    listSessions: operation({
      name: "iam.listSessions",
      summary: "List live console sessions",
      method: "GET",
      path: "/sessions",
      action: "iam:ListSessions",
      resource: "session/*",
      input: listInput({}),
      output: listOutput("sessions", Session),
    }),
    revokeSession: operation({
      name: "iam.revokeSession",
      summary: "End a console session",
      method: "DELETE",
      path: "/sessions/{sessionId}",
      action: "iam:RevokeSession",
      resource: "session/{sessionId}",
      input: input({ sessionId: idSchema("ses") }),
      output: Empty,
      problems: ["iam.sessionNotFound"],
    }),
    ...accessKeyOperations,
    ...groupOperations,
    ...roleOperations,
    ...attachmentOperations,
    ...policyOperations,
    ...answerOperations,
  },
  problems: iamProblems,
  texts: iamTexts,
  events: [
    "iam.signInSucceeded",
    "iam.userCreated",
    "iam.userDeleted",
    "iam.rootOpened",
    "iam.factorAdded",
    "iam.factorRemoved",
  ],
});
