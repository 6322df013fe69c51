/** What can go wrong in this service, in words the caller may see. */
import type { ProblemDeclaration } from "../../kernel/operation.ts";

const notFound = (what: string, fix: string): ProblemDeclaration => ({
  code: 404,
  message: `There is no such ${what}`,
  fix,
});
const taken = (what: string): ProblemDeclaration => ({
  code: 409,
  message: `A ${what} with this name exists`,
  fix: "Choose another name",
});

const credentialProblems = {
  "iam.signInFailed": {
    code: 401,
    message: "The account, user name or password is not right",
    fix: "Check all three; after repeated failures wait a minute",
  },
  "iam.bearerKeyNotFound": notFound("bearer key", "List the bearer keys and take an id from there"),
  "iam.bearerKeyLimit": {
    code: 409,
    message: "This user has as many bearer keys as a user may have",
    fix: "Delete one that is not used; the list shows when each was used last",
  },
  "iam.accessKeyNotFound": notFound("access key", "List the access keys and take an id from there"),
  "iam.accessKeyLimit": {
    code: 409,
    message: "This user has as many access keys as a user may have",
    fix: "Delete one that is not used; the list shows when each was used last",
  },
  "iam.cidrInvalid": {
    code: 400,
    message: "A network is not in CIDR form",
    fix: "Write networks such as 192.0.2.0/24 or 2001:db8::/32",
  },
  "iam.sessionNotFound": notFound("session", "It may have ended already; list the sessions"),
  "iam.passwordRefused": {
    code: 400,
    message: "This password cannot be used",
    fix: "Choose a longer one that is used nowhere else; the details say what is wrong with it",
  },
} as const satisfies Record<string, ProblemDeclaration>;

const factorProblems = {
  "iam.sessionRequired": {
    code: 403,
    message: "Only a person at the console may do this",
    fix: "Sign in to the console; a key cannot change a person's own factors",
  },
  "iam.factorRefused": {
    code: 401,
    message: "The code or passkey is not right, or was used already",
    fix: "Wait for the next code of the app, or use another factor",
  },
  "iam.ceremonyExpired": {
    code: 401,
    message: "This took too long or was begun elsewhere",
    fix: "Begin again",
  },
  "iam.passkeyHost": {
    code: 400,
    message: "Passkeys need the console's name, not an address",
    fix: "Open the console as https://localhost:… or by the name in CORDON_CONSOLE_HOST",
  },
  "iam.totpPresent": {
    code: 409,
    message: "There is an authenticator app already",
    fix: "Remove it first",
  },
  "iam.factorNotFound": notFound("factor", "List the factors and take an id from there"),
  "iam.factorDemanded": {
    code: 409,
    message: "The account demands a second factor and this is the last one",
    fix: "Add another factor first",
  },
  "iam.oidcProviderNotFound": notFound(
    "sign-in provider",
    "List the sign-in providers and take an id from there",
  ),
  "iam.oidcProviderNameTaken": taken("sign-in provider"),
  "iam.oidcFailed": {
    code: 401,
    message: "The sign-in provider did not confirm who you are",
    fix: "Begin again; if it fails again an administrator finds the cause in the server's log",
  },
  "iam.oidcRefused": {
    code: 403,
    message: "The sign-in provider knows you, and this account does not let you in",
    fix: "The details say why; an administrator of the account can invite you",
  },
  "iam.oidcHost": {
    code: 400,
    message: "Signing in by a provider needs the console's own name",
    fix: "Open the console by the name in CORDON_CONSOLE_HOST, or as https://localhost:…",
  },
  "iam.oidcBusy": {
    code: 503,
    message: "Too many people are signing in by this provider at once",
    fix: "Try again in some seconds",
  },
  "iam.oidcUnreachable": {
    code: 503,
    message: "The sign-in provider cannot be reached",
    fix: "Check the issuer's address and that this machine reaches it",
  },
} as const satisfies Record<string, ProblemDeclaration>;

const policyProblems = {
  "iam.policyNotFound": notFound("policy", "List the policies and take an id from there"),
  "iam.policyVersionNotFound": notFound(
    "version of this policy",
    "List the versions; the oldest are not kept",
  ),
  "iam.policyNameTaken": taken("policy"),
  "iam.policyInvalid": {
    code: 400,
    message: "The policy document cannot be used",
    fix: "Mend the faults that the details name by path",
  },
  "iam.policyManaged": {
    code: 409,
    message: "This policy comes with Cordon and cannot be changed",
    fix: "Create a policy of your own with the statements you want",
  },
  "iam.policyInUse": {
    code: 409,
    message: "This policy is attached, or is somebody's boundary",
    fix: "Take it from those users, groups and roles first",
  },
  "iam.resourceForeign": {
    code: 400,
    message: "The resource's name is not of this account",
    fix: "Take the account id from iam.getCaller; it is the fourth part of the name",
  },
  "iam.resourcePolicyNotFound": notFound(
    "policy on this resource",
    "List the resource policies and take a name from there",
  ),
  "iam.auditEntryNotFound": notFound(
    "audited request",
    "Take the request id from an answer or from the audit list",
  ),
} as const satisfies Record<string, ProblemDeclaration>;

export const iamProblems = {
  ...credentialProblems,
  ...factorProblems,
  ...policyProblems,
  "iam.invitationNotFound": notFound(
    "invitation",
    "It may have been accepted or be over; list the invitations",
  ),
  "iam.invitationOver": {
    code: 401,
    message: "This invitation was accepted already, is over, or was taken back",
    fix: "Ask who invited you for a new link",
  },
  "iam.userNotFound": notFound("user", "List the users and take an id from there"),
  "iam.userNameTaken": taken("user"),
  "iam.groupNotFound": notFound("group", "List the groups and take an id from there"),
  "iam.groupNameTaken": taken("group"),
  "iam.roleNotFound": notFound("role", "List the roles and take an id from there"),
  "iam.roleNameTaken": taken("role"),
  "iam.lastAdministrator": {
    code: 409,
    message: "This would leave the account without an administrator",
    fix: "Give the policy Administrator to another enabled user without a boundary first",
  },
  "iam.scimCredentialNotFound": notFound(
    "credential of a directory",
    "List the credentials of directories and take an id from there",
  ),
  "iam.scimNotFound": notFound(
    "resource of this directory",
    "Search for it; users and groups that no directory made are not seen over SCIM",
  ),
  "iam.scimInvalid": {
    code: 400,
    message: "The SCIM request has faults",
    fix: "Mend what the details name; /v1/iam/scim/v2/Schemas describes every attribute",
  },
  "iam.scimTaken": {
    code: 409,
    message: "Another user or group of this account has this name or external id",
    fix: "Choose another name; users made in the console are not taken over by a directory",
  },
  "iam.scimTooMany": {
    code: 413,
    message: "The bulk request has more operations than one may have",
    fix: "Split it; /v1/iam/scim/v2/ServiceProviderConfig says how many there may be",
  },
  "iam.scimNoMe": {
    code: 501,
    message: "A directory's credential is nobody's, so there is no user to tell of",
    fix: "Read /Users/{id}; iam.getCaller says who a person or a program is",
  },
  "iam.scimVersion": {
    code: 412,
    message: "The resource was changed since this version",
    fix: "Read it again and repeat the change",
  },
  "iam.rootSealed": {
    code: 409,
    message: "The root user is sealed",
    fix: "Open it first (iam.openRootUser), which needs a reason and is told to everybody",
  },
  "iam.limitReached": {
    code: 409,
    message: "There are as many as there may be",
    fix: "Remove what is not used; the details say which limit it is",
  },
  "iam.underBoundary": {
    code: 403,
    message: "Your boundary does not let you give rights beyond it",
    fix: "Ask somebody without a boundary, or work on users and roles under the same boundary",
  },
  "iam.wouldLockOut": {
    code: 409,
    message: "After this change you could not undo it",
    fix: "If that is what you want, repeat it with confirmLockOut: true",
  },
} as const satisfies Record<string, ProblemDeclaration>;
