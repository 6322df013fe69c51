/**
 * Room on the listener for whoever comes next. A listener takes a bounded number of connections;
 * when they are all taken, one that waits for nothing is closed, so that nobody can keep others
 * out by holding connections open. The source that holds the most gives way first.
 */
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import ipaddr from "ipaddr.js";

/** Connections above the bound that are being closed while their place is taken again. */
const CLOSING_MAX = 64;
/** A network of 64 bits is four groups of 16. */
const NETWORK_GROUPS = 4;

type Held = {
  readonly socket: Socket;
  readonly source: string;
  /** Requests that are not answered yet. */
  underWay: number;
};

/** Keeps room on a listener of at most so many connections. */
export function keepRoom(server: Pick<Server, "on" | "maxConnections">, max: number): void {
  // Longest unused first: what is used goes to the end.
  const held = new Map<string, Held>();
  const perSource = new Map<string, number>();
  server.maxConnections = max + CLOSING_MAX;

  const forget = (key: string, one: Held): void => {
    if (held.get(key) !== one) return;
    held.delete(key);
    const left = (perSource.get(one.source) ?? 1) - 1;
    if (left === 0) perSource.delete(one.source);
    else perSource.set(one.source, left);
  };

  server.on("connection", (socket: Socket) => {
    const key = keyOf(socket);
    if (held.size >= max) {
      const idle = longestIdle(held, perSource);
      if (idle === undefined) {
        socket.destroy();
        return;
      }
      forget(...idle);
      idle[1].socket.destroy();
    }
    const one: Held = { socket, source: sourceOf(socket), underWay: 0 };
    held.set(key, one);
    perSource.set(one.source, (perSource.get(one.source) ?? 0) + 1);
    socket.once("close", () => forget(key, one));
  });

  server.on("request", (request: IncomingMessage, response: ServerResponse) => {
    const key = keyOf(request.socket);
    const one = held.get(key);
    if (one === undefined) return;
    one.underWay++;
    response.once("close", () => {
      one.underWay--;
      if (held.get(key) !== one) return;
      held.delete(key);
      held.set(key, one);
    });
  });
}

/** TLS gives a request another socket than the one that connected; their ends are the same. */
const keyOf = ({ remoteAddress, remotePort }: Socket): string => `${remoteAddress} ${remotePort}`;

/** One network of IPv6 is one source: its holder has all addresses in it (RFC 6177). */
function sourceOf({ remoteAddress = "" }: Socket): string {
  // A socket that was closed before anybody looked at it has no address any more.
  if (!ipaddr.isValid(remoteAddress)) return "";
  const address = ipaddr.process(remoteAddress);
  if (address.kind() === "ipv4") return address.toString();
  return address.toNormalizedString().split(":").slice(0, NETWORK_GROUPS).join(":");
}

/** Of those that wait for no answer, the longest unused of the source that holds the most. */
function longestIdle(
  held: ReadonlyMap<string, Held>,
  perSource: ReadonlyMap<string, number>,
): [string, Held] | undefined {
  let found: [string, Held] | undefined;
  let most = 0;
  for (const [key, one] of held) {
    const count = perSource.get(one.source) ?? 0;
    if (one.underWay > 0 || count <= most) continue;
    found = [key, one];
    most = count;
  }
  return found;
}
