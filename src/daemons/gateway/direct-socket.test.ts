import { once } from "node:events";
import { type AddressInfo, connect, createServer, Socket } from "node:net";
import { Duplex } from "node:stream";
import { TLSSocket } from "node:tls";
import { expect, test } from "vitest";
import { isDirect, readDirectly, writeBytes, writeText } from "./direct-socket.ts";

/** Two ends of a connection: what a server accepted, and its client. */
async function pair() {
  const server = createServer({ allowHalfOpen: true });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const client = connect((server.address() as AddressInfo).port, "127.0.0.1");
  const [accepted] = (await once(server, "connection")) as [Socket];
  const close = async () => {
    client.destroy();
    accepted.destroy();
    server.close();
    await once(server, "close");
  };
  return { accepted, client, close };
}

/** All that the socket receives until it ends. */
async function received(socket: Socket): Promise<string> {
  let text = "";
  for await (const piece of socket) text += (piece as Buffer).toString("latin1");
  return text;
}

test("this Node reads accepted sockets directly, and tells of their end", async () => {
  const server = createServer({ allowHalfOpen: true });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  let text = "";
  let read = false;
  const ended = new Promise<void>((resolve) => {
    server.once("connection", (socket) => {
      read = readDirectly(socket, (piece) => {
        text += piece.toString("latin1");
      });
      socket.once("end", () => {
        socket.destroy();
        resolve();
      });
    });
  });
  const client = connect((server.address() as AddressInfo).port, "127.0.0.1");
  client.end("hello");
  await ended;
  expect(read).toBe(true);
  expect(text).toBe("hello");
  server.close();
});

test("only a bare TCP socket is written past its stream", () => {
  const socket = new Socket();
  expect(isDirect(socket)).toBe(true);
  expect(isDirect(new TLSSocket(new Socket()))).toBe(false);
  expect(isDirect(new Duplex({ read() {}, write() {} }))).toBe(false);
});

test("what a slow peer does not take waits in order, even when its memory is used again", async () => {
  const { accepted: output, client, close } = await pair();
  client.pause();
  const shared = Buffer.alloc(65_536);
  let sent = "";
  let isFree = true;
  for (let turn = 0; turn < 200; turn += 1) {
    const letter = String.fromCharCode(97 + (turn % 26));
    shared.fill(letter);
    isFree = writeBytes(output, shared);
    const text = `<${turn}>`;
    writeText(output, text);
    sent += letter.repeat(shared.length) + text;
  }
  expect(isFree).toBe(false);
  output.end();
  client.resume();
  expect(await received(client)).toBe(sent);
  await close();
});

test("nothing goes out past the end of a stream, or past what is corked", async () => {
  const { accepted: output, client, close } = await pair();
  output.cork();
  output.write("first ");
  writeText(output, "second");
  output.uncork();
  output.end();
  output.on("error", () => {});
  writeText(output, " after the end");
  expect(await received(client)).toBe("first second");
  await close();
});

test("a closed socket's descriptor belongs to the next one, which gets nothing of it", async () => {
  const first = await pair();
  first.accepted.on("error", () => {});
  first.accepted.destroy();
  await once(first.accepted, "close");
  const others = await Promise.all([pair(), pair(), pair()]);
  writeText(first.accepted, "not yours");
  for (const { accepted: output } of others) output.end("yours");
  for (const { client } of others) expect(await received(client)).toBe("yours");
  await Promise.all([first, ...others].map(({ close }) => close()));
});
