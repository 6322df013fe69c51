/** How much a browser loads before the console can be used, from the build's own manifest. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { brotliDecompressSync, gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { programFolder } from "../../src/kernel/config.ts";

const FIRST_LOAD_BYTES_MAX = 600_000;
const dist = join(programFolder, "console", "dist");
const manifestFile = join(dist, ".vite", "manifest.json");

type Chunk = {
  readonly file: string;
  readonly name?: string;
  readonly imports?: readonly string[];
  readonly css?: readonly string[];
};
type Manifest = Readonly<Record<string, Chunk>>;

/** Files that a chunk needs before it runs. */
function filesOf(manifest: Manifest, key: string, seen: Set<string>): void {
  const chunk = manifest[key];
  if (chunk === undefined) throw new Error(`The manifest has no "${key}"`);
  if (seen.has(chunk.file)) return;
  seen.add(chunk.file);
  for (const css of chunk.css ?? []) seen.add(css);
  for (const imported of chunk.imports ?? []) filesOf(manifest, imported, seen);
}

const gzipBytes = (file: string) => gzipSync(readFileSync(join(dist, file)), { level: 9 }).length;

/** A file as browsers get it: the build has compressed it. */
function sentBytes(file: string): number {
  const small = join(dist, `${file}.br`);
  if (!existsSync(small)) return readFileSync(join(dist, file)).length;
  const bytes = readFileSync(small);
  if (!brotliDecompressSync(bytes).equals(readFileSync(join(dist, file)))) {
    throw new Error(`${file}.br holds something else than ${file}`);
  }
  return bytes.length;
}

/** Code that every page needs, by the names that the build gives its files. */
const PARTS = ["start", "library", "console"];
/** English, as those who read it load it beside the code. */
const WORDS = [
  "src/messages/all-english.ts",
  "node_modules/@cloudscape-design/components/i18n/messages/all.en.js",
];

/** What stands before the first click: what starts, the frame and the home page. */
function filesOfPage(manifest: Manifest): Set<string> {
  const files = new Set<string>();
  for (const part of PARTS) {
    const key = Object.keys(manifest).find((one) => manifest[one]?.name === part);
    filesOf(manifest, key ?? part, files);
  }
  return files;
}

test.skipIf(!existsSync(manifestFile))(
  "the home page of somebody signed in loads at most 600 kB (needs the built console)",
  () => {
    const manifest = JSON.parse(readFileSync(manifestFile, "utf8")) as Manifest;
    // All of it is asked for with the page, not file by file as each is read.
    const page = readFileSync(join(dist, "index.html"), "utf8");
    const files = filesOfPage(manifest);
    for (const file of files) expect(page).toContain(`/${file}"`);
    for (const key of WORDS) filesOf(manifest, key, files);
    const sizes = [...files].map((file) => [file, gzipBytes(file)] as const);
    const total = sizes.reduce((sum, [, bytes]) => sum + bytes, gzipBytes("index.html"));
    const chart = new Set<string>();
    filesOf(manifest, "src/pages/series-chart.tsx", chart);
    const later = [...chart]
      .filter((file) => !files.has(file))
      .reduce((sum, file) => sum + gzipBytes(file), 0);
    const sent = [...files].reduce((sum, file) => sum + sentBytes(file), 0);
    console.log(
      `first load ${total} bytes in ${files.size} files, ${sent} as they are sent to a browser; ` +
        `the chart later ${later} bytes`,
    );
    expect(files.size).toBeGreaterThan(5);
    expect(sent).toBeLessThan(total);
    expect(total).toBeLessThanOrEqual(FIRST_LOAD_BYTES_MAX);
  },
);
