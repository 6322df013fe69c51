/**
 * Clients and upstreams are read into memory that they share: nothing of one message may end up in
 * another.
 */
import type { Duplex, Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import {
  inspectionWith,
  intentOf,
  type RawClient,
  rawClient,
  siteFor,
  startOrigin,
  startTestWorker,
} from "./test-kit.ts";

/** More than the sockets of client and upstream hold, so that the gateway keeps some of it. */
const BYTES = 6_291_456;
const letters = ["a", "b", "c"];

const requestOf = (letter: string): string =>
  `GET /${letter} HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n`;

test("clients that stop reading get their own bytes, and no others", async () => {
  const origin = await startOrigin((request, response) => {
    response.writeHead(200, { "Content-Length": BYTES });
    response.end((request.url ?? "").slice(1).repeat(BYTES));
  });
  const { worker } = await startTestWorker();
  worker.apply(intentOf([siteFor([origin.url])]));
  const clients = letters.map((letter) => ({ letter, client: rawClient(worker.httpPort) }));
  try {
    for (const { letter, client } of clients) client.send(requestOf(letter));
    // In turn, so that the pieces of the others come while one's wait for it.
    for (let turn = 0; turn < 9; turn++) {
      clients.forEach(({ client }, at) => {
        if (at === turn % letters.length) client.socket.resume();
        else client.socket.pause();
      });
      await sleep(20);
    }
    for (const { client } of clients) client.socket.resume();
    for (const { letter, client } of clients) {
      const text = await client.closed;
      const body = text.slice(text.indexOf("\r\n\r\n") + 4);
      expect(body.length).toBe(BYTES);
      expect(body.replaceAll(letter, "")).toBe("");
    }
  } finally {
    await worker.close(0);
    await origin.close();
  }
});

test("what is held back for the rules is not overwritten by other answers", async () => {
  const origin = await startOrigin((request, response) => {
    const letter = (request.url ?? "").slice(1);
    response.writeHead(200, { "Content-Type": "text/plain", "Content-Length": 40_000 });
    response.write(letter.repeat(20_000));
    setTimeout(() => response.end(letter.repeat(20_000)), 20);
  });
  const held = inspectionWith({ wantsResponseBody: () => true });
  const { worker } = await startTestWorker({ inspectorOf: () => () => held });
  worker.apply(intentOf([siteFor([origin.url], { mode: "block" })]));
  const clients = letters.map((letter) => ({ letter, client: rawClient(worker.httpPort) }));
  try {
    for (const { letter, client } of clients) client.send(requestOf(letter));
    for (const { letter, client } of clients) {
      const text = await client.closed;
      expect(text.slice(text.indexOf("\r\n\r\n") + 4)).toBe(letter.repeat(40_000));
    }
  } finally {
    await worker.close(0);
    await origin.close();
  }
});

/** What a client sends: no piece of it is like another. */
const bodyOf = (letter: string): string =>
  Array.from({ length: BYTES / 8 }, (_, at) => letter + String(at).padStart(7, "0")).join("");
const wholeBodies = new Map(letters.map((letter) => [letter, bodyOf(letter)]));

/** Sends the bodies in pieces, in turn, so that each is read between those of the others. */
async function sendInTurn(clients: readonly { letter: string; client: RawClient }[]) {
  for (let sent = 0; sent < BYTES; sent += PIECE_BYTES) {
    for (const { letter, client } of clients) {
      client.send((wholeBodies.get(letter) ?? "").slice(sent, sent + PIECE_BYTES));
    }
    if (sent % (PIECE_BYTES * 16) === 0) await sleep(1);
  }
}

const PIECE_BYTES = 8_192;

/** Whether these are the clients' whole bodies, told without printing megabytes. */
const areWhole = (texts: readonly (string | undefined)[]): boolean =>
  texts.length === letters.length &&
  letters.every((letter, at) => texts[at] === wholeBodies.get(letter));

/** The text of what comes, from a reader that starts late, so that the gateway keeps some of it. */
async function lateText(source: Readable): Promise<string> {
  await sleep(150);
  const pieces: Buffer[] = [];
  for await (const piece of source) pieces.push(piece as Buffer);
  return Buffer.concat(pieces).toString("latin1");
}

test.each(["held back for the rules", "passed on as they come"])(
  "bodies of requests that are %s reach the origin as they were sent",
  async (kind) => {
    const bodies = new Map<string, string>();
    const origin = await startOrigin((request, response) => {
      lateText(request).then((text) => {
        bodies.set((request.url ?? "").slice(1), text);
        response.end("done");
      });
    });
    const judged: string[] = [];
    const inspection = inspectionWith({
      wantsRequestBody: true,
      requestBody: (body) => {
        judged.push(body.toString("latin1"));
        return 0;
      },
    });
    const isHeld = kind.startsWith("held");
    const { worker } = await startTestWorker(isHeld ? { inspectorOf: () => () => inspection } : {});
    const site = { mode: isHeld ? "block" : "off", requestBodyBytesMax: BYTES * 2 } as const;
    worker.apply(intentOf([siteFor([origin.url], site)]));
    const clients = letters.map((letter) => ({ letter, client: rawClient(worker.httpPort) }));
    try {
      for (const { letter, client } of clients) {
        client.send(`POST /${letter} HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n`);
        client.send(`Content-Length: ${BYTES}\r\n\r\n`);
      }
      await sendInTurn(clients);
      for (const { client } of clients) expect(await client.closed).toMatch(/^HTTP\/1.1 200 /);
      expect(areWhole(letters.map((letter) => bodies.get(letter)))).toBe(true);
      expect(isHeld ? areWhole(judged.toSorted()) : judged.length === 0).toBe(true);
    } finally {
      await worker.close(0);
      await origin.close();
    }
  },
);

test("bytes of tunnels arrive as they were sent", async () => {
  const arrived: Promise<string>[] = [];
  const origin = await startOrigin(() => {});
  origin.server.on("upgrade", (_request, socket: Duplex) => {
    socket.write(
      "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    );
    arrived.push(lateText(socket).finally(() => socket.end("bye")));
  });
  const { worker } = await startTestWorker();
  worker.apply(intentOf([siteFor([origin.url])]));
  const clients = letters.map((letter) => ({ letter, client: rawClient(worker.httpPort) }));
  try {
    for (const { client } of clients) {
      client.send("GET /ws HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\n");
      client.send("Upgrade: websocket\r\nSec-WebSocket-Key: eA==\r\n\r\n");
      await client.until((text) => text.endsWith("\r\n\r\n"));
    }
    await sendInTurn(clients);
    for (const { client } of clients) client.socket.end();
    for (const { client } of clients) expect((await client.closed).endsWith("bye")).toBe(true);
    expect(areWhole((await Promise.all(arrived)).toSorted())).toBe(true);
  } finally {
    await worker.close(0);
    await origin.close();
  }
});
