import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { brotliCompressSync } from "node:zlib";
import fastify, { type FastifyInstance } from "fastify";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Problem } from "../problem.ts";
import { openConsoleFiles, takesBrotli } from "./console-files.ts";
import { serveConsole } from "./serve-console.ts";

const AT_ONCE = { settleMs: 0, lookMs: 0 };
let folder: string;
let mtime = 1_700_000_000;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "cordon-console-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Writes files, each build later than the one before it. */
function write(files: Readonly<Record<string, string | Buffer>>): void {
  mtime += 10;
  for (const [name, content] of Object.entries(files)) {
    const path = join(folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
    utimesSync(path, mtime, mtime);
  }
}

/** A build as vite leaves it: a page, one part, and the list of parts. */
const buildOf = (part: string) => ({
  [`assets/${part}.js`]: `export const part = "${part}";`,
  ".vite/manifest.json": JSON.stringify({ "src/main.tsx": { file: `assets/${part}.js` } }),
  "index.html": `<script type="module" src="/assets/${part}.js"></script>`,
});

describe("a console that is built anew under a running server", () => {
  const textAt = async (files: Awaited<ReturnType<typeof openConsoleFiles>>, path: string) =>
    (await files.fileAt(path))?.body.toString();

  test("is served as a whole, and the parts of the one before stay for open pages", async () => {
    write(buildOf("old"));
    const files = await openConsoleFiles(folder, AT_ONCE);
    expect(await textAt(files, "/")).toContain("old.js");
    rmSync(join(folder, "assets"), { recursive: true });
    write(buildOf("new"));
    expect(await textAt(files, "/")).toContain("new.js");
    expect(await textAt(files, "/assets/new.js")).toContain("new");
    expect(await textAt(files, "/assets/old.js")).toContain("old");
  });

  test("is not served while parts of it are missing", async () => {
    write(buildOf("old"));
    const files = await openConsoleFiles(folder, AT_ONCE);
    const { "assets/new.js": part = "", ...rest } = buildOf("new");
    rmSync(join(folder, "assets"), { recursive: true });
    write(rest);
    expect(await textAt(files, "/")).toContain("old.js");
    expect(await textAt(files, "/assets/old.js")).toContain("old");
    write({ "assets/new.js": part });
    expect(await textAt(files, "/")).toContain("new.js");
  });

  test("is not served while it may still be being written", async () => {
    write(buildOf("old"));
    const files = await openConsoleFiles(folder, { settleMs: 3_600_000, lookMs: 0 });
    write(buildOf("new"));
    const now = Date.now() / 1_000;
    utimesSync(join(folder, "assets/new.js"), now, now);
    expect(await textAt(files, "/")).toContain("old.js");
    utimesSync(join(folder, "assets/new.js"), now - 7_200, now - 7_200);
    expect(await textAt(files, "/")).toContain("new.js");
  });

  test("is taken once it is whole, when there was none at the start", async () => {
    const { "assets/new.js": part = "", ...rest } = buildOf("new");
    write(rest);
    const files = await openConsoleFiles(folder, AT_ONCE);
    expect(await textAt(files, "/")).toBeUndefined();
    write({ "assets/new.js": part });
    expect(await textAt(files, "/")).toContain("new.js");
  });

  test("leaves the one that is held when its folder is gone", async () => {
    write(buildOf("old"));
    const files = await openConsoleFiles(folder, AT_ONCE);
    rmSync(folder, { recursive: true });
    expect(await textAt(files, "/users")).toContain("old.js");
    expect(await textAt(files, "/assets/old.js")).toContain("old");
  });
});

describe("the console's files", () => {
  let server: FastifyInstance;
  const text = `export const part = "${"the same again, ".repeat(40)}";`;

  beforeEach(async () => {
    write({
      ...buildOf("part"),
      "assets/part.js": text,
      "assets/part.js.br": brotliCompressSync(text),
    });
    server = fastify();
    server.setErrorHandler((error, _request, reply) =>
      reply.code(error instanceof Problem ? 404 : 500).send(),
    );
    await serveConsole(server, folder);
  });
  afterEach(() => server.close());

  const get = (url: string, headers: Record<string, string> = {}, method: "GET" | "HEAD" = "GET") =>
    server.inject({ method, url, headers });

  test("are compressed for who takes it, and plain for who does not", async () => {
    const plain = await get("/assets/part.js");
    expect(plain.headers["content-encoding"]).toBeUndefined();
    expect(plain.body).toBe(text);
    const small = await get("/assets/part.js", { "accept-encoding": "gzip, deflate, br, zstd" });
    expect(small.headers["content-encoding"]).toBe("br");
    expect(small.headers["content-type"]).toBe("text/javascript; charset=utf-8");
    expect(small.headers.vary).toBe("accept-encoding");
    expect(small.rawPayload).toEqual(brotliCompressSync(text));
    expect([takesBrotli("br;q=0"), takesBrotli("br;q=0.1"), takesBrotli("gzip")]).toEqual([
      false,
      true,
      false,
    ]);
  });

  test("are kept for good when their name has a hash, and asked for again when not", async () => {
    const part = await get("/assets/part.js");
    expect(part.headers["cache-control"]).toBe("public, max-age=31536000, immutable");
    const page = await get("/sites/site-0123456789?tab=rules");
    expect(page.headers["content-type"]).toBe("text/html; charset=utf-8");
    expect(page.headers["cache-control"]).toBe("no-cache");
    const again = await get("/", { "if-none-match": String(page.headers.etag) });
    expect([again.statusCode, again.body]).toEqual([304, ""]);
    const head = await get("/", {}, "HEAD");
    expect([head.statusCode, head.headers.etag]).toEqual([200, page.headers.etag]);
  });

  test("are none but those of the build: no list of it, no way out of its folder", async () => {
    const paths = [
      "/assets/gone.js",
      "/assets/../.vite/manifest.json",
      "/assets/..%2f..%2f..%2fetc/passwd",
      "/assets/part.js.br",
    ];
    for (const path of paths) expect((await get(path)).body).not.toContain("root:");
    expect((await get("/assets/gone.js")).statusCode).toBe(404);
    // Every other path names a place in the page.
    expect((await get("/.vite/manifest.json")).headers["content-type"]).toContain("text/html");
    expect((await server.inject({ method: "POST", url: "/" })).statusCode).toBe(404);
  });
});
