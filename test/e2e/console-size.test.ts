/** How much a browser loads before the console can be used, from the build's own manifest. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { programFolder } from "../../src/kernel/config.ts";

const FIRST_LOAD_BYTES_MAX = 600_000;
const dist = join(programFolder, "console", "dist");
const manifestFile = join(dist, ".vite", "manifest.json");

type Chunk = {
  readonly file: string;
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

/** Entry, frame, home page and English: what stands before the first click. */
const FIRST = [
  "index.html",
  "src/shell/shell.tsx",
  "src/pages/overview.tsx",
  "src/messages/all-english.ts",
  "node_modules/@cloudscape-design/components/i18n/messages/all.en.js",
];

test.skipIf(!existsSync(manifestFile))(
  "the home page of somebody signed in loads at most 600 kB (needs the built console)",
  () => {
    const manifest = JSON.parse(readFileSync(manifestFile, "utf8")) as Manifest;
    const files = new Set<string>();
    for (const key of FIRST) filesOf(manifest, key, files);
    const sizes = [...files].map((file) => [file, gzipBytes(file)] as const);
    const total = sizes.reduce((sum, [, bytes]) => sum + bytes, gzipBytes("index.html"));
    const chart = new Set<string>();
    filesOf(manifest, "src/pages/series-chart.tsx", chart);
    const later = [...chart]
      .filter((file) => !files.has(file))
      .reduce((sum, file) => sum + gzipBytes(file), 0);
    console.log(`first load ${total} bytes in ${files.size} files; the chart later ${later} bytes`);
    expect(files.size).toBeGreaterThan(5);
    expect(total).toBeLessThanOrEqual(FIRST_LOAD_BYTES_MAX);
  },
);
