/** Bytes of HTTP/2 frames as an attacker would write them (RFC 9113, RFC 7541). Test code only. */
import { connect, type TLSSocket } from "node:tls";

export const frameType = {
  data: 0,
  headers: 1,
  reset: 3,
  settings: 4,
  ping: 6,
  goaway: 7,
  continuation: 9,
} as const;

export const END_STREAM = 1;
export const END_HEADERS = 4;

/** One frame with any type, flags and stream. */
export function frame(
  type: number,
  { flags = 0, stream = 0, payload = Buffer.alloc(0) }: Partial<Frame> = {},
): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}
type Frame = { flags: number; stream: number; payload: Buffer };

/** Fields as literals without indexing and without Huffman coding: any byte can be said. */
export function fieldBlock(fields: readonly (readonly [string, string])[]): Buffer {
  const parts = fields.flatMap(([name, value]) => [
    Buffer.from([0]),
    literal(name),
    literal(value),
  ]);
  return Buffer.concat(parts);
}

function literal(text: string): Buffer {
  const bytes = Buffer.from(text, "latin1");
  if (bytes.length < 127) return Buffer.concat([Buffer.from([bytes.length]), bytes]);
  const length = [127];
  let rest = bytes.length - 127;
  for (; rest >= 128; rest = Math.floor(rest / 128)) length.push((rest % 128) + 128);
  return Buffer.concat([Buffer.from([...length, rest]), bytes]);
}

/** Pseudo-header fields of an ordinary GET, and more behind them. */
export const getFields = (
  ...more: readonly (readonly [string, string])[]
): (readonly [string, string])[] => [
  [":method", "GET"],
  [":scheme", "https"],
  [":authority", "a.test"],
  [":path", "/"],
  ...more,
];

/** What every client begins with (RFC 9113 §3.4). */
export const preface = Buffer.concat([
  Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1"),
  frame(frameType.settings),
]);

export type Received = { type: number; flags: number; stream: number; payload: Buffer };

/** A connection that writes what it likes and keeps every frame that comes. */
export async function rawHttp2(port: number, servername = "a.test") {
  const socket: TLSSocket = connect({
    port,
    host: "127.0.0.1",
    servername,
    rejectUnauthorized: false,
    ALPNProtocols: ["h2"],
  });
  await new Promise<void>((resolve, reject) => {
    socket.once("secureConnect", resolve);
    socket.once("error", reject);
  });
  socket.on("error", () => {});
  const frames: Received[] = [];
  let rest = Buffer.alloc(0);
  const waiting = new Set<() => void>();
  socket.on("data", (piece: Buffer) => {
    rest = Buffer.concat([rest, piece]);
    while (rest.length >= 9 && rest.length >= 9 + rest.readUIntBE(0, 3)) {
      const end = 9 + rest.readUIntBE(0, 3);
      const [type = 0, flags = 0] = [rest[3], rest[4]];
      frames.push({
        ...{ type, flags, stream: rest.readUInt32BE(5) },
        payload: rest.subarray(9, end),
      });
      rest = rest.subarray(end);
    }
    for (const check of waiting) check();
  });
  let isClosed = false;
  const closed = new Promise<void>((resolve) => {
    socket.on("close", () => {
      isClosed = true;
      for (const check of waiting) check();
      resolve();
    });
  });
  socket.write(preface);
  return {
    socket,
    frames,
    closed,
    send: (...parts: Buffer[]) => socket.write(Buffer.concat(parts)),
    /** Resolves with the first frame that is meant; undefined when the connection ends before. */
    first: (is: (one: Received) => boolean) =>
      new Promise<Received | undefined>((resolve) => {
        const check = () => {
          const found = frames.find(is);
          if (found === undefined && !isClosed) return;
          waiting.delete(check);
          resolve(found);
        };
        waiting.add(check);
        check();
      }),
  };
}
