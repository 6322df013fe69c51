/**
 * What listens: the gateway's own ports and those that sites add. The first bytes of a connection
 * are looked at before it is taken: for a PROXY header, and for the hello of a TLS handshake.
 */
import { createServer, type Server, type Socket } from "node:net";
import type { Server as TlsServer } from "node:tls";
import { serveConnection } from "./connection.ts";
import { peek, peerOf } from "./first-bytes.ts";
import { countRefusal } from "./refusals.ts";
import { siteOf } from "./routes.ts";
import type { FirstBytes, Gateway, Routes } from "./state.ts";

/** Accepts connections in clear text. */
export function plainServer(gateway: Gateway): Server {
  return createServer({ noDelay: true, allowHalfOpen: true }, (socket: Socket) => {
    if (gateway.routes.sendsProxyHeader?.(peerOf(socket)) !== true) {
      servePlain(gateway, socket, null);
      return;
    }
    peek(gateway, socket, {
      wantsHello: false,
      wantsProxyHeader: true,
      take: ({ proxied, deadline }) => {
        clearTimeout(deadline);
        servePlain(gateway, socket, proxied);
        socket.resume();
      },
    });
  });
}

function servePlain(
  gateway: Gateway,
  socket: Socket,
  proxied: { address: string; port: number } | null,
): void {
  const arrival = { isSecure: false, serverName: "", ja4: "", clientCertificate: null };
  serveConnection(gateway, socket, { ...arrival, proxied, tlsSiteId: null, front: null });
}

/** Accepts TLS connections and hands each to the handshake of its site, or to that of all. */
export function secureServer(gateway: Gateway, common: TlsServer): Server {
  const server = createServer({ noDelay: true, allowHalfOpen: true }, (socket: Socket) => {
    peek(gateway, socket, {
      wantsHello: true,
      wantsProxyHeader: gateway.routes.sendsProxyHeader?.(peerOf(socket)) === true,
      take: (found) => {
        remember(gateway, socket, found);
        const name = found.hello?.serverName ?? "";
        const site = gateway.routes.hasOwnTls ? siteOf(gateway.routes, name) : null;
        // The socket itself: its handle goes to the TLS library, which reads what was put back.
        (site?.tlsServer ?? common).emit("connection", socket);
      },
    });
  });
  // Those that never end their handshake are no connection yet, and must not be without number.
  server.maxConnections = gateway.limits.connectionsMax;
  server.on("drop", (dropped) => countRefusal(gateway, dropped?.remoteAddress ?? ""));
  return server;
}

/** Of TLS sockets nothing but the addresses is known; while both are open they name one peer. */
function remember({ handshakes }: Gateway, socket: Socket, found: FirstBytes): void {
  const key = socketKey(socket);
  const { deadline } = found;
  handshakes.set(key, found);
  socket.once("close", () => {
    clearTimeout(deadline);
    if (handshakes.get(key)?.deadline === deadline) handshakes.delete(key);
  });
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
