/** Proofs of HTTP-01 are found by whoever asks for exactly them, and by nobody else. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { exchangeRaw, intentOf, siteFor, startTestWorker } from "./test-kit.ts";
import type { GatewayWorker } from "./worker.ts";

let worker: GatewayWorker;
const PATH = "/.well-known/acme-challenge/";
const proof = { domain: "a.test", token: "tok_en-1", keyAuthorization: "tok_en-1.print" };

beforeEach(async () => {
  ({ worker } = await startTestWorker());
});
afterEach(() => worker.close(100));

const serve = (changes: Parameters<typeof intentOf>[1] = { challenges: [proof] }) =>
  worker.apply(intentOf([siteFor(["http://127.0.0.1:9"], { redirectToHttps: true })], changes));
const ask = (path: string, host = "a.test", method = "GET") =>
  exchangeRaw(
    worker.httpPort,
    `${method} ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`,
  );

test("a proof is answered before the redirect to HTTPS and before a blocked source", async () => {
  const block = { siteId: null, accountId: "acct-a", expiresAt: null, responseId: null };
  serve({
    challenges: [proof],
    sources: [{ cidr: "127.0.0.0/8", action: "block", ...block }],
  });
  const text = await ask(`${PATH}tok_en-1`);
  expect(text).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
  expect(text).toMatch(/\r\n\r\ntok_en-1\.print$/);
  expect(await ask("/")).toMatch(/^HTTP\/1\.1 403 /);
});

test("another host, token, path or method gets no proof", async () => {
  serve();
  const others = [
    await ask(`${PATH}tok_en-1`, "b.test"),
    await ask(`${PATH}tok_en-2`),
    await ask(`${PATH}tok_en-1?x`),
    await ask(`${PATH}x/../tok_en-1`),
    await ask(`${PATH}tok_en-1`, "a.test", "POST"),
  ];
  expect(others.filter((text) => text.includes("print"))).toEqual([]);
  expect(others[1]).toMatch(/^HTTP\/1\.1 308 /);
});

test("a proof that is taken back is gone with the next intent", async () => {
  serve();
  expect(await ask(`${PATH}tok_en-1`)).toContain("print");
  serve({ challenges: [] });
  expect(await ask(`${PATH}tok_en-1`)).not.toContain("print");
});
