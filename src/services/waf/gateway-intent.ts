/** What a gateway is told to do: the whole of its desired state in one versioned document. */
import Type, { type Static } from "typebox";
import { Time } from "../../kernel/operation.ts";
import { Cidr, Domain, Mode, SiteId, Upstream } from "./resources.ts";

const Settings = {
  mode: Mode,
  paranoiaLevel: Type.Integer({ minimum: 1, maximum: 4 }),
  inboundThreshold: Type.Integer({ minimum: 1 }),
  outboundThreshold: Type.Integer({ minimum: 1 }),
  requestBodyBytesMax: Type.Integer({ minimum: 0 }),
  failOpen: Type.Boolean(),
  redirectToHttps: Type.Boolean(),
  trustedProxies: Type.Array(Cidr),
};

export const IntentSite = Type.Object({
  siteId: SiteId,
  accountId: Type.String(),
  domains: Type.Array(Domain),
  upstreams: Type.Array(Upstream),
  ...Settings,
  /** Name of a rule set below `rulesets`; empty = none. */
  ruleset: Type.String(),
  exclusions: Type.Array(
    Type.Object({
      exclusionId: Type.String(),
      pathPrefix: Type.String(),
      ruleId: Type.Integer(),
      variable: Type.Union([Type.String(), Type.Null()]),
    }),
  ),
  certificatePem: Type.String(),
  privateKeyPem: Type.String(),
});
export type IntentSite = Static<typeof IntentSite>;

export const IntentSource = Type.Object({
  cidr: Cidr,
  action: Type.Enum(["block", "allow"]),
  accountId: Type.String(),
  /** Null: every site of the account. */
  siteId: Type.Union([SiteId, Type.Null()]),
  expiresAt: Type.Union([Time, Type.Null()]),
  responseId: Type.Union([Type.String(), Type.Null()]),
});
export type IntentSource = Static<typeof IntentSource>;

export const GatewayIntent = Type.Object({
  version: Type.Integer({ minimum: 0 }),
  sites: Type.Array(IntentSite, { maxItems: 10_000 }),
  sources: Type.Array(IntentSource, { maxItems: 1_000_000 }),
  /** Proofs of HTTP-01 (RFC 8555 §8.3), answered before anything else of a request. */
  challenges: Type.Array(
    Type.Object({ domain: Domain, token: Type.String(), keyAuthorization: Type.String() }),
    { maxItems: 10_000 },
  ),
  /** Rule sets by name, and the folder of the files on the gateway's machine. */
  rulesets: Type.Array(Type.Object({ name: Type.String(), folder: Type.String() })),
});
export type GatewayIntent = Static<typeof GatewayIntent>;

/** What a gateway reports back. */
export const GatewayStatus = Type.Object({
  runningVersion: Type.Integer({ minimum: 0 }),
  /** Sites whose newest settings could not be applied, and why; the last good ones run on. */
  failures: Type.Array(Type.Object({ siteId: Type.String(), message: Type.String() }), {
    maxItems: 10_000,
  }),
  messages: Type.Array(Type.String({ maxLength: 1024 }), { maxItems: 100 }),
});
export type GatewayStatus = Static<typeof GatewayStatus>;
