/**
 * What listens: the gateway's own ports and those that sites add. A connection whose first bytes
 * decide how it is taken (a PROXY header, a site with TLS of its own) is looked at before.
 */
import { createServer, type Server, type Socket } from "node:net";
import type { Server as TlsServer } from "node:tls";
import { serveConnection } from "./connection.ts";
import { peek } from "./first-bytes.ts";
import { countRefusal } from "./refusals.ts";
import { siteOf } from "./routes.ts";
import type { Gateway, Routes } from "./state.ts";

/** Accepts connections in clear text. */
export function plainServer(gateway: Gateway): Server {
  return createServer({ noDelay: true, allowHalfOpen: true }, (socket: Socket) => {
    if (gateway.routes.sendsProxyHeader?.(peerOf(socket)) !== true) {
      servePlain(gateway, socket, null);
      return;
    }
    peek(gateway, socket, {
      wantsServerName: false,
      take: ({ proxied }) => {
        servePlain(gateway, socket, proxied);
        socket.resume();
      },
    });
  });
}

const peerOf = (socket: Socket): string => (socket.remoteAddress ?? "").replace(/^::ffff:/, "");

function servePlain(
  gateway: Gateway,
  socket: Socket,
  proxied: { address: string; port: number } | null,
): void {
  const arrival = { isSecure: false, serverName: "", clientCertificate: null, tlsSiteId: null };
  serveConnection(gateway, socket, { ...arrival, proxied, front: null });
}

/** Accepts TLS connections and hands each to the handshake of its site, or to that of all. */
export function secureServer(gateway: Gateway, common: TlsServer): Server {
  const server = createServer({ noDelay: true, allowHalfOpen: true }, (socket: Socket) => {
    const { hasOwnTls, sendsProxyHeader } = gateway.routes;
    const hasHeader = sendsProxyHeader?.(peerOf(socket)) === true;
    if (!hasOwnTls && !hasHeader) {
      common.emit("connection", socket);
      return;
    }
    peek(gateway, socket, {
      wantsServerName: hasOwnTls,
      readsProxyHeader: hasHeader,
      take: ({ proxied, serverName }) => {
        if (proxied !== null) rememberProxied(gateway, socket, proxied);
        (siteOf(gateway.routes, serverName)?.tlsServer ?? common).emit("connection", socket);
      },
    });
  });
  // Those that never end their handshake are no connection yet, and must not be without number.
  server.maxConnections = gateway.limits.connectionsMax;
  server.on("drop", (dropped) => countRefusal(gateway, dropped?.remoteAddress ?? ""));
  return server;
}

/** Of TLS sockets nothing but the addresses is known; while both are open they name one peer. */
function rememberProxied(
  gateway: Gateway,
  socket: Socket,
  proxied: { address: string; port: number },
): void {
  const key = socketKey(socket);
  gateway.proxied.set(key, proxied);
  socket.once("close", () => gateway.proxied.delete(key));
}

/** The peer and local port of a socket as one text. */
export const socketKey = (socket: Socket): string =>
  `${socket.remoteAddress} ${socket.remotePort} ${socket.localPort}`;

/** Binds; rejects with the reason. */
export function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host, port, reusePort: true, backlog: 4_096 }, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

type ExtraPort = { readonly isSecure: boolean; readonly server: Server; trouble: string };

/** The ports that sites add: opened and closed as intents come; a fault is told in the status. */
export function extraPorts(gateway: Gateway, host: string, common: TlsServer) {
  const open = new Map<number, ExtraPort>();
  const openOne = (port: number, isSecure: boolean): void => {
    const server = isSecure ? secureServer(gateway, common) : plainServer(gateway);
    const entry: ExtraPort = { isSecure, server, trouble: "" };
    open.set(port, entry);
    listen(server, host, port).catch((error: unknown) => {
      entry.trouble = `cannot listen on port ${port}: ${error}`;
    });
  };
  return {
    open: open as ReadonlyMap<number, unknown>,
    /** Opens what the routes want and closes the rest; connections under way go on. */
    follow({ sites }: Routes, own: readonly number[]): void {
      const wanted = new Map<number, boolean>();
      for (const { delivery } of sites) {
        for (const port of delivery?.httpPorts ?? []) wanted.set(port, false);
        for (const port of delivery?.httpsPorts ?? []) wanted.set(port, true);
      }
      // With reusePort a second server on one of these would take part of everybody's connections.
      for (const port of own) wanted.delete(port);
      for (const [port, { isSecure, server }] of open) {
        if (wanted.get(port) === isSecure) continue;
        server.close();
        open.delete(port);
      }
      for (const [port, isSecure] of wanted) if (!open.has(port)) openOne(port, isSecure);
    },
    troubles: (): string[] => [...open.values()].flatMap(({ trouble }) => trouble || []),
    servers: (): Server[] => [...open.values()].map(({ server }) => server),
  };
}
