/** The operations on sign-in providers, and signing in by one. */
import Type from "typebox";
import { Empty, input, listInput, listOutput, Name, operation } from "../../../kernel/operation.ts";
import { AccountName } from "../../account/contract.ts";
import { SignedInOrChallenge } from "../factor-operations.ts";
import { OidcProvider, OidcProviderId, ProviderRules } from "./resources.ts";

const Issuer = Type.String({
  pattern: "^https://[^\\s?#]+$",
  maxLength: 512,
  description: "As the provider's discovery document names it, without query or fragment",
});
const ClientId = Type.String({ minLength: 1, maxLength: 256 });
const ClientSecret = Type.String({ minLength: 1, maxLength: 512 });
const TrustPem = Type.Union([Type.String({ maxLength: 32_768 }), Type.Null()]);
const Rules = Type.Partial(ProviderRules, { additionalProperties: false });

/** Each begins connections to a provider, so nobody may do it often. */
const SIGN_INS_PER_MINUTE = 120;

export const oidcOperations = {
  listOidcProviders: operation({
    name: "iam.listOidcProviders",
    summary: "List sign-in providers",
    method: "GET",
    path: "/oidcProviders",
    action: "iam:ListOidcProviders",
    resource: "oidcProvider/*",
    input: listInput({}),
    output: listOutput("oidcProviders", OidcProvider),
  }),
  getOidcProvider: operation({
    name: "iam.getOidcProvider",
    summary: "Get one sign-in provider",
    method: "GET",
    path: "/oidcProviders/{oidcProviderId}",
    action: "iam:GetOidcProvider",
    resource: "oidcProvider/{oidcProviderId}",
    input: input({ oidcProviderId: OidcProviderId }),
    output: OidcProvider,
    problems: ["iam.oidcProviderNotFound"],
  }),
  createOidcProvider: operation({
    name: "iam.createOidcProvider",
    summary: "Let people sign in with an OpenID Connect provider",
    method: "POST",
    path: "/oidcProviders",
    action: "iam:CreateOidcProvider",
    resource: "oidcProvider/*",
    input: input({
      name: Name,
      issuer: Issuer,
      clientId: ClientId,
      clientSecret: Type.Optional(ClientSecret),
      trustPem: Type.Optional(TrustPem),
      rules: Type.Optional(Rules),
    }),
    secretInput: ["clientSecret"],
    output: OidcProvider,
    problems: [
      "iam.oidcProviderNameTaken",
      "iam.oidcUnreachable",
      "iam.groupNotFound",
      "iam.limitReached",
      "iam.underBoundary",
    ],
    freshMfa: true,
    limits: { perMinute: 20 },
  }),
  updateOidcProvider: operation({
    name: "iam.updateOidcProvider",
    summary: "Change a sign-in provider; disabling it ends the sessions that began at it",
    method: "PATCH",
    path: "/oidcProviders/{oidcProviderId}",
    action: "iam:UpdateOidcProvider",
    resource: "oidcProvider/{oidcProviderId}",
    input: input({
      oidcProviderId: OidcProviderId,
      name: Type.Optional(Name),
      clientSecret: Type.Optional(ClientSecret),
      trustPem: Type.Optional(TrustPem),
      rules: Type.Optional(Rules),
      enabled: Type.Optional(Type.Boolean()),
    }),
    secretInput: ["clientSecret"],
    output: OidcProvider,
    problems: [
      "iam.oidcProviderNotFound",
      "iam.oidcProviderNameTaken",
      "iam.groupNotFound",
      "iam.underBoundary",
    ],
    freshMfa: true,
  }),
  testOidcProvider: operation({
    name: "iam.testOidcProvider",
    summary: "Ask a provider for its discovery document and keys, as a sign-in would",
    method: "POST",
    path: "/oidcProviders/{oidcProviderId}:test",
    action: "iam:TestOidcProvider",
    resource: "oidcProvider/{oidcProviderId}",
    input: input({ oidcProviderId: OidcProviderId }),
    output: Type.Object({
      authorizationEndpoint: Type.String(),
      tokenEndpoint: Type.String(),
      keys: Type.Integer(),
      /** The provider says in its answers who it is (RFC 9207). */
      namesItself: Type.Boolean(),
    }),
    problems: ["iam.oidcProviderNotFound", "iam.oidcUnreachable"],
    limits: { perMinute: 20 },
  }),
  deleteOidcProvider: operation({
    name: "iam.deleteOidcProvider",
    summary: "Delete a sign-in provider; its users stay, cannot sign in by it, and are signed out",
    method: "DELETE",
    path: "/oidcProviders/{oidcProviderId}",
    action: "iam:DeleteOidcProvider",
    resource: "oidcProvider/{oidcProviderId}",
    input: input({ oidcProviderId: OidcProviderId }),
    output: Empty,
    problems: ["iam.oidcProviderNotFound", "iam.underBoundary"],
    dangerous: true,
  }),
};

export const oidcSignInOperations = {
  listSignInProviders: operation({
    name: "iam.listSignInProviders",
    summary: "List the providers by which the people of an account may sign in",
    method: "GET",
    path: "/signInProviders",
    action: "iam:SignIn",
    resource: "session",
    authentication: "none",
    input: input({ accountName: AccountName }),
    output: Type.Object({
      providers: Type.Array(Type.Object({ oidcProviderId: OidcProviderId, name: Name })),
    }),
    limits: { perMinute: 120 },
  }),
  beginOidcSignIn: operation({
    name: "iam.beginOidcSignIn",
    summary: "Begin to sign in by a provider: where the browser must go",
    method: "POST",
    path: "/session:beginOidc",
    action: "iam:SignIn",
    resource: "session",
    authentication: "none",
    input: input({ oidcProviderId: OidcProviderId }),
    output: Type.Object({ authorizationUrl: Type.String() }),
    secretOutput: ["authorizationUrl"],
    problems: ["iam.oidcProviderNotFound", "iam.oidcUnreachable", "iam.oidcHost", "iam.oidcBusy"],
    limits: { perMinute: SIGN_INS_PER_MINUTE },
  }),
  completeOidcSignIn: operation({
    name: "iam.completeOidcSignIn",
    summary: "Finish signing in with what the provider sent the browser back with",
    method: "POST",
    path: "/session:completeOidc",
    action: "iam:SignIn",
    resource: "session",
    authentication: "none",
    input: input({
      oidcProviderId: OidcProviderId,
      state: Type.String({ minLength: 20, maxLength: 100 }),
      code: Type.String({ minLength: 1, maxLength: 4_096 }),
      iss: Type.Optional(Type.String({ maxLength: 512 })),
    }),
    secretInput: ["state", "code"],
    output: SignedInOrChallenge,
    problems: ["iam.oidcFailed", "iam.oidcRefused", "iam.oidcUnreachable", "iam.oidcBusy"],
    limits: { perMinute: SIGN_INS_PER_MINUTE },
  }),
};
