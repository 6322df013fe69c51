/**
 * The desired state of a gateway: one document, built by the control plane and checked by the
 * gateway. A new field is written here once; the gateway refuses what it does not know.
 */
import Type from "typebox";
import { SiteDelivery } from "./site-delivery.ts";
import { AddressListIntent, SitePolicyIntent } from "./site-policy-document.ts";
import { SiteUserAudit } from "./site-user-audit.ts";

const Id = Type.String({ minLength: 1, maxLength: 64 });
const Cidr = Type.String({ minLength: 2, maxLength: 64 });
const Pem = Type.String({ maxLength: 65_536 });

const Exclusion = Type.Object(
  {
    exclusionId: Id,
    pathPrefix: Type.String({ maxLength: 2_048 }),
    ruleId: Type.Integer({ minimum: 1 }),
    variable: Type.Union([Type.String({ maxLength: 256 }), Type.Null()]),
  },
  { additionalProperties: false },
);

export const SiteIntent = Type.Object(
  {
    siteId: Id,
    accountId: Id,
    domains: Type.Array(Type.String({ minLength: 1, maxLength: 253 }), {
      minItems: 1,
      maxItems: 100,
    }),
    upstreams: Type.Array(Type.String({ maxLength: 512 }), { minItems: 1, maxItems: 32 }),
    mode: Type.Union([Type.Literal("off"), Type.Literal("observe"), Type.Literal("block")]),
    paranoiaLevel: Type.Integer({ minimum: 1, maximum: 4 }),
    inboundThreshold: Type.Integer({ minimum: 1, maximum: 10_000 }),
    outboundThreshold: Type.Integer({ minimum: 1, maximum: 10_000 }),
    requestBodyBytesMax: Type.Integer({ minimum: 0, maximum: 16_777_216 }),
    failOpen: Type.Boolean(),
    /** Name of a rule set below `rulesets`; empty = none. */
    ruleset: Type.String({ maxLength: 64 }),
    exclusions: Type.Array(Exclusion, { maxItems: 1_000 }),
    certificatePem: Pem,
    privateKeyPem: Pem,
    trustedProxies: Type.Array(Cidr, { maxItems: 100 }),
    redirectToHttps: Type.Boolean(),
    delivery: Type.Optional(SiteDelivery),
    /** Routes, custom rules, lists, bots; absent on a site without any. */
    policy: Type.Optional(SitePolicyIntent),
    /** Who used the site; absent on one that records nobody. */
    userAudit: Type.Optional(SiteUserAudit),
  },
  { additionalProperties: false },
);

export const SourceIntent = Type.Object(
  {
    cidr: Cidr,
    action: Type.Union([Type.Literal("block"), Type.Literal("allow")]),
    accountId: Id,
    /** Null: every site of the account. */
    siteId: Type.Union([Id, Type.Null()]),
    expiresAt: Type.Union([Type.String({ maxLength: 40 }), Type.Null()]),
    responseId: Type.Union([Id, Type.Null()]),
  },
  { additionalProperties: false },
);

/** A proof of HTTP-01 (RFC 8555 §8.3): what a token below the challenge path is answered with. */
export const ChallengeIntent = Type.Object(
  {
    domain: Type.String({ minLength: 1, maxLength: 253 }),
    token: Type.String({ pattern: "^[A-Za-z0-9_-]{1,200}$" }),
    keyAuthorization: Type.String({ pattern: "^[A-Za-z0-9_.-]{1,400}$" }),
  },
  { additionalProperties: false },
);

/** A database of countries or networks; the gateway fetches it packed and keeps it unpacked. */
const GeoDatabaseIntent = Type.Object(
  {
    kind: Type.Enum(["country", "asn"]),
    sha256: Type.String({ pattern: "^[0-9a-f]{64}$" }),
    /** Of the packed bytes. */
    contentSha256: Type.String({ pattern: "^[0-9a-f]{64}$" }),
  },
  { additionalProperties: false },
);
export type GeoDatabaseIntent = Type.Static<typeof GeoDatabaseIntent>;

export const GatewayIntent = Type.Object(
  {
    version: Type.Integer({ minimum: 0 }),
    /** Absent in the last good intent of an older version. */
    challenges: Type.Optional(Type.Array(ChallengeIntent, { maxItems: 10_000 })),
    /** Lists of addresses that policies of sites name. */
    addressLists: Type.Optional(Type.Array(AddressListIntent, { maxItems: 10_000 })),
    /** One of a kind; absent while there is none. */
    geoDatabases: Type.Optional(Type.Array(GeoDatabaseIntent, { maxItems: 2 })),
    sites: Type.Array(SiteIntent, { maxItems: 10_000 }),
    sources: Type.Array(SourceIntent, { maxItems: 1_000_000 }),
    /** Rule sets by name, and the folder of the files on the gateway's machine. */
    rulesets: Type.Array(
      Type.Object(
        {
          name: Type.String({ minLength: 1, maxLength: 64 }),
          folder: Type.String(),
          /** Of the packed files; the gateway fetches them and keeps a folder of its own. */
          sha256: Type.Optional(Type.String({ pattern: "^[0-9a-f]{64}$" })),
        },
        { additionalProperties: false },
      ),
      { maxItems: 64 },
    ),
  },
  { additionalProperties: false },
);

export type GatewayIntent = Type.Static<typeof GatewayIntent>;
export type SiteIntent = Type.Static<typeof SiteIntent>;
export type SourceIntent = Type.Static<typeof SourceIntent>;
