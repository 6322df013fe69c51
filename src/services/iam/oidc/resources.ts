/** Shapes of sign-in providers (OpenID Connect Core 1.0), and rules for who comes from them. */
import Type, { type Static } from "typebox";
import { idSchema, Name, Time } from "../../../kernel/operation.ts";
import { GroupId } from "../resources.ts";

export const OidcProviderId = idSchema("oidc");

const ClaimName = Type.String({ pattern: "^[A-Za-z0-9_.:/-]{1,128}$" });

/** A claim that puts who has it into groups. */
const GroupRule = Type.Object(
  {
    claim: ClaimName,
    /** Equal to the claim, or one of its values when it is a list. */
    value: Type.String({ minLength: 1, maxLength: 256 }),
    groupIds: Type.Array(GroupId, { minItems: 1, maxItems: 10, uniqueItems: true }),
  },
  { additionalProperties: false },
);

/** Who may come from a provider, under what name, and with what. */
export const ProviderRules = Type.Object(
  {
    /** `invited`: only users made for this provider; `create`: everybody it lets in. */
    provisioning: Type.Enum(["invited", "create"]),
    /** The claim that is the user's name. An address counts only when it is verified. */
    nameClaim: ClaimName,
    /** Only people with a verified address in one of these domains; empty = no such demand. */
    emailDomains: Type.Array(Type.String({ pattern: "^[a-z0-9.-]{1,253}$" }), { maxItems: 20 }),
    groupRules: Type.Array(GroupRule, { maxItems: 100 }),
    /** Tag name → claim whose value it takes, for conditions of policies and trust documents. */
    tagClaims: Type.Record(Type.String({ pattern: "^[A-Za-z0-9._:@-]{1,64}$" }), ClaimName, {
      maxProperties: 20,
    }),
    /** The provider's own second factor counts here (`amr` of RFC 8176 holds `mfa`). */
    trustMfa: Type.Boolean(),
    /** Asked for beside `openid`. */
    scopes: Type.Array(Type.String({ pattern: "^[A-Za-z0-9_.:/-]{1,128}$" }), { maxItems: 20 }),
  },
  { additionalProperties: false },
);
export type ProviderRules = Static<typeof ProviderRules>;

export const rulesDefault: ProviderRules = {
  provisioning: "invited",
  nameClaim: "email",
  emailDomains: [],
  groupRules: [],
  tagClaims: {},
  trustMfa: false,
  scopes: ["profile", "email"],
};

export const OidcProvider = Type.Object({
  oidcProviderId: OidcProviderId,
  name: Name,
  /** Never changes: subjects of another issuer are other people. */
  issuer: Type.String(),
  clientId: Type.String(),
  /** True when a client secret is kept (sealed). */
  confidential: Type.Boolean(),
  /** Authorities trusted for the provider instead of the system's, PEM. */
  trustPem: Type.Union([Type.String(), Type.Null()]),
  rules: ProviderRules,
  enabled: Type.Boolean(),
  /** To be registered at the provider, below the console's address. */
  redirectPath: Type.String(),
  createTime: Time,
});
export type OidcProvider = Static<typeof OidcProvider>;

export const oidcResources = [
  {
    name: "oidcProvider",
    idField: "oidcProviderId",
    idPrefix: "oidc",
    titleField: "name",
    columns: ["name", "oidcProviderId", "issuer", "enabled", "redirectPath", "createTime"],
    list: "listOidcProviders",
    get: "getOidcProvider",
    create: "createOidcProvider",
    update: "updateOidcProvider",
    delete: "deleteOidcProvider",
  },
];
