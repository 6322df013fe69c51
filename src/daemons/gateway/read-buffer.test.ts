/** Upstreams are read into memory that they share: nothing of one answer may end up in another. */
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { intentOf, rawClient, siteFor, startOrigin, startTestWorker } from "./test-kit.ts";

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
  const held = {
    wantsRequestBody: false,
    requestHead: () => 0,
    requestBody: () => 0,
    responseHead: () => 0,
    wantsResponseBody: () => true,
    responseBody: () => 0,
    location: () => "",
    finish: () => ({ score: 0, threshold: 0, matches: [] }),
  };
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
