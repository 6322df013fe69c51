/**
 * Looks at the first bytes of a connection, takes a PROXY header off, and puts back the rest as it
 * came: whatever is found in it, the TLS library stays the judge of every byte.
 */
import type { Socket } from "node:net";
import { type ProxyHeader, readProxyHeader } from "../../engines/proxyprotocol/header.ts";
import { readClientHello } from "../../engines/tls/client-hello.ts";
import type { ClientSocket, FirstBytes, Gateway } from "./state.ts";

/** What is looked for, and what happens with it; `take` gets the socket paused. */
export type Peek = {
  readonly wantsHello: boolean;
  readonly wantsProxyHeader: boolean;
  readonly take: (found: FirstBytes) => void;
};

/** The address of the other end; an IPv4 address that came as IPv6 is that IPv4 address. */
export const peerOf = ({ remoteAddress }: Pick<ClientSocket, "remoteAddress">): string =>
  (remoteAddress ?? "").replace(/^::ffff:/, "");

/** Reads until it is known; a connection that breaks the form, or takes too long, is closed. */
export function peek({ limits }: Pick<Gateway, "limits">, socket: Socket, wanted: Peek): void {
  const seen: Seen = {
    bytes: [],
    size: 0,
    sizeMin: 1,
    header: wanted.wantsProxyHeader ? null : { kind: "none" },
  };
  const deadline = setTimeout(() => socket.destroy(), limits.handshakeTimeoutMs);
  const onEnd = () => socket.destroy();
  const onClose = () => clearTimeout(deadline);
  const onReadable = () => {
    for (let piece = socket.read(); piece !== null; piece = socket.read()) {
      seen.bytes.push(piece);
      seen.size += piece.length;
    }
    if (seen.size < seen.sizeMin) return;
    const found = look(seen, wanted, socket);
    if (found === "more") return;
    socket.off("readable", onReadable).off("end", onEnd).off("close", onClose);
    if (found === "invalid") {
      clearTimeout(deadline);
      socket.destroy();
      return;
    }
    socket.pause();
    const [rest] = seen.bytes;
    // What listens for the end of this socket must not keep its first bytes for as long.
    seen.bytes = [];
    if (rest !== undefined && rest.length > 0) socket.unshift(rest);
    wanted.take({ ...found, deadline });
  };
  socket.on("error", () => socket.destroy());
  socket.on("readable", onReadable).on("end", onEnd).on("close", onClose);
}

/** What has come so far, and how much there must be before it is looked at again. */
type Seen = { bytes: Buffer[]; size: number; sizeMin: number; header: ProxyHeader | null };

function look(
  seen: Seen,
  wanted: Peek,
  socket: Socket,
): Omit<FirstBytes, "deadline"> | "more" | "invalid" {
  let [bytes = Buffer.alloc(0)] = seen.bytes;
  if (seen.bytes.length > 1) bytes = Buffer.concat(seen.bytes);
  seen.bytes = [bytes];
  if (seen.header === null) {
    const read = readProxyHeader(bytes);
    seen.sizeMin = seen.size + 1;
    if (read.kind === "more" || read.kind === "invalid") return read.kind;
    seen.header = read;
    if (read.kind === "header") bytes = bytes.subarray(read.bytes);
    seen.bytes = [bytes];
    seen.size = bytes.length;
  }
  const { header } = seen;
  // A balancer that speaks for itself, as its health checks do (§2.2, LOCAL), has sent its header.
  const own = { address: peerOf(socket), port: socket.remotePort ?? 0 };
  const proxied = header.kind === "header" ? (header.source ?? own) : null;
  if (!wanted.wantsHello) return { proxied, hello: null };
  const reading = readClientHello(bytes);
  if (reading.kind !== "more") {
    return { proxied, hello: reading.kind === "hello" ? reading.hello : null };
  }
  seen.sizeMin = reading.bytesMin;
  return "more";
}
