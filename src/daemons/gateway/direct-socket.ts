/**
 * Ways around Node's streams for TCP sockets in clear text, which carry most of a gateway's
 * requests: what comes is read into one buffer of the worker, what leaves is written at once
 * (decision 0040). Every other kind of socket, and every odd case, takes the stream.
 */
import { writeSync } from "node:fs";
import { Socket } from "node:net";
import type { Duplex } from "node:stream";

/** What sockets in clear text are read into, one piece at a time. */
export const readBuffer = Buffer.alloc(65_536);

/** Members of a socket that Node's documentation does not tell; checked before each use. */
type Handle = { readonly fd?: unknown; readonly useUserBuffer?: unknown };
const handleOf = (socket: Socket): Handle | null => Reflect.get(socket, "_handle") ?? null;

/**
 * Whether bytes written to its descriptor are what the peer gets. Never so for a subclass (TLS) or
 * a stream (HTTP/2): a descriptor that it may have carries something else.
 */
export const isDirect = (socket: Duplex): socket is Socket =>
  Object.getPrototypeOf(socket) === Socket.prototype;

/**
 * Reads an accepted socket into `readBuffer` from now on, as `onread` of `net.connect` would: a
 * server's sockets have no such option. A piece holds only until `take` returns.
 *
 * @returns false, with nothing changed, for another kind of socket, for one whose first bytes
 * somebody has looked at, and where this Node cannot do it.
 */
export function readDirectly(socket: Duplex, take: (piece: Buffer) => void): boolean {
  if (!isDirect(socket) || socket.readableFlowing !== null || socket.readableLength > 0) {
    return false;
  }
  const handle = handleOf(socket);
  const ownSymbols = Object.getOwnPropertySymbols(socket);
  const named = (name: string) => ownSymbols.find(({ description }) => description === name);
  const buffer = named("kBuffer");
  const callback = named("kBufferCb");
  if (buffer === undefined || callback === undefined) return false;
  if (typeof handle?.useUserBuffer !== "function") return false;
  Reflect.set(socket, buffer, readBuffer);
  Reflect.set(socket, callback, (bytes: number): boolean => {
    take(readBuffer.subarray(0, bytes));
    return true;
  });
  Reflect.apply(handle.useUserBuffer, handle, [readBuffer]);
  return true;
}

/** Writes latin1 text; false when the peer takes no more and "drain" will tell when it does. */
export function writeText(socket: Duplex, text: string): boolean {
  const written = isDirect(socket) ? writeNow(socket, text) : 0;
  if (written === text.length) return true;
  return socket.write(written === 0 ? text : text.substring(written), "latin1");
}

/**
 * Writes bytes as `writeText` does. What has to wait is a copy of them: they are the caller's again
 * when this returns.
 */
export function writeBytes(socket: Duplex, bytes: Buffer): boolean {
  const written = isDirect(socket) ? writeNow(socket, bytes) : 0;
  return written === bytes.length || socket.write(Buffer.from(bytes.subarray(written)));
}

/** Writes bytes that are the caller's again when `onWritten` is called, maybe at once. */
export function lendBytes(socket: Duplex, bytes: Buffer, onWritten: () => void): boolean {
  const written = isDirect(socket) ? writeNow(socket, bytes) : 0;
  if (written < bytes.length) return socket.write(bytes.subarray(written), onWritten);
  onWritten();
  return true;
}

/** How many bytes the kernel took. Errors are left to the stream, which meets them again. */
function writeNow(socket: Socket, data: string | Buffer): number {
  // Behind what the stream has not sent, or after its end, nothing may go past it.
  if (socket.connecting || socket.destroyed || socket.writableEnded) return 0;
  if (socket.writableLength > 0 || socket.writableCorked > 0) return 0;
  // Asked for each time: the number of a closed socket may be another one's.
  const fd = handleOf(socket)?.fd;
  if (typeof fd !== "number" || fd < 0) return 0;
  try {
    return typeof data === "string" ? writeSync(fd, data, null, "latin1") : writeSync(fd, data);
  } catch {
    return 0;
  }
}
