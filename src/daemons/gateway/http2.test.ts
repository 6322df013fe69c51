import { execFile, spawnSync } from "node:child_process";
import { type ClientHttp2Session, connect } from "node:http2";
import { promisify } from "node:util";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { certificateFolder } from "../../../test/certificate-files.ts";
import type { GatewayEvent } from "./event.ts";
import { eventually, intentOf, siteFor, startOrigin, startTestWorker } from "./test-kit.ts";
import type { GatewayWorker } from "./worker.ts";

type Seen = { method: string; url: string; fields: string[]; body: string; trailers: string[] };
const files = certificateFolder();
const pair = files.issue("a", ["a.test", "b.test"]);
let origin: Awaited<ReturnType<typeof startOrigin>>;
let worker: GatewayWorker;
let events: GatewayEvent[];
let seen: Seen[] = [];

beforeAll(async () => {
  origin = await startOrigin((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const body = Buffer.concat(chunks).toString("latin1");
      const { method = "", url = "", rawHeaders: fields, rawTrailers: trailers } = request;
      seen.push({ method, url, fields, body, trailers });
      if (url === "/big") response.end(Buffer.alloc(3_000_000, 97));
      else if (url === "/hints") {
        response.writeEarlyHints({ link: "</a.css>; rel=preload" });
        response.end("late");
      } else if (url === "/trailers") {
        response.writeHead(200, { Trailer: "X-Sum", "Set-Cookie": ["a=1", "b=2"] });
        response.write("data");
        response.addTrailers({ "X-Sum": "7" });
        response.end();
      } else response.end(`${method} ${url}|${body}`, "latin1");
    });
  });
});
afterAll(async () => {
  await origin.close();
  files.remove();
});
beforeEach(async () => {
  seen = [];
  ({ worker, events } = await startTestWorker());
  worker.apply(intentOf([siteFor([origin.url], { ...pair })]));
});
afterEach(() => worker.close(50));

const open = (port = worker.httpsPort): ClientHttp2Session =>
  connect(`https://a.test:${port}`, {
    ca: files.read("root.pem"),
    servername: "a.test",
    createConnection: undefined,
    lookup: (_name, options, done) =>
      typeof options === "object" && options.all
        ? done(null, [{ address: "127.0.0.1", family: 4 }])
        : done(null, "127.0.0.1", 4),
  });

type Answer = {
  status: number;
  headers: Record<string, unknown>;
  body: string;
  trailers: Record<string, unknown>;
};

function ask(
  client: ClientHttp2Session,
  headers: Record<string, string | string[]>,
  body?: string | Buffer,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const stream = client.request(
      { ":authority": "a.test", ...headers },
      { endStream: body === undefined },
    );
    let text = "";
    let answered: Record<string, unknown> = {};
    let trailers: Record<string, unknown> = {};
    stream.on("response", (given) => {
      answered = given;
    });
    stream.on("trailers", (given) => {
      trailers = given;
    });
    stream.on("data", (piece: Buffer) => {
      text += piece.toString("latin1");
    });
    stream.on("error", reject);
    stream.on("close", () =>
      resolve({ status: Number(answered[":status"]), headers: answered, body: text, trailers }),
    );
    if (body !== undefined) stream.end(body);
  });
}

describe("requests over HTTP/2", () => {
  test("many streams of one session are served at once, each with its event as HTTP/2.0", async () => {
    const client = open();
    const paths = Array.from({ length: 20 }, (_, at) => `/${at}`);
    const answers = await Promise.all(paths.map((path) => ask(client, { ":path": path })));
    expect(answers.map(({ body }) => body)).toEqual(paths.map((path) => `GET ${path}|`));
    expect(events).toHaveLength(20);
    expect(events[0]).toMatchObject({
      http_request: { version: "HTTP/2.0", url: { hostname: "a.test", scheme: "https" } },
    });
    client.close();
    await eventually(() => worker.status().connections === 0);
  });

  test("a body without a length, its trailers, split cookies and repeated fields arrive whole", async () => {
    const client = open();
    const answer = await ask(
      client,
      { ":method": "POST", ":path": "/p", cookie: ["a=1", "b=2"], "x-a": "ä" },
      Buffer.alloc(200_000, 98),
    );
    expect(answer.body).toHaveLength(200_008);
    const [post] = seen;
    expect(post?.fields).toContain("Transfer-Encoding");
    expect(post?.fields[(post.fields.indexOf("cookie") ?? 0) + 1]).toBe("a=1; b=2");
    const more = await ask(client, { ":path": "/trailers" });
    expect(more.trailers["x-sum"]).toBe("7");
    expect(more.headers["set-cookie"]).toEqual(["a=1", "b=2"]);
    client.close();
  });

  test("a large answer flows at the client's pace, HEAD has no body, hints come before", async () => {
    const client = open();
    const hints: unknown[] = [];
    expect((await ask(client, { ":path": "/big" })).body).toHaveLength(3_000_000);
    expect((await ask(client, { ":method": "HEAD", ":path": "/h" })).body).toBe("");
    const stream = client.request({ ":authority": "a.test", ":path": "/hints" });
    stream.on("headers", (headers) => hints.push(headers[":status"]));
    await new Promise((resolve) => stream.resume().on("close", resolve));
    expect(hints).toEqual([103]);
    client.close();
  });

  test("a client that resets its stream ends the exchange, not the session", async () => {
    const client = open();
    const stream = client.request({ ":authority": "a.test", ":path": "/big" });
    stream.on("error", () => {});
    await new Promise((resolve) => stream.once("response", resolve));
    stream.close(8);
    await eventually(() => events.length === 1);
    expect(events[0]?.status_detail).toBe("clientClosed");
    expect((await ask(client, { ":path": "/next" })).body).toBe("GET /next|");
    client.close();
  });

  test("a site of another account is refused on a session that was opened for the first", async () => {
    const other = siteFor([origin.url], {
      ...{ siteId: "site-b", accountId: "acct-b", domains: ["b.test"] },
      ...pair,
    });
    worker.apply(intentOf([siteFor([origin.url], { ...pair }), other]));
    const client = open();
    const answer = await ask(client, { ":authority": "b.test", ":path": "/" });
    expect(answer.status).toBe(421);
    client.close();
  });

  test("a site may do without HTTP/2", async () => {
    const protocol = {
      ...{ http2: false, proxyProtocolFrom: [], forwardedHeader: false },
      ...{ httpPorts: [], httpsPorts: [] },
    };
    worker.apply(intentOf([siteFor([origin.url], { ...pair, delivery: { protocol } })]));
    const client = open();
    client.on("error", () => {});
    await expect(ask(client, { ":path": "/" })).rejects.toThrow();
    client.destroy();
  });
});

const has = (name: string): boolean => spawnSync(name, ["--version"]).error === undefined;
const run = promisify(execFile);

describe("clients that others wrote", () => {
  test.skipIf(!has("curl"))("curl speaks HTTP/2 with it", async () => {
    const { stdout } = await run("curl", [
      ...["-sS", "--http2", "--cacert", `${files.folder}/root.pem`, "-w", " %{http_version}"],
      ...["--resolve", `a.test:${worker.httpsPort}:127.0.0.1`, "-d", "x=1"],
      `https://a.test:${worker.httpsPort}/c`,
    ]);
    expect(stdout).toBe("POST /c|x=1 2");
  });

  test.skipIf(!has("h2load"))("h2load: every one of 2,000 requests succeeds", async () => {
    const { stdout } = await run("h2load", [
      ...["-n2000", "-c4", "-m20", "--connect-to", `127.0.0.1:${worker.httpsPort}`],
      `https://a.test:${worker.httpsPort}/l`,
    ]);
    expect(stdout).toMatch(/2000 succeeded, 0 failed/);
  });
});
