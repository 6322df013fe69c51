import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type Server } from "node:http";
import Value from "typebox/value";
import { afterEach, expect, test } from "vitest";
import { contracts } from "../../catalog.ts";
import { ProbeError, probeSite } from "./compliance-probe.ts";
import {
  complianceResults,
  complianceScore,
  type Seen,
  type SeenAnswer,
} from "./compliance-rules.ts";

const open: Server[] = [];
afterEach(() => {
  for (const server of open.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

/** A server at an address of the loopback, and what it was asked. */
async function serverAt(
  address: string,
  given: { readonly port?: number; readonly headers?: Readonly<Record<string, string>> },
) {
  const asked: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    asked.push(request);
    response.writeHead(302, { "content-type": "text/plain", ...given.headers });
    response.end("body");
  });
  let connections = 0;
  server.on("connection", () => connections++);
  await new Promise<void>((resolve) => server.listen(given.port ?? 0, address, resolve));
  open.push(server);
  const place = server.address();
  const port = typeof place === "object" && place !== null ? place.port : 0;
  return { asked, port, connections: () => connections };
}

const marked = () => ({ "x-request-id": randomUUID() });
const target = (domain: string, port: number, address = "127.0.0.2") => ({
  ...{ siteId: "site-0123456789", domain, folders: ["/static/"] },
  gateway: { address, httpPort: port, httpsPort: 9 },
  noteRequest: () => {},
});

test("a site whose domain leads elsewhere, or nowhere, has the gateway asked and nobody else", async () => {
  // What the attacker wants asked: a service of this machine, which his domain resolves to.
  const inside = await serverAt("127.0.0.1", {});
  const location = `http://127.0.0.1:${inside.port}/latest/meta-data`;
  const gateway = await serverAt("127.0.0.2", {
    port: inside.port,
    headers: { ...marked(), location },
  });
  for (const domain of ["localhost", "no-such-name.invalid"]) {
    const seen = await probeSite(target(domain, inside.port));
    expect(seen.http?.status).toBe(302);
    expect(gateway.asked.splice(0).map(({ headers }) => headers.host)).toContain(domain);
  }
  expect(inside.connections()).toBe(0);
});

test("what answers at the gateway's port and is no gateway is asked once, and tells nothing", async () => {
  const other = await serverAt("127.0.0.2", { headers: { "x-request-id": "same-as-ever" } });
  const refused = await probeSite(target("shop.example", other.port)).catch((error) => error);
  expect(refused).toBeInstanceOf(ProbeError);
  expect(String(refused.message)).toContain("is no gateway");
  expect(other.asked.length).toBe(1);
});

test("where no gateway answers, the reason is told", async () => {
  const gone = await serverAt("127.0.0.2", {});
  for (const server of open.splice(0)) server.close();
  const refused = await probeSite(target("shop.example", gone.port)).catch((error) => error);
  expect(refused).toBeInstanceOf(ProbeError);
});

test("no probe has a body, and none uses a method that writes", async () => {
  const gateway = await serverAt("127.0.0.2", { headers: marked() });
  await probeSite(target("shop.example", gateway.port));
  const methods = gateway.asked.map(({ method }) => method ?? "");
  expect(new Set(methods)).toEqual(new Set(["GET", "HEAD", "OPTIONS", "TRACE"]));
  for (const { headers } of gateway.asked) {
    expect(headers["transfer-encoding"] ?? headers["content-length"] ?? "0").toBe("0");
  }
});

const answer = (given: Partial<SeenAnswer>): SeenAnswer => ({
  ...{ status: 200, headers: [], body: "" },
  ...given,
});
const nothing: Seen = {
  ...{ http: null, https: null, missing: null, head: null, trace: null, options: null },
  ...{ unknownMethod: null, strangeOrigin: null, folders: [], certificate: null },
  tls: { "1.0": null, "1.1": null, "1.2": null, "1.3": null },
};
const outcomeOf = (rule: string, seen: Partial<Seen>) => {
  const found = complianceResults({ ...nothing, ...seen }).find((one) => one.rule === rule);
  if (found === undefined) throw new Error(`there is no rule ${rule}`);
  return found;
};

const page = (...headers: [string, string][]) => ({ https: answer({ headers, body: "x" }) });
const trace = answer({ status: 404, body: "Error\n    at main (/srv/app.js:1:2)" });
const cases: [rule: string, good: Partial<Seen>, bad: Partial<Seen>][] = [
  [
    "httpsRedirect",
    { http: answer({ status: 301, headers: [["location", "https://a/"]] }) },
    { http: answer({}) },
  ],
  [
    "certificate",
    { certificate: { fault: "", daysLeft: 60, subject: "a" } },
    { certificate: { fault: "", daysLeft: 3, subject: "a" } },
  ],
  ["tls10", { tls: { ...nothing.tls, "1.0": false } }, { tls: { ...nothing.tls, "1.0": true } }],
  ["tls11", { tls: { ...nothing.tls, "1.1": false } }, { tls: { ...nothing.tls, "1.1": true } }],
  ["tls13", { tls: { ...nothing.tls, "1.3": true } }, { tls: { ...nothing.tls, "1.3": false } }],
  [
    "hsts",
    page(["strict-transport-security", "max-age=31536000"]),
    page(["strict-transport-security", "max-age=60"]),
  ],
  [
    "contentSecurityPolicy",
    page(["content-security-policy", "script-src 'nonce-abc' 'unsafe-inline' *.example.com"]),
    page(["content-security-policy", "default-src 'self' 'unsafe-inline'"]),
  ],
  ["contentTypeOptions", page(["x-content-type-options", "nosniff"]), page()],
  ["framing", page(["content-security-policy", "frame-ancestors 'self'"]), page()],
  [
    "referrerPolicy",
    page(["referrer-policy", "same-origin"]),
    page(["referrer-policy", "unsafe-url"]),
  ],
  ["banner", page(["server", "nginx"]), page(["server", "nginx/1.22.1"])],
  [
    "cookies",
    page(["set-cookie", "a=1; Secure; HttpOnly; SameSite=Lax"]),
    page(["set-cookie", "a=1; Secure"]),
  ],
  ["trace", { trace: answer({ status: 405 }) }, { trace: answer({}) }],
  [
    "methods",
    { options: answer({ headers: [["allow", "GET, HEAD, POST"]] }) },
    { options: answer({ headers: [["allow", "GET, PUT"]] }) },
  ],
  [
    "crossOrigin",
    { strangeOrigin: answer({ headers: [["access-control-allow-origin", "*"]] }) },
    {
      strangeOrigin: answer({
        headers: [
          ["access-control-allow-origin", "https://cordon-check.invalid"],
          ["access-control-allow-credentials", "true"],
        ],
      }),
    },
  ],
  ["unknownMethod", { unknownMethod: answer({ status: 501 }) }, { unknownMethod: answer({}) }],
  ["notFound", { missing: answer({ status: 404 }) }, { missing: trace }],
  ["head", { ...page(), head: answer({}) }, { ...page(), head: answer({ status: 500 }) }],
  [
    "contentType",
    page(["content-type", "text/html; charset=utf-8"]),
    page(["content-type", "text/html"]),
  ],
  ["singleFields", page(["etag", '"a"']), page(["etag", '"a"'], ["etag", '"b"'])],
  [
    "directoryListing",
    { folders: [{ path: "/", answer: answer({ body: "<title>Shop</title>" }) }] },
    { folders: [{ path: "/", answer: answer({ body: "<title>Index of /</title>" }) }] },
  ],
];

test("each rule has a case that passes and one that fails", () => {
  for (const [rule, good, bad] of cases) {
    expect([rule, outcomeOf(rule, good).outcome]).toEqual([rule, "pass"]);
    expect([rule, outcomeOf(rule, bad).outcome]).toEqual([rule, "fail"]);
  }
  const rules = complianceResults(nothing).map(({ rule }) => rule);
  expect(new Set(cases.map(([rule]) => rule))).toEqual(new Set(rules));
});

test("the value of a cookie is no evidence, and control characters do not come through", () => {
  const headers: [string, string][] = [
    ["set-cookie", "sid=very-secret; Path=/"],
    ["server", "x/1\u001b[31m\u202e"],
  ];
  const results = complianceResults({ ...nothing, https: answer({ headers }) });
  expect(JSON.stringify(results)).not.toMatch(/very-secret|\\u001b|\u202e/);
});

test("every remedy names an operation that there is, and fields that it takes", () => {
  const bad: Seen = {
    ...nothing,
    ...{ http: answer({}), https: answer({}), missing: answer({ status: 200 }) },
    tls: { "1.0": true, "1.1": true, "1.2": false, "1.3": false },
  };
  const remedies = complianceResults(bad).flatMap(({ remedy }) =>
    remedy === null ? [] : [remedy],
  );
  expect(remedies.length).toBeGreaterThan(3);
  for (const { operation, changesJson } of remedies) {
    const found = contracts
      .flatMap((contract) => Object.values(contract.operations))
      .find(({ name }) => name === operation);
    if (found === undefined) throw new Error(`there is no operation ${operation}`);
    const input = { siteId: "site-0123456789", ...JSON.parse(changesJson) };
    expect([operation, Value.Check(found.input, input)]).toEqual([operation, true]);
  }
});

test("the score weighs what was checked; what was not counts neither way", () => {
  const results = complianceResults({ ...nothing, trace: answer({ status: 405 }) });
  expect(complianceScore(results)).toBe(100);
  expect(complianceScore(complianceResults(nothing))).toBe(100);
});
