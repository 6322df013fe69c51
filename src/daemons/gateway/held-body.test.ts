import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { addPiece, bytesOf, createHeldBody, letGo } from "./held-body.ts";
import {
  inspectionWith,
  intentOf,
  rawClient,
  siteFor,
  startOrigin,
  startTestWorker,
} from "./test-kit.ts";

/** Nearly all of a buffer of 4 MiB, and more than the sockets to an origin take at once. */
const BYTES = 4_190_000;

test("a body grows by its pieces, and what was let go is written over by the next", () => {
  const piece = (letter: string, bytes: number) => Buffer.alloc(bytes, letter);
  const shared = piece("a", 1_000);
  const first = createHeldBody();
  expect(bytesOf(first).length).toBe(0);
  for (let count = 0; count < 300; count += 1) addPiece(first, shared);
  shared.fill("x");
  expect(bytesOf(first).equals(piece("a", 300_000))).toBe(true);
  const short = createHeldBody();
  addPiece(short, shared);
  shared.fill("y");
  expect(bytesOf(short).equals(piece("x", 1_000))).toBe(true);
  const second = createHeldBody();
  addPiece(second, piece("b", 300_000));
  expect(bytesOf(first).equals(piece("a", 300_000))).toBe(true);
  const lent = bytesOf(first);
  letGo(first);
  letGo(first);
  expect(bytesOf(first).length).toBe(0);
  const third = createHeldBody();
  addPiece(third, piece("c", 290_000));
  const fourth = createHeldBody();
  addPiece(fourth, piece("d", 290_000));
  expect(lent.subarray(0, 290_000).equals(piece("c", 290_000))).toBe(true);
  expect(bytesOf(third).equals(piece("c", 290_000))).toBe(true);
  expect(bytesOf(second).equals(piece("b", 300_000))).toBe(true);
});

test.each(["Content-Length", "Transfer-Encoding"])(
  "a body with %s that a slow origin has not taken is not overwritten by the next",
  async (framing) => {
    const bodies = new Map<string, boolean>();
    const origin = await startOrigin(async (request, response) => {
      const letter = (request.url ?? "").slice(1);
      await sleep(200);
      const pieces: Buffer[] = [];
      for await (const piece of request) pieces.push(piece as Buffer);
      bodies.set(letter, Buffer.concat(pieces).equals(Buffer.alloc(BYTES, letter)));
      response.end("done");
    });
    const inspection = inspectionWith({ wantsRequestBody: true });
    const { worker } = await startTestWorker({ inspectorOf: () => () => inspection });
    const site = { mode: "block", requestBodyBytesMax: BYTES * 2 } as const;
    worker.apply(intentOf([siteFor([origin.url], site)]));
    const letters = ["a", "b", "c", "d"];
    try {
      const clients = letters.map(() => rawClient(worker.httpPort));
      for (const [at, client] of clients.entries()) {
        const letter = letters[at] ?? "";
        const isChunked = framing === "Transfer-Encoding";
        const value = isChunked ? "chunked" : BYTES;
        client.send(`POST /${letter} HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n`);
        client.send(`${framing}: ${value}\r\n\r\n${isChunked ? `${BYTES.toString(16)}\r\n` : ""}`);
        client.send(letter.repeat(BYTES) + (isChunked ? "\r\n0\r\n\r\n" : ""));
        // Each begins when the one before has been judged, and waits for its origin.
        await sleep(30);
      }
      for (const client of clients) expect(await client.closed).toMatch(/^HTTP\/1.1 200 /);
      expect([...bodies]).toEqual(expect.arrayContaining(letters.map((letter) => [letter, true])));
    } finally {
      await worker.close(0);
      await origin.close();
    }
  },
);
