/** nginx with files that it packed before, behind a site that masks: parts, dates and HEAD, too. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:http2";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { issueFor } from "../../../test/protected-site.ts";
import { freePorts, until } from "../../../test/stack.ts";
import { leakDefaults } from "../../kernel/intent/site-delivery.ts";
import { bodyOf, exchangeRaw, intentOf, siteFor, startTestWorker } from "./test-kit.ts";

const TEXT = `call 13800138000 ${"tea ".repeat(2_000)}`;
const MASKED = TEXT.replace("13800138000", "138****8000");
const hasNginx = spawnSync("nginx", ["-v"]).error === undefined;

/** Serves a.txt from a packed file, whatever it is asked for, and b.txt as it is. */
async function startNginx() {
  const [port = 0] = await freePorts(1);
  const folder = mkdtempSync(join(tmpdir(), "coded-nginx-"));
  const paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((path) => `${path}_temp_path ${folder}/${path};`)
    .join(" ");
  writeFileSync(join(folder, "a.txt.gz"), gzipSync(TEXT));
  writeFileSync(join(folder, "b.txt"), TEXT);
  const file = join(folder, "nginx.conf");
  writeFileSync(
    file,
    `daemon off; master_process off; pid ${folder}/pid; error_log ${folder}/error.log crit;
events {} http { ${paths} access_log off; types { text/plain txt; }
server { listen 127.0.0.1:${port}; root ${folder}; gzip_static always; } }`,
  );
  const nginx = spawn("nginx", ["-p", folder, "-c", file], { stdio: "ignore" });
  const url = `http://127.0.0.1:${port}`;
  await until("nginx answers", async () => (await fetch(`${url}/b.txt`)).status === 200);
  const stop = async () => {
    const ended = once(nginx, "exit");
    nginx.kill();
    await ended;
    rmSync(folder, { recursive: true });
  };
  return { url, stop };
}

test.skipIf(!hasNginx)(
  "nginx that compresses whatever it is asked is masked, also in parts (needs nginx)",
  async () => {
    const nginx = await startNginx();
    const { worker } = await startTestWorker();
    const get = (path: string, more = "", method = "GET") =>
      exchangeRaw(
        worker.httpPort,
        `${method} ${path} HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n${more}\r\n`,
      );
    try {
      const leaks = { ...leakDefaults, maskPhones: true };
      const { served, authorityPem: ca } = await issueFor(["a.test"]);
      worker.apply(intentOf([siteFor([nginx.url], { delivery: { leaks }, ...served })]));
      const session = connect(`https://a.test:${worker.httpsPort}`, {
        ca,
        lookup: (_name, _options, done) => done(null, [{ address: "127.0.0.1", family: 4 }]),
      });
      const stream = session.request({ ":path": "/a.txt", "accept-encoding": "gzip" });
      const [headers] = await once(stream, "response");
      expect(headers).not.toHaveProperty("content-encoding");
      expect(await text(stream)).toBe(MASKED);
      session.close();
      const coded = await get("/a.txt");
      expect(coded).not.toMatch(/content-encoding|etag/i);
      expect(bodyOf(coded)).toBe(MASKED);
      for (const ranges of ["0-9", "0-9,10-"]) {
        for (const path of ["/a.txt", "/b.txt"]) {
          const part = await get(path, `Range: bytes=${ranges}\r\n`);
          expect(part).toMatch(/^HTTP\/1\.1 200 /);
          expect(bodyOf(part)).toBe(MASKED);
        }
      }
      const since = /last-modified: (.*)\r/i.exec(coded)?.[1];
      expect(await get("/a.txt", `If-Modified-Since: ${since}\r\n`)).toMatch(/^HTTP\/1\.1 304 /);
      expect(await get("/a.txt", "", "HEAD")).not.toMatch(/content-(?:encoding|length)/i);
    } finally {
      await worker.close(50);
      await nginx.stop();
    }
  },
);
