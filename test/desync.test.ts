/**
 * No request is understood differently by the gateway and what stands behind it: after each case
 * the requests that the gateway says it forwarded are those that the back end says it got.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import type { GatewayEvent } from "../src/daemons/gateway/event.ts";
import { intentOf, rawClient, siteFor, startTestWorker } from "../src/daemons/gateway/test-kit.ts";
import { certificateFolder } from "./certificate-files.ts";
import { desyncCases } from "./desync-corpus.ts";
import { END_HEADERS, END_STREAM, fieldBlock, frame, frameType, rawHttp2 } from "./http2-frames.ts";
import { freePorts } from "./stack.ts";

type BackEnd = { port: number; log: () => string[]; stop: () => Promise<void> };

async function waitFor(port: number): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    const isUp = await new Promise<boolean>((resolve) => {
      const socket = connect(port, "127.0.0.1", () => resolve(true));
      socket.on("connect", () => socket.destroy());
      socket.on("error", () => resolve(false));
    });
    if (isUp) return;
    await sleep(50);
  }
  throw new Error(`Nothing listens on port ${port}`);
}

function programBackEnd(folder: string, port: number, start: () => ChildProcess): Promise<BackEnd> {
  const child = start();
  const file = join(folder, "access.log");
  return waitFor(port).then(() => ({
    port,
    log: () =>
      readFileSync(file, "latin1")
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => line.replace(/ HTTP\/1\.1$/, "")),
    stop: async () => {
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGTERM");
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  }));
}

const newFolder = (name: string): string => mkdtempSync(join(tmpdir(), `desync-${name}-`));

async function nginx(): Promise<BackEnd> {
  const [port = 0] = await freePorts(1);
  const folder = newFolder("nginx");
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((path) => `${path}_temp_path ${folder}/${path};`)
    .join(" ");
  writeFileSync(
    join(folder, "nginx.conf"),
    `daemon off; master_process off; pid ${folder}/pid; error_log ${folder}/error.log crit;
events {} http { ${temporary} log_format seen "$request_method $request_uri";
access_log ${folder}/access.log seen;
server { listen 127.0.0.1:${port}; location / { return 200 "ok"; } } }`,
  );
  return programBackEnd(folder, port, () =>
    spawn("nginx", ["-p", folder, "-c", join(folder, "nginx.conf")], { stdio: "ignore" }),
  );
}

async function apache(): Promise<BackEnd> {
  const [port = 0] = await freePorts(1);
  const folder = newFolder("apache");
  const modules = "/usr/lib/apache2/modules";
  writeFileSync(
    join(folder, "apache.conf"),
    `ServerRoot ${folder}
ServerName a.test
PidFile ${folder}/pid
Listen 127.0.0.1:${port}
LoadModule mpm_event_module ${modules}/mod_mpm_event.so
LoadModule authz_core_module ${modules}/mod_authz_core.so
ErrorLog ${folder}/error.log
DocumentRoot ${folder}
User www-data
Group www-data
LogFormat "%r" seen
CustomLog ${folder}/access.log seen
<Directory ${folder}>
  Require all granted
</Directory>`,
  );
  spawnSync("chmod", ["755", folder]);
  return programBackEnd(folder, port, () =>
    spawn("apache2", ["-f", join(folder, "apache.conf"), "-DFOREGROUND"], { stdio: "ignore" }),
  );
}

async function node(): Promise<BackEnd> {
  const seen: string[] = [];
  const server = createServer((request, response) => {
    request.resume();
    request.on("end", () => {
      seen.push(`${request.method} ${request.url}`);
      response.end("ok");
    });
  });
  const [port = 0] = await freePorts(1);
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  return {
    port,
    log: () => seen,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

const named = ({ http_request: { http_method, url } }: GatewayEvent): string =>
  `${http_method} ${url.path}${url.query_string === "" ? "" : `?${url.query_string}`}`;

/** What the gateway says it passed on as a whole, and was answered. */
const isForwarded = ({ status_detail }: GatewayEvent): boolean => status_detail === "";

/** Lines that the first list has more often than the second. */
function missing(from: readonly string[], others: readonly string[]): string[] {
  const left = [...others];
  return from.filter((line) => {
    const at = left.indexOf(line);
    if (at >= 0) left.splice(at, 1);
    return at < 0;
  });
}

const has = (program: string): boolean => spawnSync(program, ["-v"]).error === undefined;
const backEnds = [
  ["nginx", nginx, false, has("nginx")],
  [
    "Apache",
    apache,
    false,
    has("apache2") && existsSync("/usr/lib/apache2/modules/mod_mpm_event.so"),
  ],
  ["Node", node, true, true],
] as const;

describe.each(backEnds)("%s behind the gateway", (_name, start, isLoggedWhole, isThere) => {
  test.skipIf(!isThere)(
    "sees the requests that the gateway forwarded, and no other",
    async () => {
      const backEnd = await start();
      const files = certificateFolder();
      const { worker, events } = await startTestWorker();
      const site = siteFor([`http://127.0.0.1:${backEnd.port}`], {
        ...files.issue("a", ["a.test"]),
      });
      worker.apply(intentOf([site]));
      const cases = desyncCases();
      expect(cases.length).toBeGreaterThan(250);
      for (const { bytes } of cases) {
        const client = rawClient(worker.httpPort);
        client.socket.end(bytes, "latin1");
        await Promise.race([client.closed, sleep(3_000)]);
        client.socket.destroy();
      }
      await downgrades(worker.httpsPort, cases.length);
      // A connection of the pool that was left out of step would answer one of these wrongly.
      for (let at = 0; at < 20; at++) {
        const client = rawClient(worker.httpPort);
        client.send(`GET /last-${at} HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n`);
        await client.closed;
      }
      await expect
        .poll(() => backEnd.log().filter((line) => line.startsWith("GET /last-")).length)
        .toBe(20);
      await worker.close(100);
      expect(missing(events.filter(isForwarded).map(named), backEnd.log())).toEqual([]);
      // A body that broke the rules on its way was begun, and never ended: those that log a request
      // by its head have it, too; nothing else may be there.
      const known = isLoggedWhole ? events.filter(isForwarded) : events;
      expect(missing(backEnd.log(), known.map(named))).toEqual([]);
      await backEnd.stop();
      files.remove();
    },
    120_000,
  );
});

/** The same disagreement asked for in frames of HTTP/2. */
async function downgrades(port: number, first: number): Promise<void> {
  const hidden = "GET /hidden-h2 HTTP/1.1\r\nHost: a.test\r\n\r\n";
  const fields = [
    ["content-length", "0"],
    ["content-length", String(hidden.length - 1)],
    ["transfer-encoding", "chunked"],
    ["x-a", `1\r\nContent-Length: 0\r\n\r\n${hidden}`],
    ["x-a\r\nTransfer-Encoding", "chunked"],
    ["x-a", "1"],
  ] as const;
  for (const [at, field] of fields.entries()) {
    const client = await rawHttp2(port);
    const head = [
      ...([
        [":method", "POST"],
        [":scheme", "https"],
        [":authority", "a.test"],
      ] as const),
      ...([[":path", `/case-${first + at}`], field] as const),
    ];
    client.send(
      frame(frameType.headers, { flags: END_HEADERS, stream: 1, payload: fieldBlock(head) }),
      frame(frameType.data, { flags: END_STREAM, stream: 1, payload: Buffer.from(hidden) }),
    );
    await client.first(({ stream, type }) => stream === 1 || type === frameType.goaway);
    client.socket.destroy();
  }
}
