/** First bytes that are no hello, or none that ends: what becomes of them, and of others. */
import { randomBytes } from "node:crypto";
import { connect, createServer, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { capturedHellos } from "../../../test/captured-hellos.ts";
import { certificateFolder } from "../../../test/certificate-files.ts";
import { inRecords } from "../../engines/tls/test-kit.ts";
import type { GatewayEvent } from "./event.ts";
import { intentOf, siteFor, startOrigin, startTestWorker } from "./test-kit.ts";
import type { GatewayWorker } from "./worker.ts";

const HANDSHAKE = 22;
const ALERT = 21;
const LONG_MS = 600_000;

const files = certificateFolder();
const pair = files.issue("a", ["a.test"]);
const captured = capturedHellos().find(({ client }) => client.startsWith("Node"));
const hello = captured?.hello ?? Buffer.alloc(0);
let origin: Awaited<ReturnType<typeof startOrigin>>;
let worker: GatewayWorker;
let events: GatewayEvent[];
let open: Socket[] = [];

beforeAll(async () => {
  origin = await startOrigin((_request, response) => response.end("hello"));
});
afterAll(async () => {
  await origin.close();
  files.remove();
});
afterEach(async () => {
  for (const socket of open) socket.destroy();
  open = [];
  await worker.close(50);
});

async function start(handshakeTimeoutMs: number): Promise<void> {
  ({ worker, events } = await startTestWorker({ limits: { handshakeTimeoutMs } }));
  worker.apply(intentOf([siteFor([origin.url], pair)]));
}

/** A whole request over TLS, through another port when one is given. */
function ask(port = worker.httpsPort): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    const ca = files.read("root.pem");
    const socket = connectTls({ port, host: "127.0.0.1", servername: "a.test", ca }, () =>
      socket.write("GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n"),
    );
    socket.on("data", (piece: Buffer) => {
      text += piece.toString("latin1");
    });
    socket.on("error", reject);
    socket.on("close", () => resolve(text));
  });
}
const served = async () => expect(await ask()).toMatch(/^HTTP\/1\.1 200 /);

type Sending = {
  readonly socket: Socket;
  /** The first byte of the answer; -1 when the connection closes without one. */
  readonly first: Promise<number>;
  readonly closed: Promise<void>;
};

/** A connection that sends these pieces one after the other, and what comes back. */
function sends(pieces: Iterable<Buffer>): Sending {
  const socket = connect(worker.httpsPort, "127.0.0.1").setNoDelay(true);
  open.push(socket);
  socket.on("error", () => {});
  const closed = new Promise<void>((resolve) => socket.on("close", () => resolve()));
  const first = new Promise<number>((resolve) => {
    socket.on("data", (piece: Buffer) => resolve(piece[0] ?? -1));
    socket.on("close", () => resolve(-1));
  });
  (async () => {
    for (const piece of pieces) {
      if (socket.destroyed) return;
      if (!socket.write(piece)) await new Promise((resolve) => socket.once("drain", resolve));
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  })();
  return { socket, first, closed };
}

function* drip(bytes: Buffer): Iterable<Buffer> {
  for (let at = 0; at < bytes.length; at++) yield bytes.subarray(at, at + 1);
}

/** The captured hello with more extensions of a type that nobody knows. */
function withExtensions(count: number, bytesEach: number): Buffer {
  const extra = Buffer.alloc(count * (4 + bytesEach));
  for (let at = 0; at < count; at++) {
    extra.writeUInt16BE(0x7000 + (at % 0x0f00), at * (4 + bytesEach));
    extra.writeUInt16BE(bytesEach, at * (4 + bytesEach) + 2);
  }
  const message = Buffer.concat([hello.subarray(5), extra]);
  // Session id, suites and compression come before the length of the extensions.
  let at = 4 + 34;
  at += 1 + (message[at] ?? 0);
  at += 2 + message.readUInt16BE(at);
  at += 1 + (message[at] ?? 0);
  message.writeUInt16BE(message.length - at - 2, at);
  message.writeUIntBE(message.length - 4, 1, 3);
  return message;
}

test("a hello that does not end is closed by the limit of a handshake; others are served", async () => {
  await start(3_000);
  const kinds: [string, Iterable<Buffer>][] = [
    ["nothing at all", []],
    ["the head of a record", [hello.subarray(0, 5)]],
    ["all but the last byte", [hello.subarray(0, -1)]],
    ["a whole hello, and then nothing", [hello]],
    ["the same in two pieces", [hello.subarray(0, 700), hello.subarray(700)]],
    ["a byte now and then", drip(inRecords(withExtensions(1, 14_000), 16_000))],
  ];
  const ended = kinds.map(([name, pieces]) => sends(pieces).closed.then(() => name));
  await served();
  expect(await Promise.all(ended)).toEqual(kinds.map(([name]) => name));
  await served();
});

describe("what can be no hello is not waited for", () => {
  const many = inRecords(hello.subarray(5), 1);
  const kinds: [string, () => Iterable<Buffer>][] = [
    ["HTTP in clear text", () => [Buffer.from("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")]],
    ["a megabyte of zeros", () => [Buffer.alloc(1_048_576)]],
    ["a hello in clear text of another protocol", () => [Buffer.from("SSH-2.0-x\r\n")]],
    ["records of one byte, then megabytes", () => [many, Buffer.alloc(4_194_304)]],
    ["a whole hello, then megabytes of garbage", () => [hello, Buffer.alloc(4_194_304, 0xff)]],
  ];
  test.each(kinds)("%s", async (_, pieces) => {
    await start(LONG_MS);
    const { closed } = sends(pieces());
    await closed;
    await served();
  });

  test("random bytes, alone and as the content of a handshake record", async () => {
    await start(LONG_MS);
    for (let count = 0; count < 40; count++) {
      const bytes = randomBytes(200);
      bytes[0] = 1;
      // A length that has come whole, so that nobody has to wait for the rest of it.
      bytes.writeUIntBE(bytes.length - 4, 1, 3);
      const sent = count % 2 === 0 ? inRecords(bytes) : bytes;
      await sends([sent]).closed;
    }
    await served();
  });
});

describe("what is strange but whole goes to the TLS library as it came", () => {
  test.each([
    ["4,000 more extensions", 4_000, 0],
    ["64 KB of extensions", 4, 15_000],
  ])("%s", async (_, count, bytesEach) => {
    await start(LONG_MS);
    const { first, socket, closed } = sends([inRecords(withExtensions(count, bytesEach))]);
    // It says ServerHello: nothing was lost, doubled or turned on the way.
    expect(await first).toBe(HANDSHAKE);
    // A fatal alert (handshake_failure), so that the gateway does not wait for the rest.
    socket.write(Buffer.from([ALERT, 3, 3, 0, 2, 2, 40]));
    await closed;
    await served();
  });

  test("a hello that breaks its form is answered by the library's alert", async () => {
    await start(LONG_MS);
    const broken = Buffer.from(hello);
    // The length of the session id, far beyond the end of the message.
    broken.fill(255, 43, 44);
    expect(await sends([broken]).first).toBe(ALERT);
    await served();
  });

  test("byte by byte it is the same handshake and the same fingerprint", async () => {
    await start(LONG_MS);
    await served();
    const relay = createServer({ noDelay: true }, (client) => {
      const gateway = connect(worker.httpsPort, "127.0.0.1").setNoDelay(true);
      open.push(client, gateway);
      client.on("error", () => {});
      gateway.on("error", () => {});
      gateway.pipe(client);
      let sent = Promise.resolve();
      client.on("data", (piece: Buffer) => {
        sent = sent.then(async () => {
          for (const byte of piece) {
            gateway.write(Buffer.from([byte]));
            await new Promise((resolve) => setImmediate(resolve));
          }
        });
      });
    });
    await new Promise<void>((resolve) => relay.listen(0, "127.0.0.1", resolve));
    const address = relay.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    expect(await ask(port)).toMatch(/^HTTP\/1\.1 200 /);
    relay.close();
    const [first, second] = events.map((event) => event.ja4_fingerprint_list?.[0]?.value);
    expect(first).toMatch(/^t13d/);
    expect(second).toBe(first);
  });
});
