import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { refusedRequests } from "../../engines/http1/refused-corpus.ts";
import type { GatewayEvent } from "./event.ts";
import {
  eventually,
  exchangeRaw,
  intentOf,
  rawClient,
  siteFor,
  startOrigin,
  startTestWorker,
} from "./test-kit.ts";
import type { GatewayWorker, WorkerOptions } from "./worker.ts";

type Origin = Awaited<ReturnType<typeof startOrigin>>;
let origin: Origin;
let worker: GatewayWorker;
let events: GatewayEvent[];
type Seen = { method: string; url: string; fields: string[]; body: string; trailers: string[] };
let seen: Seen[] = [];

beforeEach(async () => {
  seen = [];
  origin = await startOrigin((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const body = Buffer.concat(chunks).toString("latin1");
      const { method = "", url = "", rawHeaders, rawTrailers } = request;
      seen.push({ method, url, fields: rawHeaders, body, trailers: rawTrailers });
      if (url === "/204") response.writeHead(204).end();
      else if (url === "/304") response.writeHead(304, { ETag: '"x"' }).end();
      else if (url === "/early") {
        response.writeEarlyHints({ link: "</a.css>; rel=preload" });
        response.end("late");
      } else if (url === "/trailers") {
        response.writeHead(200, { Trailer: "X-Sum" });
        response.write("data");
        response.addTrailers({ "X-Sum": "7" });
        response.end();
      } else if (url === "/hop") {
        response.writeHead(200, {
          Connection: "X-Secret, keep-alive",
          "X-Secret": "1",
          "X-A": "2",
        });
        response.end("hop");
      } else {
        response.setHeader("Content-Length", Buffer.byteLength(`${url}|${body}`, "latin1"));
        response.end(`${url}|${body}`, "latin1");
      }
    });
  });
  ({ worker, events } = await startTestWorker());
  worker.apply(intentOf([siteFor([origin.url])]));
});
afterEach(async () => {
  await worker.close(100);
  await origin.close();
});

const get = (path: string, more = "") => `GET ${path} HTTP/1.1\r\nHost: a.test\r\n${more}\r\n`;
const last = "Connection: close\r\n";

describe("connections", () => {
  test("keep-alive: requests follow each other on one connection and one upstream connection", async () => {
    let upstreamConnections = 0;
    origin.server.on("connection", () => upstreamConnections++);
    const client = rawClient(worker.httpPort);
    for (const path of ["/1", "/2", "/3"]) {
      client.send(get(path));
      await client.until((text) => text.endsWith(`${path}|`));
    }
    expect(client.text().match(/HTTP\/1\.1 200 OK/g)).toHaveLength(3);
    expect(upstreamConnections).toBe(1);
    client.socket.destroy();
  });

  test("a request that announces a body of no bytes is answered, also where rules read bodies", async () => {
    await worker.close(100);
    const bodies: string[] = [];
    const inspectorOf: WorkerOptions["inspectorOf"] = () => () => ({
      wantsRequestBody: true,
      requestHead: () => 0,
      requestBody: (body) => {
        bodies.push(body.toString("latin1"));
        return 0;
      },
      responseHead: () => 0,
      wantsResponseBody: () => false,
      responseBody: () => 0,
      location: () => "",
      finish: () => ({ score: 0, threshold: 5, matches: [] }),
    });
    ({ worker } = await startTestWorker({ inspectorOf }));
    worker.apply(intentOf([siteFor([origin.url], { mode: "block" })]));
    const none = "POST /none HTTP/1.1\r\nHost: a.test\r\nContent-Length: 0\r\n\r\n";
    const answer = await exchangeRaw(worker.httpPort, none + get("/next", last));
    expect(answer).toContain("/none|");
    expect(answer).toContain("/next|");
    expect(bodies).toEqual(["", ""]);
  });

  test("of a request that is refused as malformed the rules say what its target tried", async () => {
    await worker.close(100);
    const heard: string[] = [];
    const inspectorOf: WorkerOptions["inspectorOf"] = () => () => ({
      wantsRequestBody: true,
      requestHead: ({ target }) => {
        heard.push(target);
        return 0;
      },
      requestBody: (body, isWhole) => {
        heard.push(`${body.length} ${isWhole}`);
        return 403;
      },
      responseHead: () => 0,
      wantsResponseBody: () => false,
      responseBody: () => 0,
      location: () => "",
      finish: () => ({ score: 5, threshold: 5, matches: [] }),
    });
    ({ worker } = await startTestWorker({ inspectorOf }));
    worker.apply(intentOf([siteFor([origin.url], { mode: "block" })]));
    const answer = await exchangeRaw(worker.httpPort, get("?x=\xe2\x91\xa0"));
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(heard).toEqual(["?x=\xe2\x91\xa0", "0 true"]);
    expect(seen).toEqual([]);
  });

  test("pipelined requests are answered in order", async () => {
    const post = "POST /2 HTTP/1.1\r\nHost: a.test\r\nContent-Length: 3\r\n\r\nabc";
    const text = await exchangeRaw(worker.httpPort, get("/1") + post + get("/3", last));
    const bodies = [...text.matchAll(/\r\n\r\n(\/\d\|(?:abc)?)/g)].map((match) => match[1]);
    expect(bodies).toEqual(["/1|", "/2|abc", "/3|"]);
  });

  test("HTTP/1.0 gets no chunks and a closed connection", async () => {
    const text = await exchangeRaw(
      worker.httpPort,
      "GET /trailers HTTP/1.0\r\nHost: a.test\r\n\r\n",
    );
    expect(text).not.toMatch(/transfer-encoding/i);
    expect(text.endsWith("\r\n\r\ndata")).toBe(true);
  });

  test("a client that half-closes after its request still gets its answer", async () => {
    const client = rawClient(worker.httpPort);
    client.socket.end(get("/half"));
    expect(await client.closed).toContain("/half|");
  });
});

describe("messages", () => {
  test("HEAD, 204 and 304 have no body and do not disturb the next answer", async () => {
    const head = "HEAD /h HTTP/1.1\r\nHost: a.test\r\n\r\n";
    const bytes = head + get("/204") + get("/304") + get("/end", last);
    const text = await exchangeRaw(worker.httpPort, bytes);
    expect([...text.matchAll(/^HTTP\/1\.1 (\d+)/gm)].map((match) => match[1])).toEqual([
      "200",
      "204",
      "304",
      "200",
    ]);
    expect(text.endsWith("/end|")).toBe(true);
    expect(text).toMatch(/Content-Length: 3\r\n/i);
  });

  test("interim responses reach an HTTP/1.1 client before the final one", async () => {
    const text = await exchangeRaw(worker.httpPort, get("/early", last));
    expect(text).toMatch(/^HTTP\/1\.1 103 Early Hints\r\nlink: <\/a\.css>/i);
    expect(text).toContain("HTTP/1.1 200 OK");
  });

  test("Expect: 100-continue is answered, and the body then passed on", async () => {
    const client = rawClient(worker.httpPort);
    client.send(
      `POST /e HTTP/1.1\r\nHost: a.test\r\nContent-Length: 2\r\nExpect: 100-continue\r\n${last}\r\n`,
    );
    await client.until((text) => text === "HTTP/1.1 100 Continue\r\n\r\n");
    client.send("ok");
    expect(await client.closed).toContain("/e|ok");
  });

  const upload = (trailers: string) =>
    `POST /c HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n${last}\r
3;x=y\r\nabc\r\n2\r\nde\r\n0\r\n${trailers}\r\n`;

  test("chunked uploads are passed on with those trailers that a trailer may be", async () => {
    const text = await exchangeRaw(worker.httpPort, upload("Cookie: evil\r\nX-T: 1\r\n"));
    expect(text).toContain("/c|abcde");
    expect(seen[0]?.body).toBe("abcde");
    expect(seen[0]?.trailers).toEqual(["X-T", "1"]);
  });

  test("a chunked upload whose trailer names the host is refused and never completes", async () => {
    const text = await exchangeRaw(worker.httpPort, upload("Host: evil\r\nX-T: 1\r\n"));
    expect(text).toMatch(/^HTTP\/1\.1 400 /);
    expect(seen).toEqual([]);
    expect(events.at(-1)?.status_detail).toBe("forbiddenTrailer");
  });

  test("response trailers are passed on", async () => {
    const text = await exchangeRaw(worker.httpPort, get("/trailers", last));
    expect(text).toMatch(/4\r\ndata\r\n0\r\nX-Sum: 7\r\n\r\n$/);
  });

  test("hop-by-hop fields and those nominated by Connection stop at the gateway", async () => {
    const more = "Connection: close, X-Mine\r\nX-Mine: 1\r\nX-Kept: 2\r\nProxy-Connection: x\r\n";
    const text = await exchangeRaw(worker.httpPort, get("/hop", more));
    expect(text).not.toContain("X-Secret");
    expect(text).toContain("X-A: 2");
    expect(seen[0]?.fields).not.toContain("X-Mine");
    expect(seen[0]?.fields).not.toContain("Proxy-Connection");
    expect(seen[0]?.fields).toContain("X-Kept");
  });

  test("a client cannot say who it is in X-Forwarded-For, a trusted proxy can", async () => {
    const more = `X-Forwarded-For: 9.9.9.9\r\nX_Forwarded_For: 8.8.8.8\r\n${last}`;
    await exchangeRaw(worker.httpPort, get("/x", more));
    const fieldSeen = (name: string) =>
      seen.at(-1)?.fields[(seen.at(-1)?.fields.indexOf(name) ?? 0) + 1];
    expect(fieldSeen("X-Forwarded-For")).toBe("127.0.0.1");
    expect(seen.at(-1)?.fields).not.toContain("X_Forwarded_For");
    expect(fieldSeen("X-Forwarded-Host")).toBe("a.test");
    worker.apply(intentOf([siteFor([origin.url], { trustedProxies: ["127.0.0.0/8"] })]));
    await exchangeRaw(worker.httpPort, get("/x", more));
    expect(fieldSeen("X-Forwarded-For")).toBe("9.9.9.9, 127.0.0.1");
    expect(events.at(-1)?.src_endpoint.ip).toBe("9.9.9.9");
  });
});

describe("refusals", () => {
  test("nothing of the smuggling corpus reaches the upstream, each gets an answer and an event", async () => {
    for (const [title, { bytes }] of refusedRequests) {
      const client = rawClient(worker.httpPort);
      client.socket.end(`${bytes}${get("/smuggled")}`, "latin1");
      const text = await client.closed;
      expect(text, title).toMatch(/^HTTP\/1\.1 (4|5)\d\d /);
      expect(text.match(/HTTP\/1\.1 /g), title).toHaveLength(1);
    }
    expect(seen).toEqual([]);
    expect(events).toHaveLength(refusedRequests.size);
  });

  test("a host that no site has gets 404, as JSON for those who ask for it", async () => {
    const bytes =
      "GET / HTTP/1.1\r\nHost: b.test\r\nAccept: application/json\r\nConnection: close\r\n\r\n";
    const text = await exchangeRaw(worker.httpPort, bytes);
    expect(text).toMatch(/^HTTP\/1\.1 404 /);
    expect(JSON.parse(text.split("\r\n\r\n")[1] ?? "")).toMatchObject({ error: { code: 404 } });
  });

  test("a blocked source gets 403 until its entry expires; an allow entry outranks a wider block", async () => {
    const block = (cidr: string, action: "block" | "allow", expiresAt: string | null) => ({
      cidr,
      action,
      accountId: "acct-a",
      siteId: null,
      expiresAt,
      responseId: null,
    });
    const site = siteFor([origin.url]);
    const statusWith = async (sources: ReturnType<typeof block>[]) => {
      worker.apply(intentOf([site], { sources }));
      return (await exchangeRaw(worker.httpPort, get("/b", last))).substring(9, 12);
    };
    expect(await statusWith([block("127.0.0.0/8", "block", null)])).toBe("403");
    expect(events.at(-1)).toMatchObject({ action_id: 2, status_detail: "sourceBlocked" });
    const past = new Date(Date.now() - 1).toISOString();
    expect(await statusWith([block("127.0.0.0/8", "block", past)])).toBe("200");
    const both = [block("127.0.0.0/8", "block", null), block("127.0.0.1", "allow", null)];
    expect(await statusWith(both)).toBe("200");
  });

  test("an upstream that is down gets 502 with the gateway's page, and is used again once it is up", async () => {
    const { port } = origin;
    await origin.close();
    const down = await exchangeRaw(worker.httpPort, get("/d", last));
    expect(down).toMatch(/^HTTP\/1\.1 502 Bad Gateway\r\n/);
    expect(down).toContain(events.at(-1)?.http_request.uid ?? "none");
    origin = await startOrigin((_request, response) => response.end("up"), port);
    expect(await exchangeRaw(worker.httpPort, get("/d", last))).toContain("up");
  });

  test("the second of two upstreams serves when the first is down", async () => {
    worker.apply(intentOf([siteFor(["http://127.0.0.1:1", origin.url])]));
    for (const path of ["/1", "/2", "/3"]) {
      expect(await exchangeRaw(worker.httpPort, get(path, last))).toContain(`${path}|`);
    }
  });
});

test("each request yields one event with what it asked and what it got", async () => {
  const bytes = `POST /p?q=1 HTTP/1.1\r\nHost: A.test\r\nUser-Agent: probe\r\nContent-Length: 3\r\n${last}\r\nabc`;
  await exchangeRaw(worker.httpPort, bytes);
  await eventually(() => events.length === 1);
  expect(events[0]).toMatchObject({
    class_uid: 4002,
    activity_id: 6,
    cloud: { account: { uid: "acct-a" } },
    src_endpoint: { ip: "127.0.0.1" },
    http_request: {
      http_method: "POST",
      url: { hostname: "a.test", path: "/p", query_string: "q=1", scheme: "http" },
      user_agent: "probe",
      length: 3,
    },
    http_response: { code: 200, length: 10 },
    unmapped: { cordon: { siteId: "site-a", mode: "off" } },
  });
});
