/** What a site served over HTTPS only answers to plain requests, direct and behind a proxy. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { exchangeRaw, intentOf, siteFor, startOrigin, startTestWorker } from "./test-kit.ts";
import type { GatewayWorker } from "./worker.ts";

let origin: Awaited<ReturnType<typeof startOrigin>>;
let worker: GatewayWorker;
let scheme: string | string[] | undefined;

beforeEach(async () => {
  scheme = undefined;
  origin = await startOrigin((request, response) => {
    scheme = request.headers["x-forwarded-proto"];
    response.end("served");
  });
  ({ worker } = await startTestWorker());
});
afterEach(async () => {
  await worker.close(100);
  await origin.close();
});

const ask = (fields: string): Promise<string> =>
  exchangeRaw(
    worker.httpPort,
    `GET /a?b HTTP/1.1\r\nHost: a.test:8080\r\nConnection: close\r\n${fields}\r\n`,
  );
const serve = (trustedProxies: string[]) =>
  worker.apply(intentOf([siteFor([origin.url], { redirectToHttps: true, trustedProxies })]));

test("a plain request is sent to the port on which the gateway serves HTTPS", async () => {
  serve([]);
  const text = await ask("");
  expect(text).toMatch(/^HTTP\/1\.1 308 /);
  expect(text).toContain(`\r\nLocation: https://a.test:${worker.httpsPort}/a?b\r\n`);
});

test("a client cannot avoid the redirect by claiming HTTPS", async () => {
  serve(["192.0.2.1"]);
  const text = await ask("X-Forwarded-Proto: https\r\n");
  expect(text).toContain(`\r\nLocation: https://a.test:${worker.httpsPort}/a?b\r\n`);
});

test("what came over HTTPS to a trusted proxy is served, and the upstream is told", async () => {
  serve(["127.0.0.0/8"]);
  expect(await ask("X-Forwarded-Proto: https\r\n")).toMatch(/^HTTP\/1\.1 200 /);
  expect(scheme).toBe("https");
});

test("what came plain to a trusted proxy is sent to the proxy's HTTPS, not to the gateway's port", async () => {
  serve(["127.0.0.0/8"]);
  const text = await ask("X-Forwarded-Proto: http\r\n");
  expect(text).toMatch(/^HTTP\/1\.1 308 /);
  expect(text).toContain("\r\nLocation: https://a.test/a?b\r\n");
});

test("a trusted proxy that says no scheme has used the connection's", async () => {
  serve(["127.0.0.0/8"]);
  expect(await ask("X-Forwarded-Proto: ftp\r\n")).toMatch(/^HTTP\/1\.1 308 /);
});
