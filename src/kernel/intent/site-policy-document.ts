/**
 * What an operator declares about the requests of a site: routes, custom rules, lists, bots. The
 * same shapes are the contract's input and, with ids, part of the gateways' intent.
 */

import Type, { type Static, type TSchema } from "typebox";
import { FIELD_NAMES, OPERATORS } from "../../engines/sitepolicy/condition-names.ts";
import { RequestRecordSettings, requestRecordDefaults } from "./request-records.ts";

export const policyLimits = {
  routesPerSiteMax: 200,
  rulesPerSiteMax: 500,
  conditionsPerGroupMax: 32,
  valuesMax: 256,
  valueLengthMax: 2_048,
  pageBytesMax: 65_536,
  honeypotPathsMax: 50,
  listsPerSiteMax: 32,
  patchesPerSiteMax: 100,
  secLangLengthMax: 65_536,
} as const;

const closed = { additionalProperties: false } as const;

const Leaf = Type.Object(
  {
    field: Type.Enum([...FIELD_NAMES]),
    /** Which query parameter, header, cookie or body field. */
    name: Type.Optional(Type.String({ minLength: 1, maxLength: 256 })),
    operator: Type.Enum([...OPERATORS]),
    /** Any of these. */
    values: Type.Optional(
      Type.Array(Type.String({ maxLength: policyLimits.valueLengthMax }), {
        maxItems: policyLimits.valuesMax,
      }),
    ),
    ignoreCase: Type.Optional(Type.Boolean()),
  },
  closed,
);

/** One level more of all, any and not; the depth is bounded by how often this is applied. */
function grouped<Inner extends TSchema>(inner: Inner) {
  const several = Type.Array(inner, {
    minItems: 1,
    maxItems: policyLimits.conditionsPerGroupMax,
  });
  return Type.Union([
    Leaf,
    Type.Object({ all: several }, closed),
    Type.Object({ any: several }, closed),
    Type.Object({ not: inner }, closed),
  ]);
}

/** A condition: a comparison, or `all`, `any`, `not` of conditions, three groups deep. */
export const RuleCondition = grouped(grouped(grouped(Leaf)));
export type RuleCondition = Static<typeof RuleCondition>;

const HeaderName = Type.String({ pattern: "^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}$" });

/** What a count is kept by. */
export const RateKey = Type.Object(
  {
    by: Type.Enum(["ip", "header", "cookie", "path", "fingerprint", "ja4"]),
    /** Which header or cookie. */
    name: Type.Optional(Type.String({ minLength: 1, maxLength: 128 })),
  },
  closed,
);

export const RateLimit = Type.Object(
  {
    /** Counted together: `[ip, path]` counts each path of each address. */
    keys: Type.Array(RateKey, { minItems: 1, maxItems: 4 }),
    requestsMax: Type.Integer({ minimum: 1, maximum: 1_000_000 }),
    windowSeconds: Type.Integer({ minimum: 1, maximum: 3_600 }),
    /** First ban; each further one within the memory of the last doubles. 0: no ban. */
    banSeconds: Type.Integer({ minimum: 0, maximum: 86_400 }),
    banSecondsMax: Type.Integer({ minimum: 0, maximum: 604_800 }),
    exceeded: Type.Enum(["refuse", "challenge"]),
  },
  closed,
);
export type RateLimit = Static<typeof RateLimit>;

const kind = <const Name extends string>(name: Name) => ({ kind: Type.Literal(name) });

export const RuleAction = Type.Union([
  Type.Object(
    {
      ...kind("allow") /** Rule set too, not only what follows here. */,
      skipsRules: Type.Optional(Type.Boolean()),
    },
    closed,
  ),
  Type.Object(
    { ...kind("block"), status: Type.Optional(Type.Integer({ minimum: 400, maximum: 599 })) },
    closed,
  ),
  Type.Object(kind("challenge"), closed),
  Type.Object(kind("log"), closed),
  Type.Object({ ...kind("rateLimit"), limit: RateLimit }, closed),
  Type.Object(
    {
      ...kind("rewriteHeader"),
      name: HeaderName,
      /** Null takes the header out. */
      value: Type.Union([
        Type.String({ maxLength: 1_024, pattern: "^[\\x20-\\x7e]*$" }),
        Type.Null(),
      ]),
    },
    closed,
  ),
]);
export type RuleAction = Static<typeof RuleAction>;

export const BlockPage = Type.Object(
  {
    status: Type.Integer({ minimum: 400, maximum: 599 }),
    /** With {{requestId}}, {{clientAddress}}, {{status}} and {{time}}; empty: the built-in page. */
    html: Type.String({ maxLength: policyLimits.pageBytesMax }),
  },
  closed,
);
export type BlockPage = Static<typeof BlockPage>;

const Mode = Type.Enum(["off", "observe", "block"]);

/** What a route sets differs from its site; null keeps the site's. */
export const routeSettings = {
  match: Type.Enum(["prefix", "exact", "glob"]),
  path: Type.String({ minLength: 1, maxLength: 1_024, pattern: "^/[^?#\\s\\p{C}]*$" }),
  mode: Type.Union([Mode, Type.Null()]),
  paranoiaLevel: Type.Union([Type.Integer({ minimum: 1, maximum: 4 }), Type.Null()]),
  inboundThreshold: Type.Union([Type.Integer({ minimum: 1, maximum: 10_000 }), Type.Null()]),
  outboundThreshold: Type.Union([Type.Integer({ minimum: 1, maximum: 10_000 }), Type.Null()]),
  /** Bytes of a request body that rules read. */
  requestBodyBytesMax: Type.Union([Type.Integer({ minimum: 0, maximum: 16_777_216 }), Type.Null()]),
  /** Larger request bodies are refused with 413; null: no bound. */
  uploadBytesMax: Type.Union([
    Type.Integer({ minimum: 0, maximum: 1_099_511_627_776 }),
    Type.Null(),
  ]),
  /** Neither the rules of the site nor the rule set look at it; lists of sources still do. */
  bypass: Type.Boolean(),
  blockPage: Type.Union([BlockPage, Type.Null()]),
};

const Id = Type.String({ minLength: 1, maxLength: 64 });
const Title = Type.String({ maxLength: 256 });
const Expiry = Type.Union([Type.String({ maxLength: 40 }), Type.Null()]);

export const RouteIntent = Type.Object({ routeId: Id, name: Title, ...routeSettings }, closed);
export type RouteIntent = Static<typeof RouteIntent>;

export const RuleIntent = Type.Object(
  {
    customRuleId: Id,
    name: Title,
    /** Null: every request. */
    when: Type.Union([RuleCondition, Type.Null()]),
    action: RuleAction,
    expiresAt: Expiry,
  },
  closed,
);
export type RuleIntent = Static<typeof RuleIntent>;

export const listUse = Type.Object(
  { addressListId: Id, action: Type.Enum(["allow", "block", "log"]) },
  closed,
);

export const GeoPolicy = Type.Object(
  {
    mode: Type.Enum(["off", "blockThese", "allowOnlyThese"]),
    countries: Type.Array(Type.String({ pattern: "^[A-Z]{2}$" }), { maxItems: 250 }),
    asns: Type.Array(Type.Integer({ minimum: 1, maximum: 4_294_967_295 }), { maxItems: 1_000 }),
    /** What becomes of an address that no database knows. */
    unknown: Type.Enum(["allow", "block"]),
  },
  closed,
);

export const BotPolicy = Type.Object(
  {
    badAgents: Type.Enum(["off", "log", "block", "challenge"]),
    /** Clients that call themselves a crawler whose name servers do not confirm it. */
    fakeCrawlers: Type.Enum(["off", "log", "block"]),
    /** Confirmed crawlers are never challenged or limited. */
    letCrawlersPass: Type.Boolean(),
    honeypotPaths: Type.Array(routeSettings.path, { maxItems: policyLimits.honeypotPathsMax }),
    honeypotBanSeconds: Type.Integer({ minimum: 1, maximum: 604_800 }),
    /** Every visitor has to solve the challenge first. */
    challengeAll: Type.Boolean(),
    /** Leading zero bits of the proof: each one more doubles the work. */
    challengeBits: Type.Integer({ minimum: 8, maximum: 22 }),
    passSeconds: Type.Integer({ minimum: 60, maximum: 86_400 }),
  },
  closed,
);

const PatchUse = Type.Object(
  {
    patchId: Id,
    action: Type.Enum(["log", "block"]),
    /** A text that is no time would never come, and a patch that never ends says it does. */
    expiresAt: Type.Union([Type.String({ format: "date-time", maxLength: 35 }), Type.Null()]),
  },
  closed,
);

/** Applications that the Core Rule Set 3.3 has exclusions for (REQUEST-903.900x). */
export const ExcludedApplication = Type.Enum([
  ...(["cpanel", "dokuwiki", "drupal", "nextcloud", "wordpress", "xenforo"] as const),
]);

/** A site's settings for requests, beside its routes and rules. */
export const sitePolicySettings = {
  blockPage: Type.Union([BlockPage, Type.Null()]),
  lists: Type.Array(listUse, { maxItems: policyLimits.listsPerSiteMax }),
  geo: GeoPolicy,
  bots: BotPolicy,
  patches: Type.Array(PatchUse, { maxItems: policyLimits.patchesPerSiteMax }),
  /** Rules of the operator's own in the rule language; empty: none. */
  secLang: Type.String({ maxLength: policyLimits.secLangLengthMax }),
  /** What the site runs: the rule set's own exclusions for it are switched on. */
  applications: Type.Array(ExcludedApplication, { maxItems: 6, uniqueItems: true }),
  /** Requests that rules flagged, kept whole to be replayed. */
  requestRecords: RequestRecordSettings,
};
export const SitePolicySettings = Type.Object(sitePolicySettings, closed);
export type SitePolicySettings = Static<typeof SitePolicySettings>;

export const sitePolicyDefaults: SitePolicySettings = {
  blockPage: null,
  lists: [],
  geo: { mode: "off", countries: [], asns: [], unknown: "allow" },
  bots: {
    badAgents: "off",
    fakeCrawlers: "off",
    letCrawlersPass: true,
    honeypotPaths: [],
    honeypotBanSeconds: 3_600,
    challengeAll: false,
    challengeBits: 16,
    passSeconds: 3_600,
  },
  patches: [],
  secLang: "",
  applications: [],
  requestRecords: requestRecordDefaults,
};

/** A patch in use, with what it stops. */
const PatchIntent = Type.Object(
  { ...PatchUse.properties, expiresAt: Expiry, name: Title, when: RuleCondition },
  closed,
);

/** The whole of it, as a gateway gets it; absent on a site that uses none of it. */
export const SitePolicyIntent = Type.Object(
  {
    ...sitePolicySettings,
    /** Absent in the last good intent of an older version. */
    applications: Type.Optional(sitePolicySettings.applications),
    requestRecords: Type.Optional(sitePolicySettings.requestRecords),
    patches: Type.Array(PatchIntent, { maxItems: policyLimits.patchesPerSiteMax }),
    routes: Type.Array(RouteIntent, { maxItems: policyLimits.routesPerSiteMax }),
    /** In their order. */
    rules: Type.Array(RuleIntent, { maxItems: policyLimits.rulesPerSiteMax }),
  },
  closed,
);
export type SitePolicyIntent = Static<typeof SitePolicyIntent>;

/** A named list of addresses; its packed content lies beside the intent by its digest. */
export const AddressListIntent = Type.Object(
  {
    addressListId: Id,
    accountId: Id,
    sha256: Type.String({ pattern: "^[0-9a-f]{64}$" }),
    ranges: Type.Integer({ minimum: 0 }),
  },
  closed,
);
export type AddressListIntent = Static<typeof AddressListIntent>;
