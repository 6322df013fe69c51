/**
 * The built console, held in memory so that a page and the parts it asks for later always fit
 * together. A console that is built anew while this process runs is taken as a whole, once all of
 * it is there; parts of the one before stay, for pages that were open.
 */
import { createHash } from "node:crypto";
import { readdir, readFile, stat } from "node:fs/promises";
import { extname, join, relative } from "node:path";

const FILES_MAX = 5_000;
const FILE_BYTES_MAX = 33_554_432;
/** Files that changed less than this long ago may still be being written. */
const SETTLE_MS = 2_000;
/** Whoever asks more often gets the same answer without a look at the disk. */
const LOOK_MS = 1_000;

const INDEX = "/index.html";
const COMPRESSED = ".br";

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".json": "application/json",
  ".png": "image/png",
  ".woff2": "font/woff2",
};

/** One file as it is answered. */
export type ConsoleFile = {
  readonly type: string;
  /** Weak: the same for the plain and the compressed form. */
  readonly etag: string;
  readonly cacheControl: string;
  readonly body: Buffer;
  /** The same compressed with Brotli (RFC 7932), when the build made it. */
  readonly brotli: Buffer | undefined;
};

export type ConsoleFiles = {
  /**
   * The file of a path; the page itself for every path that names a place in it. Undefined for a
   * part that is in no build that this process has seen, and for the page while there is none.
   */
  fileAt(path: string): Promise<ConsoleFile | undefined>;
};

type Build = {
  readonly files: ReadonlyMap<string, ConsoleFile>;
  readonly newestMs: number;
  readonly whole: boolean;
};

/** Times, for tests that cannot wait. */
export type ConsoleTimes = { readonly settleMs?: number; readonly lookMs?: number };

/** Reads the built console; one that lacks parts counts as none until they are there. */
export async function openConsoleFiles(
  folder: string,
  { settleMs = SETTLE_MS, lookMs = LOOK_MS }: ConsoleTimes = {},
): Promise<ConsoleFiles> {
  const begun = await markOf(folder);
  const first = await readBuild(folder).catch(() => undefined);
  let now: Build["files"] = first?.whole === true ? first.files : new Map();
  let taken = first?.whole === true ? begun : undefined;
  let before: Build["files"] = new Map();
  let lookedMs = performance.now();

  const look = async (): Promise<void> => {
    const found = await markOf(folder);
    if (found === undefined || found === taken) return;
    const next = await readBuild(folder);
    const settled = Date.now() - next.newestMs >= settleMs;
    // What changed while it was read is read again at the next look.
    if (!next.whole || !settled || (await markOf(folder)) !== found) return;
    before = now;
    now = next.files;
    taken = found;
  };

  return {
    async fileAt(path) {
      const part = path.startsWith("/assets/");
      if (!part && performance.now() - lookedMs >= lookMs) {
        lookedMs = performance.now();
        // A build that cannot be read leaves the one that is held.
        await look().catch(() => {});
      }
      const file = now.get(path) ?? (part ? before.get(path) : undefined);
      return part ? file : (file ?? now.get(INDEX));
    },
  };
}

/** Changes with every build; undefined while there is none. */
async function markOf(folder: string): Promise<string | undefined> {
  try {
    const { mtimeMs, size, ino } = await stat(join(folder, INDEX));
    return `${mtimeMs} ${size} ${ino}`;
  } catch {
    return undefined;
  }
}

async function readBuild(folder: string): Promise<Build> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const names = entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    // The manifest and the stamp of the build are nobody's to fetch.
    .filter((name) => !name.split("/").some((step) => step.startsWith(".")));
  if (names.length > FILES_MAX) throw new Error(`${folder} holds more than ${FILES_MAX} files`);
  const read = new Map<string, Buffer>();
  let newestMs = 0;
  for (const name of names) {
    const { mtimeMs, size } = await stat(join(folder, name));
    if (size > FILE_BYTES_MAX) throw new Error(`${name} has more than ${FILE_BYTES_MAX} bytes`);
    newestMs = Math.max(newestMs, mtimeMs);
    read.set(`/${name}`, await readFile(join(folder, name)));
  }
  const files = new Map<string, ConsoleFile>();
  for (const [path, body] of read) {
    if (extname(path) === COMPRESSED) continue;
    files.set(path, fileOf(path, body, read.get(path + COMPRESSED)));
  }
  return { files, newestMs, whole: await isWhole(folder, files) };
}

function fileOf(path: string, body: Buffer, brotli: Buffer | undefined): ConsoleFile {
  const hash = createHash("sha256").update(body).digest("base64url").slice(0, 22);
  // File names below assets/ carry a hash of their content.
  const fixed = path.startsWith("/assets/");
  return {
    type: TYPES[extname(path)] ?? "application/octet-stream",
    etag: `W/"${hash}"`,
    cacheControl: fixed ? "public, max-age=31536000, immutable" : "no-cache",
    body,
    brotli,
  };
}

/** True when every part that the build's own list names is there. */
async function isWhole(folder: string, files: Build["files"]): Promise<boolean> {
  if (!files.has(INDEX)) return false;
  const listed = await readFile(join(folder, ".vite", "manifest.json"), "utf8").catch(() => "{}");
  const chunks: unknown[] = Object.values(Object(JSON.parse(listed)));
  return chunks.every((chunk) => namedIn(chunk).every((name) => files.has(`/${name}`)));
}

/** The files that one entry of the list names: its code and its styles. */
function namedIn(chunk: unknown): readonly string[] {
  if (typeof chunk !== "object" || chunk === null) return [];
  const file = "file" in chunk ? [String(chunk.file)] : [];
  return "css" in chunk && Array.isArray(chunk.css) ? [...file, ...chunk.css.map(String)] : file;
}

/** True when a client takes Brotli (RFC 9110 §12.5.3). */
export function takesBrotli(acceptEncoding: string | undefined): boolean {
  return (acceptEncoding ?? "").split(",").some((item) => {
    const [name, weight = "1"] = item.trim().split(/\s*;\s*q=/i);
    return name?.toLowerCase() === "br" && Number(weight) > 0;
  });
}
