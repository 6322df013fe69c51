/** The operations of a person on his own password, factors and sessions, and of signing in. */
import Type, { type Static } from "typebox";
import {
  Empty,
  idSchema,
  input,
  listInput,
  listOutput,
  Name,
  operation,
  Time,
} from "../../kernel/operation.ts";
import { AccountName, Password, UserName } from "../account/contract.ts";
import { Caller, SecuritySettings, Session, UserId } from "./resources.ts";

const Code = Type.String({ pattern: "^[0-9]{6}$" });
const BackupCode = Type.String({ pattern: "^[0-9a-z]{5}-[0-9a-z]{5}$" });
const CeremonyToken = Type.String({ minLength: 20, maxLength: 100 });
/** What a browser's credential API takes and gives; the WebAuthn library reads it. */
const WebAuthnJson = Type.Record(Type.String({ maxLength: 64 }), Type.Unknown());

export const PasskeyId = idSchema("pk");
export const Passkey = Type.Object({
  passkeyId: PasskeyId,
  name: Name,
  createTime: Time,
  lastUseTime: Type.Union([Time, Type.Null()]),
});
export type Passkey = Static<typeof Passkey>;

const Challenge = Type.Object({
  token: Type.String(),
  factors: Type.Array(Type.Enum(["totp", "passkey", "backupCode"])),
  passkeyOptions: Type.Union([WebAuthnJson, Type.Null()]),
});

/** A session, or the question for the second factor. */
export const SignedInOrChallenge = Type.Object({
  caller: Type.Union([Caller, Type.Null()]),
  csrfToken: Type.Union([Type.String(), Type.Null()]),
  challenge: Type.Union([Challenge, Type.Null()]),
});

const SignedIn = Type.Object({
  caller: Caller,
  csrfToken: Type.String(),
});

/** A proof of a second factor: exactly one of them. */
const proof = {
  totpCode: Type.Optional(Code),
  backupCode: Type.Optional(BackupCode),
  passkey: Type.Optional(WebAuthnJson),
};
const proofSecrets = ["token", "totpCode", "backupCode", "passkey"] as const;

/**
 * From one source. The brake on guessing is by name and network (lock-out.ts); this only bounds
 * the work, and must leave room for an office behind one address.
 */
const SIGN_INS_PER_MINUTE = 300;

export const signInOperations = {
  signIn: operation({
    name: "iam.signIn",
    summary: "Sign in with a password; who has a second factor is asked for it next",
    method: "POST",
    path: "/session:signIn",
    action: "iam:SignIn",
    resource: "session",
    authentication: "none",
    input: input({
      accountName: AccountName,
      userName: UserName,
      password: Type.String({ minLength: 1, maxLength: 256 }),
    }),
    secretInput: ["password"],
    output: SignedInOrChallenge,
    problems: ["iam.signInFailed"],
    limits: { perMinute: SIGN_INS_PER_MINUTE },
  }),
  beginPasskeySignIn: operation({
    name: "iam.beginPasskeySignIn",
    summary: "Begin to sign in with a passkey alone",
    method: "POST",
    path: "/session:beginPasskey",
    action: "iam:SignIn",
    resource: "session",
    authentication: "none",
    input: input({}),
    output: Challenge,
    problems: ["iam.passkeyHost"],
    limits: { perMinute: 60 },
  }),
  completeSignIn: operation({
    name: "iam.completeSignIn",
    summary: "Prove the second factor, or the passkey, and receive a console session",
    method: "POST",
    path: "/session:complete",
    action: "iam:SignIn",
    resource: "session",
    authentication: "none",
    input: input({ token: CeremonyToken, ...proof }),
    secretInput: proofSecrets,
    output: SignedIn,
    problems: ["iam.signInFailed"],
    limits: { perMinute: SIGN_INS_PER_MINUTE },
  }),
};

const own = { resource: "own", beforeMfa: true } as const;
const factorProblems = ["iam.sessionRequired", "iam.factorRefused", "iam.ceremonyExpired"] as const;

export const ownOperations = {
  getOwnSecurity: operation({
    ...own,
    name: "iam.getOwnSecurity",
    summary: "Tell the caller's own second factors",
    method: "GET",
    path: "/own/security",
    action: "iam:GetOwnSecurity",
    input: input({}),
    output: Type.Object({
      totp: Type.Boolean(),
      passkeys: Type.Array(Passkey),
      backupCodesLeft: Type.Integer(),
      mfaTime: Type.Union([Time, Type.Null()]),
      mfaDemanded: Type.Boolean(),
    }),
    problems: ["iam.sessionRequired"],
  }),
  changeOwnPassword: operation({
    ...own,
    name: "iam.changeOwnPassword",
    summary: "Change the caller's own password; other sessions end, this one gets a new token",
    method: "POST",
    path: "/own/password:change",
    action: "iam:ChangeOwnPassword",
    input: input({
      password: Type.String({ minLength: 1, maxLength: 256 }),
      newPassword: Password,
    }),
    secretInput: ["password", "newPassword"],
    output: Type.Object({ csrfToken: Type.String() }),
    secretOutput: ["csrfToken"],
    problems: ["iam.sessionRequired", "iam.signInFailed", "iam.passwordRefused"],
    freshMfa: true,
    limits: { perMinute: 10 },
  }),
  beginOwnTotp: operation({
    ...own,
    name: "iam.beginOwnTotp",
    summary: "Begin to add an authenticator app: its secret, shown once",
    method: "POST",
    path: "/own/totp:begin",
    action: "iam:BeginOwnTotp",
    input: input({}),
    output: Type.Object({ secret: Type.String(), uri: Type.String() }),
    secretOutput: ["secret", "uri"],
    problems: ["iam.sessionRequired", "iam.totpPresent"],
    freshMfa: true,
  }),
  confirmOwnTotp: operation({
    ...own,
    name: "iam.confirmOwnTotp",
    summary: "Prove the new authenticator app with a code; from now on sign-in asks for it",
    method: "POST",
    path: "/own/totp:confirm",
    action: "iam:ConfirmOwnTotp",
    input: input({ totpCode: Code }),
    secretInput: ["totpCode"],
    output: Type.Object({ backupCodes: Type.Array(Type.String()), csrfToken: Type.String() }),
    secretOutput: ["backupCodes", "csrfToken"],
    problems: factorProblems,
    limits: { perMinute: 10 },
  }),
  deleteOwnTotp: operation({
    ...own,
    name: "iam.deleteOwnTotp",
    summary: "Remove the caller's authenticator app",
    method: "DELETE",
    path: "/own/totp",
    action: "iam:DeleteOwnTotp",
    input: input({}),
    output: Empty,
    problems: ["iam.sessionRequired", "iam.factorNotFound", "iam.factorDemanded"],
    dangerous: true,
  }),
  beginOwnPasskey: operation({
    ...own,
    name: "iam.beginOwnPasskey",
    summary: "Begin to add a passkey",
    method: "POST",
    path: "/own/passkeys:begin",
    action: "iam:BeginOwnPasskey",
    input: input({}),
    output: Type.Object({ token: Type.String(), options: WebAuthnJson }),
    problems: ["iam.sessionRequired", "iam.passkeyHost", "iam.limitReached"],
    freshMfa: true,
  }),
  completeOwnPasskey: operation({
    ...own,
    name: "iam.completeOwnPasskey",
    summary: "Add the passkey that the browser made",
    method: "POST",
    path: "/own/passkeys:complete",
    action: "iam:CompleteOwnPasskey",
    input: input({ token: CeremonyToken, name: Name, response: WebAuthnJson }),
    secretInput: ["token", "response"],
    output: Type.Object({
      passkey: Passkey,
      backupCodes: Type.Array(Type.String()),
      csrfToken: Type.String(),
    }),
    secretOutput: ["backupCodes", "csrfToken"],
    problems: [...factorProblems, "iam.passkeyHost"],
  }),
  deleteOwnPasskey: operation({
    ...own,
    name: "iam.deleteOwnPasskey",
    summary: "Remove one of the caller's passkeys",
    method: "DELETE",
    path: "/own/passkeys/{passkeyId}",
    action: "iam:DeleteOwnPasskey",
    input: input({ passkeyId: PasskeyId }),
    output: Empty,
    problems: ["iam.sessionRequired", "iam.factorNotFound", "iam.factorDemanded"],
    dangerous: true,
  }),
  renewOwnBackupCodes: operation({
    ...own,
    name: "iam.renewOwnBackupCodes",
    summary: "Make new back-up codes; the old ones end",
    method: "POST",
    path: "/own/backupCodes:renew",
    action: "iam:RenewOwnBackupCodes",
    input: input({}),
    output: Type.Object({ backupCodes: Type.Array(Type.String()) }),
    secretOutput: ["backupCodes"],
    problems: ["iam.sessionRequired", "iam.factorNotFound"],
    freshMfa: true,
  }),
  beginOwnConfirmation: operation({
    ...own,
    name: "iam.beginOwnConfirmation",
    summary: "Begin to prove a second factor again, before a dangerous operation",
    method: "POST",
    path: "/own/confirmation:begin",
    action: "iam:BeginOwnConfirmation",
    input: input({}),
    output: Challenge,
    problems: ["iam.sessionRequired"],
  }),
  completeOwnConfirmation: operation({
    ...own,
    name: "iam.completeOwnConfirmation",
    summary: "Prove a second factor again; the session gets a new token",
    method: "POST",
    path: "/own/confirmation:complete",
    action: "iam:CompleteOwnConfirmation",
    input: input({ token: CeremonyToken, ...proof }),
    secretInput: proofSecrets,
    output: Type.Object({ csrfToken: Type.String() }),
    secretOutput: ["csrfToken"],
    problems: factorProblems,
    limits: { perMinute: 20 },
  }),
  listOwnSessions: operation({
    ...own,
    name: "iam.listOwnSessions",
    summary: "List the caller's own console sessions",
    method: "GET",
    path: "/own/sessions",
    action: "iam:ListOwnSessions",
    input: listInput({}),
    output: listOutput("sessions", Session),
    problems: ["iam.sessionRequired"],
  }),
  revokeOwnSession: operation({
    ...own,
    name: "iam.revokeOwnSession",
    summary: "End one of the caller's own console sessions",
    method: "DELETE",
    path: "/own/sessions/{sessionId}",
    action: "iam:RevokeOwnSession",
    input: input({ sessionId: idSchema("ses") }),
    output: Empty,
    problems: ["iam.sessionRequired", "iam.sessionNotFound"],
  }),
};

export const securityOperations = {
  getSecuritySettings: operation({
    name: "iam.getSecuritySettings",
    summary: "Get the account's rules for passwords and second factors",
    method: "GET",
    path: "/securitySettings",
    action: "iam:GetSecuritySettings",
    resource: "securitySettings",
    input: input({}),
    output: SecuritySettings,
  }),
  updateSecuritySettings: operation({
    name: "iam.updateSecuritySettings",
    summary: "Change the account's rules for passwords and second factors",
    method: "PATCH",
    path: "/securitySettings",
    action: "iam:UpdateSecuritySettings",
    resource: "securitySettings",
    input: Type.Partial(SecuritySettings, { additionalProperties: false }),
    output: SecuritySettings,
    problems: ["iam.underBoundary"],
    freshMfa: true,
  }),
  resetUserFactors: operation({
    name: "iam.resetUserFactors",
    summary: "Remove every second factor of a user who lost them, and end his sessions",
    method: "POST",
    path: "/users/{userId}:resetFactors",
    action: "iam:ResetUserFactors",
    resource: "user/{userId}",
    input: input({ userId: UserId }),
    output: Empty,
    problems: ["iam.userNotFound", "iam.underBoundary"],
    dangerous: true,
  }),
};
