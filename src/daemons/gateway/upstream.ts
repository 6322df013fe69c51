/** Connections to origin servers: a pool per upstream, passive health, no protocol. */
import { connect } from "node:net";
import type { Duplex } from "node:stream";
import { connect as connectTls } from "node:tls";
import { createHeadReader, resetHead } from "../../engines/http1/head-reader.ts";
import { limits as http1Limits } from "../../engines/http1/limits.ts";
import { upstreamPlan } from "./delivery.ts";
import { readBuffer } from "./direct-socket.ts";
import { closeHttp2, connectHttp2 } from "./http2-upstream.ts";
import type { SiteIntent, UpstreamPlace } from "./intent.ts";
import type { Exchange, Gateway, Site, Upstream, UpstreamConnection } from "./state.ts";
import { newHealth } from "./upstream-health.ts";
import { tlsOptions } from "./upstream-tls.ts";

/** What happens on an upstream connection that serves an exchange. */
export type UpstreamHandlers = {
  onConnect(connection: UpstreamConnection): void;
  /** `piece` is another's as soon as this returns: what is kept of it is copied. */
  onData(connection: UpstreamConnection, piece: Buffer): void;
  onDrain(connection: UpstreamConnection): void;
  /**
   * The connection is gone; `connection.exchange` is what it served.
   * `isClean`: ended by FIN, not by an error.
   */
  onGone(connection: UpstreamConnection, isClean: boolean): void;
};

/** The state of an upstream of a site, made once per worker and way of speaking to it. */
export function upstreamOf(gateway: Gateway, site: SiteIntent, place: UpstreamPlace): Upstream {
  const { key, policy, tls } = upstreamPlan(site, place);
  const known = gateway.upstreams.get(key);
  if (known !== undefined) return known;
  const { origin, host, port } = place;
  const shown = { key, origin, host, port, policy, tls };
  const made: Upstream = { ...shown, health: newHealth(), idle: [], active: 0, downUntilMs: 0 };
  gateway.upstreams.set(key, made);
  return made;
}

/** Forgets upstreams that no site names any more; those still in use are forgotten later. */
export function retireUpstreams(gateway: Gateway): void {
  const named = new Set(gateway.routes.sites.flatMap(({ upstreams }) => upstreams));
  for (const [key, upstream] of gateway.upstreams) {
    if (named.has(upstream)) continue;
    for (const connection of [...upstream.idle]) dropUpstream(connection);
    closeHttp2(upstream);
    if (upstream.active === 0) gateway.upstreams.delete(key);
  }
}

/** The next upstream of a site: round robin over those not marked down, else over all. */
export function chooseUpstream(site: Site, skip: number): Upstream | null {
  const { upstreams } = site;
  if (skip >= upstreams.length) return null;
  const nowMs = Date.now();
  const start = site.next++;
  for (let step = 0; step < upstreams.length; step++) {
    const upstream = upstreams[(start + step) % upstreams.length];
    if (upstream !== undefined && upstream.downUntilMs <= nowMs) return upstream;
  }
  return upstreams[start % upstreams.length] ?? null;
}

/** A pooled connection, newest first, or null. */
export function takeIdle(upstream: Upstream): UpstreamConnection | null {
  for (;;) {
    const connection = upstream.idle.pop();
    if (connection === undefined) return null;
    if (connection.closed || connection.socket.destroyed) continue;
    connection.reused = true;
    return connection;
  }
}

/** Opens a connection for an exchange. */
export function openUpstream(
  upstream: Upstream,
  exchange: Exchange,
  handlers: UpstreamHandlers,
): UpstreamConnection {
  const socket = openSocket(upstream, (piece) => connection.take(piece));
  const connection: UpstreamConnection = {
    upstream,
    socket,
    take: (piece) => {
      if (connection.exchange === null) dropUpstream(connection);
      else handlers.onData(connection, piece);
    },
    reader: createHeadReader(http1Limits),
    exchange,
    connected: false,
    reused: false,
    closed: false,
    startedMs: Date.now(),
  };
  upstream.active++;
  const isSecure = upstream.tls !== null && upstream.policy?.settings.protocol !== "http2";
  socket.on(isSecure ? "secureConnect" : "connect", () => {
    connection.connected = true;
    upstream.downUntilMs = 0;
    handlers.onConnect(connection);
  });
  socket.on("drain", () => handlers.onDrain(connection));
  const gone = (isClean: boolean) => {
    if (connection.closed) return;
    dropUpstream(connection);
    handlers.onGone(connection, isClean);
  };
  socket.on("end", () => gone(true));
  socket.on("error", () => gone(false));
  socket.on("close", () => gone(false));
  return connection;
}

/** Hands over what comes; a piece holds only until `take` returns. */
function openSocket(upstream: Upstream, take: (piece: Buffer) => void): Duplex {
  const { host, port, tls, policy } = upstream;
  if (policy?.settings.protocol === "http2") return connectHttp2(upstream).on("data", take);
  if (tls !== null) {
    const socket = connectTls({ host, port, ALPNProtocols: ["http/1.1"], ...tlsOptions(tls) });
    return socket.setNoDelay(true).on("data", take);
  }
  const callback = (bytes: number): boolean => {
    take(readBuffer.subarray(0, bytes));
    return true;
  };
  return connect({ host, port, noDelay: true, onread: { buffer: readBuffer, callback } });
}

/** Puts a connection whose response is complete back into the pool. */
export function releaseUpstream(gateway: Gateway, connection: UpstreamConnection): void {
  connection.exchange = null;
  const { upstream } = connection;
  // A stream carries one exchange; its session is what is kept.
  const isStream = upstream.policy?.settings.protocol === "http2";
  const upstreamIdleMax =
    upstream.policy?.settings.idleConnectionsMax ?? gateway.limits.upstreamIdleMax;
  if (
    isStream ||
    connection.closed ||
    upstream.idle.length >= upstreamIdleMax ||
    gateway.stopping
  ) {
    dropUpstream(connection);
    return;
  }
  resetHead(connection.reader);
  connection.startedMs = Date.now();
  upstream.idle.push(connection);
}

/** Closes a connection now. */
export function dropUpstream(connection: UpstreamConnection): void {
  if (connection.closed) return;
  connection.closed = true;
  connection.upstream.active--;
  connection.socket.destroy();
  const at = connection.upstream.idle.indexOf(connection);
  if (at >= 0) connection.upstream.idle.splice(at, 1);
}

/** Closes connections that were idle too long. */
export function sweepUpstreams(gateway: Gateway, nowMs: number): void {
  const oldestMs = nowMs - gateway.limits.upstreamIdleTimeoutMs;
  for (const upstream of gateway.upstreams.values()) {
    for (const connection of upstream.idle.filter((each) => each.startedMs < oldestMs)) {
      dropUpstream(connection);
    }
  }
}
