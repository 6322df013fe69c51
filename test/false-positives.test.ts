/**
 * Ordinary use of a shop and of a JSON API, each over HTTP/1.1 and over HTTP/2, is not refused at
 * paranoia level 1.
 */
import { once } from "node:events";
import { createServer, request as httpRequest, type Server } from "node:http";
import { connect } from "node:http2";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startShop } from "../examples/shop/main.ts";
import { hasBrowser, launchBrowser } from "./e2e/console-browser.ts";
import { postForm } from "./post-form.ts";
import {
  hasRules,
  type Issued,
  issueFor,
  type ProtectedSite,
  protectSite,
  trustFlag,
  versionsOf,
} from "./protected-site.ts";

let shop: Awaited<ReturnType<typeof startShop>>;
let api: Server;
let shopSite: ProtectedSite;
let apiSite: ProtectedSite;
let issued: Issued;

/** An API that keeps what it gets and gives it back. */
function startApi(): Promise<Server> {
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(Buffer.from(chunk));
    const text = Buffer.concat(chunks).toString("utf8") || "{}";
    if (request.url?.startsWith("/leak.") === true) {
      const isScript = request.url.endsWith(".js");
      response.setHeader("content-type", isScript ? "text/javascript" : "text/html");
      const text = "ORA-00933: SQL command not properly ended";
      const isCoded = request.url.endsWith(".gz.html");
      if (isCoded) response.setHeader("content-encoding", "gzip");
      response.end(isCoded ? gzipSync(text) : text);
      return;
    }
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ note: JSON.parse(text) }));
  });
  return new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(server)));
}

beforeAll(async () => {
  if (!hasRules) return;
  shop = await startShop();
  api = await startApi();
  const { port } = api.address() as AddressInfo;
  issued = await issueFor(["shop.localhost", "api.localhost"]);
  const ofShop = { domains: ["shop.localhost"], ...issued.served };
  const ofApi = { domains: ["api.localhost"], ...issued.served };
  shopSite = await protectSite(`http://127.0.0.1:${shop.port}`, ofShop);
  apiSite = await protectSite(`http://127.0.0.1:${port}`, ofApi);
});

afterAll(async () => {
  await shopSite?.close();
  await apiSite?.close();
  await shop?.stop();
  api?.closeAllConnections();
  api?.close();
});

// An apostrophe is left out: the shop answers it with an error of its database, a real leak.
const searches = [
  "green tea",
  "Teapot & cups, 50% off",
  "select the best tea and drop me a line",
  "tea or coffee?",
  "绿茶 500 克",
  "¿Té verde? — naïve café",
  "<3 tea",
  "C++ mug 1+1=2",
];
const comments = [
  "I ordered 2 from the table by the window; where's the union of taste & price?",
  "Works fine! Now update your list and insert coin ;-)",
  "茶很好喝，包装也不错。下次还会再买！",
  "See https://tea.example/blog/how-to?lang=en&page=2#brew for how I do it.",
  'He said: "it\'s like drinking grass" -- I disagree...',
];

/** Somebody looks for tea, reads, comes by a link of a letter, and writes. */
async function useShop(page: Page, origin: string): Promise<void> {
  await page.goto(origin);
  for (const search of searches) {
    await page.goto(origin);
    await page.fill("input[name=q]", search);
    await Promise.all([page.waitForEvent("domcontentloaded"), page.click("button")]);
  }
  for (const path of ["/product?id=1", "/product?id=2", "/manual", "/comments", "/none"]) {
    await page.goto(`${origin}${path}?utm_source=mail&utm_campaign=spring%20sale`);
  }
  for (const text of comments) {
    await postForm(page, "/comments", { text, name: "first customer" });
  }
}

/** Pages that the session asks for at least. */
const PAGES_MIN = 2 * searches.length + 5 + comments.length;

test.skipIf(!hasRules || !hasBrowser)(
  "nothing of a session of the shop in Chromium is refused (needs modsecurity-crs, chromium)",
  { timeout: 120_000 },
  async () => {
    const browser = await launchBrowser();
    try {
      await useShop(await browser.newPage(), `http://shop.localhost:${shopSite.httpPort}`);
    } finally {
      await browser.close();
    }
    expect(shopSite.refusals()).toEqual([]);
    expect(versionsOf(shopSite.events)).toEqual(["HTTP/1.1"]);
    expect(shopSite.events.length).toBeGreaterThanOrEqual(PAGES_MIN);
  },
);

test.skipIf(!hasRules || !hasBrowser)(
  "nor is anything of the same session over HTTP/2 (needs modsecurity-crs, chromium)",
  { timeout: 120_000 },
  async () => {
    const before = shopSite.events.length;
    const browser = await launchBrowser(trustFlag(issued));
    try {
      const origin = `https://shop.localhost:${shopSite.httpsPort}`;
      const page = await browser.newPage();
      await useShop(page, origin);
      const protocol = 'performance.getEntriesByType("navigation")[0].nextHopProtocol';
      expect(await page.evaluate(protocol)).toBe("h2");
      // An attack in the same session is refused: the rules were asked.
      const attack = await page.goto(`${origin}/product?id=1%20union%20select%20email%20from%20x`);
      expect(attack?.status()).toBe(403);
    } finally {
      await browser.close();
    }
    const events = shopSite.events.slice(before);
    expect(versionsOf(events)).toEqual(["HTTP/2.0"]);
    expect(shopSite.refusals()).toEqual([expect.stringContaining("/product?id=1%20union")]);
    expect(events.length).toBeGreaterThan(PAGES_MIN);
  },
);

const markdown = `# Release notes

* Fixed: \`/notes?limit=10\` no longer returns **deleted** notes ([#12](https://notes.example/12))
* "Mark all" and "Close table view" work with the keyboard, too

| Name | Price |
|------|------:|
| Tea  |  3.90 |

> It's done -- finally!
`;
const typescript = `export function total(cups: readonly Cup[]): number {
  return cups.filter((cup) => cup.price > 0 && !cup.sold).reduce((sum, cup) => sum + cup.price, 0);
}`;
const python = `def brew(minutes: int = 3) -> str:
    """Brews tea."""
    return f"ready in {minutes} min" if minutes < 5 else "bitter"`;

const bodies: Record<string, unknown> = {
  "English text": {
    title: "How to brew",
    text: "Don't boil it; take good leaves, select a cup and let them sit. Or not? 1 of 3 say so.",
  },
  "Chinese text": { title: "如何泡茶", text: "水温八十度，泡三分钟即可。价格：￥39（含税）" },
  markdown: { title: "Notes", text: markdown },
  "TypeScript code": { language: "typescript", code: typescript },
  "Python code": { language: "python", code: python },
  base64: { name: "cup.png", content: Buffer.from(markdown.repeat(40)).toString("base64") },
  "nested data": {
    id: "3f2b8c1e-9f77-4a6e-8a52-0d7d2f6c1b11",
    tags: ["tea", "c#", "node.js", "a/b test", "R&D"],
    address: { street: "1 O'Connell St. #4", email: "a.person+tea@shop.example", phone: "+353 1" },
    prices: [{ amount: -1.5e3, currency: "EUR" }, null, true],
    filter: { price: { gte: 10, lt: 20 }, orderBy: "-price", query: "name:tea AND price:<20" },
  },
  "a token": { token: "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ0ZWEifQ.c2lnbmF0dXJlLWJ5dGVz", ok: true },
};

/** A client of the API: what it sends, and the status that it gets. */
type ApiClient = {
  send(method: string, path: string, body: unknown): Promise<number>;
  close(): void;
};

const apiHeaders = {
  "user-agent": "notes-client/2.1 (linux; x64)",
  accept: "application/json",
  "content-type": "application/json",
  authorization: "Bearer eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ0ZWEifQ.c2lnbmF0dXJlLWJ5dGVz",
};
const textOf = (body: unknown): string => (body === undefined ? "" : JSON.stringify(body));

const http1Client = (): ApiClient => ({
  async send(method, path, body) {
    const text = textOf(body);
    const own = { host: "api.localhost", "content-length": Buffer.byteLength(text) };
    const to = { host: "127.0.0.1", port: apiSite.httpPort, method, path };
    const sent = httpRequest({ ...to, headers: { ...own, ...apiHeaders } });
    sent.end(text);
    const [response] = await once(sent, "response");
    await once(response.resume(), "end");
    return response.statusCode;
  },
  close: () => {},
});

/** One connection for all requests, as such clients keep it. */
function http2Client(): ApiClient {
  const session = connect(`https://api.localhost:${apiSite.httpsPort}`, {
    ca: issued.authorityPem,
    lookup: (_name, _options, done) => done(null, [{ address: "127.0.0.1", family: 4 }]),
  });
  return {
    async send(method, path, body) {
      const endStream = body === undefined;
      const head = { ":method": method, ":path": path, ...apiHeaders };
      const sent = session.request(head, { endStream });
      if (!endStream) sent.end(textOf(body));
      const [headers] = await once(sent, "response");
      await once(sent.resume(), "end");
      return headers[":status"];
    },
    close: () => session.close(),
  };
}

/** What the rules as shipped take for an attack. */
const knownMisses = [
  ["Wait; select good leaves and let them sit.", [932115, 942350]],
  ["Run `GET /notes`, then close it", [932100]],
] as const;
/** What lets them pass. */
const exclusions = knownMisses.flatMap(([, rules]) =>
  rules.map((ruleId) => ({
    exclusionId: "excl-a",
    pathPrefix: "/v1/notes",
    ruleId,
    variable: "ARGS:json.text",
  })),
);
const ATTACK = { text: "1' union select password from user--" };

/** The session of a client, whose negative control is an attack over the same connection. */
async function useApi({ send }: ApiClient): Promise<void> {
  const before = apiSite.refusals().length;
  for (const [what, body] of Object.entries(bodies)) {
    expect(await send("POST", "/v1/notes", body), what).toBe(200);
  }
  const query = "limit=10&sort=-price&filter[price]=lt:20";
  expect(await send("GET", `/v1/notes?${query}`, undefined)).toBe(200);
  const [first = {}] = Object.values(bodies);
  // Level 1 allows GET, HEAD, POST and OPTIONS; an API that needs more says so to the rule set.
  expect(await send("POST", "/v1/notes/12:archive", first)).toBe(200);
  expect(apiSite.refusals().slice(before)).toEqual([]);
  for (const [text, rules] of knownMisses) {
    expect(await send("POST", "/v1/notes", { text }), text).toBe(403);
    for (const rule of rules) expect(apiSite.refusals().at(-1)).toContain(String(rule));
  }
  apiSite.change({ exclusions });
  for (const [text] of knownMisses) expect(await send("POST", "/v1/notes", { text })).toBe(200);
  expect(await send("POST", "/v1/notes", ATTACK)).toBe(403);
}

test.skipIf(!hasRules).each([
  ["HTTP/1.1", http1Client],
  ["HTTP/2.0", http2Client],
] as const)(
  "nothing of a session of a JSON API client over %s is refused (needs modsecurity-crs)",
  { timeout: 60_000 },
  async (version, open) => {
    apiSite.change({});
    const before = apiSite.events.length;
    const client = open();
    try {
      await useApi(client);
    } finally {
      client.close();
    }
    expect(versionsOf(apiSite.events.slice(before))).toEqual([version]);
  },
);

test.skipIf(!hasRules)(
  "a script with a database's words passes, such a page is refused, packed too (needs modsecurity-crs)",
  async () => {
    const statusOf = (path: string): Promise<number> =>
      new Promise((resolve, reject) => {
        const headers = { host: "api.localhost", accept: "*/*", "user-agent": "notes-client/2.1" };
        const to = { host: "127.0.0.1", port: apiSite.httpPort, path, headers };
        const sent = httpRequest(to, (response) => {
          response.resume().on("end", () => resolve(response.statusCode ?? 0));
        });
        sent.on("error", reject).end();
      });
    expect(await statusOf("/leak.js")).toBe(200);
    expect(await statusOf("/leak.html")).toBe(403);
    expect(await statusOf("/leak.gz.html")).toBe(403);
  },
);

test.skipIf(!hasRules)(
  "of a large upload the beginning is read, and the rest passes (needs modsecurity-crs)",
  async () => {
    apiSite.change({ requestBodyBytesMax: 65_536 });
    const send = (type: string, body: string): Promise<number> =>
      new Promise((resolve, reject) => {
        const length = { "content-length": Buffer.byteLength(body), "content-type": type };
        const headers = { host: "api.localhost", accept: "*/*", "user-agent": "notes-client/2.1" };
        const to = { host: "127.0.0.1", port: apiSite.httpPort, method: "POST", path: "/leak.js" };
        const sent = httpRequest({ ...to, headers: { ...headers, ...length } }, (response) => {
          response.resume().on("end", () => resolve(response.statusCode ?? 0));
        });
        sent.on("error", reject).end(body);
      });
    const attack = "1' union select password from customer--";
    const tea = "tea ".repeat(50_000);
    const form = (note: string) =>
      `--x\r\nContent-Disposition: form-data; name="note"\r\n\r\n${note}\r\n` +
      '--x\r\nContent-Disposition: form-data; name="f"; filename="a.bin"\r\n\r\n' +
      `${tea}\r\n--x--\r\n`;
    const multipart = "multipart/form-data; boundary=x";
    expect(await send(multipart, form("a cup"))).toBe(200);
    expect(await send(multipart, form(attack))).toBe(403);
    expect(await send("application/json", JSON.stringify({ note: tea }))).toBe(200);
    expect(await send("application/json", JSON.stringify({ note: attack + tea }))).toBe(403);
    expect(await send("application/xml", `<a><b>${tea}</b></a>`)).toBe(200);
    expect(await send("application/xml", `<a><b>${attack}</b><c>${tea}</c></a>`)).toBe(403);
  },
);
