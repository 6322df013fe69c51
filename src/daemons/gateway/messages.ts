/** What master and workers tell each other over IPC, and what the gateway reports upward. */
import Type from "typebox";
import { Compile } from "typebox/compile";
import { GatewayIntent } from "../../kernel/intent/gateway-document.ts";

const Count = Type.Number({ minimum: 0 });
const RateKey = Type.Object({ high: Count, low: Count });
const RateTerms = Type.Object({
  requestsMax: Count,
  windowMs: Count,
  banMs: Count,
  banMsMax: Count,
});

export const ToWorker = Type.Union([
  Type.Object({ kind: Type.Literal("intent"), intent: GatewayIntent }),
  Type.Object({
    kind: Type.Literal("bans"),
    bans: Type.Array(Type.Object({ key: RateKey, untilMs: Count })),
  }),
  Type.Object({
    kind: Type.Literal("fleetRates"),
    seed: Type.String(),
    bans: Type.Array(Type.Object({ scope: Type.String(), key: RateKey, untilMs: Count })),
  }),
  Type.Object({ kind: Type.Literal("stop"), graceMs: Type.Integer({ minimum: 0 }) }),
]);
export type ToWorker = Type.Static<typeof ToWorker>;

export const UpstreamStatus = Type.Object({
  siteId: Type.String(),
  upstream: Type.String(),
  state: Type.Enum(["up", "down", "ejected", "drained"]),
  stateReason: Type.String(),
  weight: Type.Integer(),
  connections: Type.Integer(),
  failures: Type.Integer(),
});
export type UpstreamStatus = Type.Static<typeof UpstreamStatus>;

export const PageStatus = Type.Object({
  siteId: Type.String(),
  path: Type.String(),
  state: Type.Enum(["unseen", "unapproved", "approved", "changed"]),
  approvedDigest: Type.Union([Type.String(), Type.Null()]),
  seenDigest: Type.Union([Type.String(), Type.Null()]),
  seenBytes: Type.Integer(),
  seenTimeMs: Type.Integer(),
});
export type PageStatus = Type.Static<typeof PageStatus>;

export const WorkerStatus = Type.Object({
  version: Type.Integer(),
  requests: Type.Integer(),
  blocked: Type.Integer(),
  upstreamFailures: Type.Integer(),
  connections: Type.Integer(),
  eventsLost: Type.Integer(),
  connectionsRefused: Type.Integer(),
  /** What it cannot do now, in words; empty when all is well. */
  troubles: Type.Array(Type.String()),
  /** Of sites that have settings for their upstreams. */
  upstreams: Type.Array(UpstreamStatus),
  /** Guarded pages of sites that have some. */
  pages: Type.Array(PageStatus),
});
export type WorkerStatus = Type.Static<typeof WorkerStatus>;

export const FromWorker = Type.Union([
  Type.Object({
    kind: Type.Literal("listening"),
    httpPort: Type.Integer(),
    httpsPort: Type.Integer(),
  }),
  Type.Object({ kind: Type.Literal("applied"), version: Type.Integer() }),
  Type.Object({
    kind: Type.Literal("notApplied"),
    version: Type.Integer(),
    message: Type.String(),
  }),
  Type.Object({ kind: Type.Literal("status"), status: WorkerStatus }),
  Type.Object({
    kind: Type.Literal("rates"),
    counts: Type.Array(
      Type.Object({ scope: Type.String(), key: RateKey, terms: RateTerms, amount: Count }),
    ),
  }),
  Type.Object({ kind: Type.Literal("failed"), message: Type.String() }),
]);
export type FromWorker = Type.Static<typeof FromWorker>;

const toWorker = Compile(ToWorker);
const fromWorker = Compile(FromWorker);

/** The message when it is one, else null. */
export const readToWorker = (value: unknown): ToWorker | null =>
  toWorker.Check(value) ? value : null;
export const readFromWorker = (value: unknown): FromWorker | null =>
  fromWorker.Check(value) ? value : null;

/** What the gateway as a whole reports: the contract's GatewayStatus, with its counters. */
export type GatewayStatus = {
  runningVersion: number;
  /** Sites whose newest settings could not be applied, and why; the last good ones run on. */
  failures: { siteId: string; message: string }[];
  messages: string[];
  workers: Omit<WorkerStatus, "upstreams" | "pages">[];
  upstreams: UpstreamStatus[];
  pages: PageStatus[];
  /** Of each kind the imported database in use, and why it is not the newest. */
  geoDatabases: { kind: "country" | "asn"; sha256: string | null; fault: string }[];
};
