/** One worker: listens, applies intents, sweeps. Owns no process: it runs in tests as it is. */

import { randomBytes } from "node:crypto";
import type { AddressInfo, Server } from "node:net";
import { checkTimes } from "./connection.ts";
import { commonTlsServer, ownTlsServer } from "./handshake.ts";
import { checkUpstreams } from "./health-check.ts";
import { endSending } from "./hold.ts";
import { checkSessions, closeSessions, cutSessions } from "./http2-front.ts";
import type { Inspector } from "./inspect.ts";
import type { GatewayIntent } from "./intent.ts";
import { type GatewayLimits, gatewayLimits } from "./limits.ts";
import { extraPorts, listen, plainServer, secureServer } from "./listeners.ts";
import type { WorkerStatus } from "./messages.ts";
import { pageCopies } from "./page-copies.ts";
import { pageStatuses, pageTroubles } from "./page-guard.ts";
import { geoTroubles } from "./policy/geo.ts";
import { acceptBans, acceptFleetRates, createRates, type Rates } from "./policy/rates.ts";
import type { PolicyResources } from "./policy/site-policy.ts";
import { noRefusals } from "./refusal-event.ts";
import { refusalTroubles, tellRefusals } from "./refusals.ts";
import { buildRoutes, noRoutes } from "./routes.ts";
import { type Emit, type Gateway, noCounts, type Settle } from "./state.ts";
import { dropUpstream, retireUpstreams, sweepUpstreams } from "./upstream.ts";
import { upstreamStatuses } from "./upstream-status.ts";

export type WorkerOptions = {
  host: string;
  /** 0 = any free port. */
  httpPort: number;
  httpsPort: number;
  emit: Emit;
  /** Where copies of approved pages are kept; default: in memory only. */
  pagesFolder?: string;
  /** Default: events need no settling. */
  settle?: Settle;
  /** Takes records of flagged requests; default: none is kept. */
  keepRecord?: Gateway["keepRecord"];
  /** Compiles the rules of an intent; throws an Error whose message a person can act on. */
  /** Called before it listens, so that a restart never answers for sites it does not know yet. */
  beforeListen?: (apply: GatewayWorker["apply"]) => Promise<void>;
  inspectorOf: (intent: GatewayIntent) => Inspector;
  /** What policies of sites need beside the intent; default: no lists. */
  policyResourcesOf?: (intent: GatewayIntent) => Omit<PolicyResources, "seed">;
  /** What the workers of a gateway share and nobody else knows; default: this worker's own. */
  seed?: string;
  /** Tells the master what was counted; default: this worker counts for itself. */
  shareRates?: Rates["share"];
  limits?: Partial<GatewayLimits>;
};

export type GatewayWorker = {
  readonly httpPort: number;
  readonly httpsPort: number;
  /** Replaces the routes as one; on an error those in use stay. */
  apply(intent: GatewayIntent): void;
  status(): WorkerStatus;
  /** Takes over bans of the master's. */
  acceptBans(bans: Parameters<typeof acceptBans>[1]): void;
  /** Takes over what all gateways count by and have banned. */
  acceptFleetRates(news: Parameters<typeof acceptFleetRates>[1]): void;
  /** Stops accepting, lets requests under way end for `graceMs`, then cuts. */
  close(graceMs: number): Promise<void>;
};

/** Starts a worker; without an intent of `beforeListen` every request gets 404 until the first. */
export async function startWorker(options: WorkerOptions): Promise<GatewayWorker> {
  let isListening = false;
  const seed = options.seed ?? randomBytes(32).toString("hex");
  const gateway: Gateway = {
    seed,
    rates: createRates(seed, options.shareRates ?? null),
    routes: noRoutes,
    limits: { ...gatewayLimits, ...options.limits },
    emit: options.emit,
    settle: options.settle ?? (() => true),
    keepRecord: options.keepRecord ?? (() => false),
    held: [],
    connections: new Set(),
    connectionsBySource: new Map(),
    upstreams: new Map(),
    refusals: noRefusals(),
    counters: noCounts(),
    ownTlsServer: (intent) => ownTlsServer(gateway, intent),
    copies: pageCopies(options.pagesFolder ?? null),
    sessions: new Set(),
    extraPorts: new Map(),
    handshakes: new Map(),
    httpsPort: 0,
    decoding: 0,
    spoolFull: false,
    stopping: false,
  };
  const parts = partsOf(options, seed);
  const apply = (intent: GatewayIntent): void => {
    gateway.routes = buildRoutes(gateway, intent, parts(intent));
    retireUpstreams(gateway);
    if (isListening) followPorts();
  };
  const common = commonTlsServer(gateway);
  const ports = extraPorts(gateway, options.host, common);
  gateway.extraPorts = ports.open;
  const http = plainServer(gateway);
  const https = secureServer(gateway, common);
  const followPorts = () => ports.follow(gateway.routes, [portOf(http), portOf(https)]);
  await options.beforeListen?.(apply);
  // HTTPS first: no redirect may leave before its port is known.
  await listen(https, options.host, options.httpsPort);
  gateway.httpsPort = portOf(https);
  await listen(http, options.host, options.httpPort);
  isListening = true;
  followPorts();
  const sweep = setInterval(() => {
    const nowMs = Date.now();
    for (const connection of gateway.connections) checkTimes(connection, nowMs);
    checkSessions(gateway, nowMs);
    sweepUpstreams(gateway, nowMs);
    checkUpstreams(gateway, nowMs);
    tellRefusals(gateway, nowMs);
  }, gateway.limits.sweepMs);
  sweep.unref();
  return {
    httpPort: portOf(http),
    httpsPort: gateway.httpsPort,
    apply,
    acceptBans: (bans) => acceptBans(gateway.rates, bans),
    acceptFleetRates: (news) => acceptFleetRates(gateway.rates, news),
    status: () => statusOf(gateway, ports.troubles()),
    close: (graceMs) =>
      close(gateway, [http, https, ...ports.servers()], graceMs).finally(() =>
        clearInterval(sweep),
      ),
  };
}

/** What an intent needs beside itself to be applied. */
function partsOf({ inspectorOf, policyResourcesOf }: WorkerOptions, seed: string) {
  return (intent: GatewayIntent) => {
    const given = policyResourcesOf?.(intent) ?? { lists: () => undefined, geo: null, bots: null };
    return { inspector: inspectorOf(intent), resources: { ...given, seed } };
  };
}

function statusOf(gateway: Gateway, portTroubles: readonly string[]): WorkerStatus {
  return {
    version: gateway.routes.version,
    connections: gateway.connections.size,
    ...gateway.counters,
    troubles: [
      ...refusalTroubles(gateway, Date.now()),
      ...portTroubles,
      ...pageTroubles(gateway.routes.sites),
      ...geoTroubles(gateway.routes.sites),
    ],
    pages: pageStatuses(gateway.routes.sites),
    upstreams: upstreamStatuses(gateway, Date.now()),
  };
}

const portOf = (server: Server): number => (server.address() as AddressInfo).port;

async function close(gateway: Gateway, servers: Server[], graceMs: number): Promise<void> {
  gateway.stopping = true;
  const closed = servers.map((server) => new Promise((resolve) => server.close(resolve)));
  for (const connection of gateway.connections) {
    if (connection.exchange === null && connection.headStartedMs === 0) endSending(connection);
  }
  closeSessions(gateway);
  const cut = setTimeout(() => {
    cutSessions(gateway);
    for (const connection of gateway.connections) connection.socket.destroy();
  }, graceMs);
  await Promise.all(closed);
  clearTimeout(cut);
  for (const upstream of gateway.upstreams.values()) {
    for (const connection of [...upstream.idle]) dropUpstream(connection);
  }
}
