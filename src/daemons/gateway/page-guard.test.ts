import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import type { PageSettings } from "../../kernel/intent/site-delivery.ts";
import type { GatewayEvent } from "./event.ts";
import { digestOf } from "./page-copies.ts";
import type { PageEvent } from "./page-event.ts";
import { exchangeRaw, intentOf, siteFor, startOrigin, startTestWorker } from "./test-kit.ts";
import type { GatewayWorker } from "./worker.ts";

let origin: Awaited<ReturnType<typeof startOrigin>>;
let worker: GatewayWorker;
let events: GatewayEvent[];
let pageEvents: PageEvent[];
let folder = "";
let page = { status: 200, body: "good" };
let asked: Record<string, unknown> = {};

beforeAll(async () => {
  origin = await startOrigin((request, response) => {
    asked = request.headers;
    response.writeHead(page.status, { "content-type": "text/html; charset=utf-8" });
    response.end(page.body);
  });
});
afterAll(() => origin.close());
const start = async () => {
  ({ worker, events, pageEvents } = await startTestWorker({ pagesFolder: folder }));
};
beforeEach(async () => {
  page = { status: 200, body: "good" };
  folder = mkdtempSync(join(tmpdir(), "pages-"));
  await start();
});
afterEach(async () => {
  await worker.close(50);
  rmSync(folder, { recursive: true, force: true });
});

const good = digestOf(Buffer.from("good"));
function apply(mode: PageSettings["mode"], approved: string | null) {
  const approvals = approved === null ? [] : [{ path: "/page", digest: approved }];
  const pages = { mode, paths: ["/page"], approvals };
  worker.apply(intentOf([siteFor([origin.url], { delivery: { pages } })]));
}
const get = async (path = "/page", more = "") => {
  const text = await exchangeRaw(
    worker.httpPort,
    `GET ${path} HTTP/1.1\r\nHost: a.test\r\n${more}Connection: close\r\n\r\n`,
  );
  return { status: text.slice(9, 12), text, body: text.split("\r\n\r\n").slice(1).join("") };
};

test("a page is seen, approved, and served as approved when it changes, until it is approved anew", async () => {
  apply("protect", null);
  expect((await get()).text).toContain("good");
  expect(worker.status().pages[0]).toMatchObject({ state: "unapproved", seenDigest: good });
  apply("protect", good);
  expect(worker.status().pages[0]?.state).toBe("approved");
  page = { status: 200, body: "defaced" };
  for (const path of ["/page", "/page?x=1"]) {
    const answer = await get(path);
    expect(answer.body).toBe("good");
    expect(answer.text).toContain("Content-Type: text/html; charset=utf-8");
  }
  expect(events.at(-1)?.status_detail).toBe("pageChanged");
  expect(worker.status()).toMatchObject({ pages: [{ state: "changed" }] });
  expect(worker.status().troubles[0]).toContain("/page");
  // One finding for each content, not one for each visitor.
  expect(pageEvents).toHaveLength(1);
  apply("protect", digestOf(Buffer.from("defaced")));
  expect((await get()).text).toContain("defaced");
  expect((await get("/other")).text).toContain("defaced");
});

test("a page that has grown too large to compare has changed, and one spelled otherwise is the same", async () => {
  apply("protect", null);
  await get();
  apply("protect", good);
  page = { status: 200, body: "evil".repeat(200_000) };
  expect((await get()).body).toBe("good");
  expect((await get("/%70age?x")).body).toBe("good");
  expect(pageEvents).toHaveLength(1);
  expect(worker.status().pages[0]).toMatchObject({ state: "changed", seenDigest: "too large" });
  apply("protect", null);
  expect((await get()).body).toContain("evil".repeat(1_000));
  expect(events.at(-1)?.status_detail).toBe("pageTooLargeToGuard");
});

test("a page that is gone, or leads elsewhere, is served as approved; a part or a coding is not asked for", async () => {
  apply("protect", null);
  await get();
  apply("protect", good);
  for (const status of [404, 500, 302, 204, 304]) {
    page = { status, body: "x" };
    expect(await get()).toMatchObject({ status: "200", body: "good" });
  }
  page = { status: 200, body: "defaced" };
  await get("/page", "Range: bytes=0-1\r\nAccept-Encoding: gzip\r\nIf-None-Match: x\r\n");
  expect(asked.range ?? asked["if-none-match"]).toBeUndefined();
  expect(asked["accept-encoding"]).toBe("identity");
});

test("observe tells and changes nothing; without a copy nothing is made up", async () => {
  apply("observe", null);
  await get();
  apply("observe", good);
  page.body = "defaced";
  expect((await get()).text).toContain("defaced");
  expect(events.at(-1)?.status_detail).toBe("pageChanged");
  apply("protect", "0".repeat(64));
  expect((await get()).text).toContain("defaced");
  expect(events.at(-1)?.status_detail).toBe("pageChangedNoCopy");
});

test("a restarted worker serves the copy from the disk, and a copy that was changed there is not believed", async () => {
  apply("protect", null);
  await get();
  apply("protect", good);
  expect(readdirSync(folder)).toEqual([good]);
  page.body = "defaced";
  await worker.close(50);
  await start();
  apply("protect", good);
  expect((await get()).body).toBe("good");
  await worker.close(50);
  writeFileSync(join(folder, good), "text/html\nevil");
  await start();
  apply("protect", good);
  expect((await get()).text).not.toContain("evil");
});
