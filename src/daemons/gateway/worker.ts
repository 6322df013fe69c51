/** One worker: listens, applies intents, sweeps. Owns no process: it runs in tests as it is. */
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer, type TLSSocket } from "node:tls";
import { checkTimes, serveConnection } from "./connection.ts";
import type { Inspector } from "./inspect.ts";
import type { GatewayIntent } from "./intent.ts";
import { type GatewayLimits, gatewayLimits } from "./limits.ts";
import type { WorkerStatus } from "./messages.ts";
import { noRefusals } from "./refusal-event.ts";
import { countRefusal, refusalTroubles, tellRefusals } from "./refusals.ts";
import { buildRoutes, noRoutes, siteOf } from "./routes.ts";
import type { Emit, Gateway, Settle } from "./state.ts";
import { dropUpstream, sweepUpstreams } from "./upstream.ts";

export type WorkerOptions = {
  host: string;
  /** 0 = any free port. */
  httpPort: number;
  httpsPort: number;
  emit: Emit;
  /** Default: events need no settling. */
  settle?: Settle;
  /** Compiles the rules of an intent; throws an Error whose message a person can act on. */
  /** Called before it listens, so that a restart never answers for sites it does not know yet. */
  beforeListen?: (apply: GatewayWorker["apply"]) => Promise<void>;
  inspectorOf: (intent: GatewayIntent) => Inspector;
  limits?: Partial<GatewayLimits>;
};

export type GatewayWorker = {
  readonly httpPort: number;
  readonly httpsPort: number;
  /** Replaces the routes as one; on an error those in use stay. */
  apply(intent: GatewayIntent): void;
  status(): WorkerStatus;
  /** Stops accepting, lets requests under way end for `graceMs`, then cuts. */
  close(graceMs: number): Promise<void>;
};

/** Starts a worker; without an intent of `beforeListen` every request gets 404 until the first. */
export async function startWorker(options: WorkerOptions): Promise<GatewayWorker> {
  const gateway: Gateway = {
    routes: noRoutes,
    limits: { ...gatewayLimits, ...options.limits },
    emit: options.emit,
    settle: options.settle ?? (() => true),
    held: [],
    connections: new Set(),
    connectionsBySource: new Map(),
    upstreams: new Map(),
    refusals: noRefusals(),
    counters: { requests: 0, eventsLost: 0, connectionsRefused: 0 },
    httpsPort: 0,
    spoolFull: false,
    stopping: false,
  };
  const apply = (intent: GatewayIntent): void => {
    gateway.routes = buildRoutes(gateway, intent, options.inspectorOf(intent));
  };
  await options.beforeListen?.(apply);
  const http = plainServer(gateway);
  const https = secureServer(gateway);
  // HTTPS first: no redirect may leave before its port is known.
  await listen(https, options.host, options.httpsPort);
  gateway.httpsPort = portOf(https);
  await listen(http, options.host, options.httpPort);
  const sweep = setInterval(() => {
    const nowMs = Date.now();
    for (const connection of gateway.connections) checkTimes(connection, nowMs);
    sweepUpstreams(gateway, nowMs);
    tellRefusals(gateway, nowMs);
  }, gateway.limits.sweepMs);
  sweep.unref();
  return {
    httpPort: portOf(http),
    httpsPort: gateway.httpsPort,
    apply,
    status: () => ({
      version: gateway.routes.version,
      connections: gateway.connections.size,
      ...gateway.counters,
      troubles: refusalTroubles(gateway, Date.now()),
    }),
    close: (graceMs) => close(gateway, [http, https], graceMs).finally(() => clearInterval(sweep)),
  };
}

function plainServer(gateway: Gateway): Server {
  return createServer({ noDelay: true, allowHalfOpen: true }, (socket: Socket) => {
    serveConnection(gateway, socket, { isSecure: false, serverName: "" });
  });
}

function secureServer(gateway: Gateway): Server {
  const server = createTlsServer(
    {
      noDelay: true,
      allowHalfOpen: true,
      ALPNProtocols: ["http/1.1"],
      minVersion: "TLSv1.2",
      handshakeTimeout: gateway.limits.handshakeTimeoutMs,
      SNICallback: (name, done) => {
        const context = siteOf(gateway.routes, name.toLowerCase())?.secureContext;
        if (context) done(null, context);
        else done(new Error(`no certificate for ${name}`));
      },
    },
    (socket: TLSSocket) => {
      const { servername } = socket;
      const serverName = typeof servername === "string" ? servername.toLowerCase() : "";
      serveConnection(gateway, socket, { isSecure: true, serverName });
    },
  );
  // Those that never end their handshake are no connection yet, and must not be without number.
  server.maxConnections = gateway.limits.connectionsMax;
  server.on("drop", (dropped) => countRefusal(gateway, dropped?.remoteAddress ?? ""));
  server.on("tlsClientError", (_error, socket) => socket.destroy());
  return server;
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host, port, reusePort: true, backlog: 4_096 }, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

const portOf = (server: Server): number => (server.address() as AddressInfo).port;

async function close(gateway: Gateway, servers: Server[], graceMs: number): Promise<void> {
  gateway.stopping = true;
  const closed = servers.map((server) => new Promise((resolve) => server.close(resolve)));
  for (const connection of gateway.connections) {
    if (connection.exchange === null && connection.headStartedMs === 0) connection.socket.end();
  }
  const cut = setTimeout(() => {
    for (const connection of gateway.connections) connection.socket.destroy();
  }, graceMs);
  await Promise.all(closed);
  clearTimeout(cut);
  for (const upstream of gateway.upstreams.values()) {
    for (const connection of [...upstream.idle]) dropUpstream(connection);
  }
}
