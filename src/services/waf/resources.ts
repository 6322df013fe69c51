/** Shapes of what this service keeps: sites, exclusions, lists and rules. */
import Type, { type Static } from "typebox";
import { idSchema, Text, Time } from "../../kernel/operation.ts";

export const SiteId = idSchema("site");
export const ExclusionId = idSchema("excl");
export const ListEntryId = idSchema("list");

export const RuleSetId = idSchema("rset");

/** The set that `up` found on the machine, as a rule set among the imported ones. */
export const INSTALLED_RULE_SET = "rset-0000000000";

export const Mode = Type.Enum(["off", "observe", "block"]);

/** A host name, or `*.` and a host name; lower case (RFC 1123 §2.1). */
export const Domain = Type.String({
  maxLength: 253,
  pattern:
    "^(?:\\*\\.)?[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*$",
  description: "Host name in lower case, optionally with a leading *.",
});

/** Origin of an upstream: scheme, host and port, nothing behind. */
export const Upstream = Type.String({
  maxLength: 300,
  pattern: "^https?://(?:[A-Za-z0-9.-]+|\\[[0-9A-Fa-f:.]+\\])(?::[0-9]{1,5})?$",
  description: "Such as http://127.0.0.1:3000, without a path",
});

export const Cidr = Type.String({
  maxLength: 49,
  pattern: "^[0-9A-Fa-f:.]+(?:/[0-9]{1,3})?$",
  description: "IP address or CIDR block",
});

export const siteSettings = {
  domains: Type.Array(Domain, { minItems: 1, maxItems: 100, uniqueItems: true }),
  upstreams: Type.Array(Upstream, { minItems: 1, maxItems: 16, uniqueItems: true }),
  mode: Mode,
  paranoiaLevel: Type.Integer({ minimum: 1, maximum: 4 }),
  /** Anomaly score at which a request, or a response, is blocked. */
  inboundThreshold: Type.Integer({ minimum: 1, maximum: 10_000 }),
  outboundThreshold: Type.Integer({ minimum: 1, maximum: 10_000 }),
  requestBodyBytesMax: Type.Integer({ minimum: 0, maximum: 16_777_216 }),
  /** `rset-0000000000` is the installed one. */
  ruleSetId: RuleSetId,
  /** True: traffic goes on when events cannot be written. False: it is refused. */
  failOpen: Type.Boolean(),
  redirectToHttps: Type.Boolean(),
  /** Proxies in front whose X-Forwarded-For is believed. */
  trustedProxies: Type.Array(Cidr, { maxItems: 100 }),
};

export const siteDefaults = {
  mode: "observe",
  paranoiaLevel: 1,
  inboundThreshold: 5,
  outboundThreshold: 4,
  requestBodyBytesMax: 13_107_200,
  ruleSetId: INSTALLED_RULE_SET,
  failOpen: true,
  redirectToHttps: false,
  trustedProxies: [],
} as const;

export const Site = Type.Object({
  siteId: SiteId,
  ...siteSettings,
  /** What it followed before; null: nothing else. */
  previousRuleSetId: Type.Union([RuleSetId, Type.Null()]),
  /** Whether every gateway runs the newest settings, and why not. */
  state: Type.Enum(["applied", "pending", "failed"]),
  stateReason: Type.String(),
  createTime: Time,
  updateTime: Time,
});
export type Site = Static<typeof Site>;

export const optionalSettings = {
  upstreams: Type.Optional(siteSettings.upstreams),
  mode: Type.Optional(siteSettings.mode),
  paranoiaLevel: Type.Optional(siteSettings.paranoiaLevel),
  inboundThreshold: Type.Optional(siteSettings.inboundThreshold),
  outboundThreshold: Type.Optional(siteSettings.outboundThreshold),
  requestBodyBytesMax: Type.Optional(siteSettings.requestBodyBytesMax),
  ruleSetId: Type.Optional(siteSettings.ruleSetId),
  failOpen: Type.Optional(siteSettings.failOpen),
  redirectToHttps: Type.Optional(siteSettings.redirectToHttps),
  trustedProxies: Type.Optional(siteSettings.trustedProxies),
};

export const exclusionFields = {
  siteId: SiteId,
  /** Requests whose path starts so; `/` is every path. */
  pathPrefix: Type.String({ minLength: 1, maxLength: 1024, pattern: "^/" }),
  ruleId: Type.Integer({ minimum: 1, maximum: 99_999_999 }),
  /** Such as `ARGS:q`; null takes the whole rule off. */
  variable: Type.Union([
    Type.String({ minLength: 1, maxLength: 256, pattern: "^[A-Z_]+(?::[^\\p{C}]+)?$" }),
    Type.Null(),
  ]),
  note: Text,
};

export const Exclusion = Type.Object({
  exclusionId: ExclusionId,
  ...exclusionFields,
  createdBy: Type.String(),
  createTime: Time,
});
export type Exclusion = Static<typeof Exclusion>;

export const ListEntry = Type.Object({
  listEntryId: ListEntryId,
  /** Null: every site of the account. */
  siteId: Type.Union([SiteId, Type.Null()]),
  cidr: Cidr,
  action: Type.Enum(["allow", "block"]),
  note: Text,
  expireTime: Type.Union([Time, Type.Null()]),
  createTime: Time,
});
export type ListEntry = Static<typeof ListEntry>;

export const Rule = Type.Object({
  ruleId: Type.Integer(),
  phase: Type.Integer(),
  paranoiaLevel: Type.Integer(),
  severity: Type.String(),
  message: Type.String(),
  tags: Type.Array(Type.String()),
  file: Type.String(),
  line: Type.Integer(),
});
export type Rule = Static<typeof Rule>;

export const RuleMatch = Type.Object({
  ruleId: Type.Integer(),
  message: Type.String(),
  severity: Type.String(),
  tags: Type.Array(Type.String()),
  variable: Type.String(),
  value: Type.String(),
  matchStart: Type.Integer(),
  matchEnd: Type.Integer(),
});
export type RuleMatch = Static<typeof RuleMatch>;
