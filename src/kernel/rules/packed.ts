/**
 * A rule set as it is stored and as gateways fetch it: its files by name, packed into bytes that a
 * SHA-256 names. Only names that lie flat in one folder can be packed or unpacked.
 */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";

/** `crs-setup.conf` and `rules/…`; texts are bytes as latin1. */
export type RuleFiles = ReadonlyMap<string, string>;

export const SETUP_FILE = "crs-setup.conf";
const NAME = /^(?:crs-setup\.conf|rules\/[A-Za-z0-9_][A-Za-z0-9._-]{0,127})$/;

export const ruleFileLimits = {
  filesMax: 500,
  fileBytesMax: 4 * 1_048_576,
  bytesMax: 16 * 1_048_576,
} as const;

/** UTF-8 takes two bytes for a byte above 127; names and quotes come on top. */
const UNPACKED_BYTES_MAX = 3 * ruleFileLimits.bytesMax;

/** Whether a file of this name can be part of a rule set. */
export const isRuleFileName = (name: string): boolean => NAME.test(name);

export const sha256Of = (bytes: Uint8Array): string =>
  createHash("sha256").update(bytes).digest("hex");

/** The same files give the same bytes, whatever their order. */
export function packRuleFiles(files: RuleFiles): Buffer {
  return gzipSync(JSON.stringify([...files].toSorted(([a], [b]) => (a < b ? -1 : 1))));
}

/** @throws Error when these are no packed rule files. */
export function unpackRuleFiles(packed: Uint8Array): RuleFiles {
  const text = gunzipSync(packed, { maxOutputLength: UNPACKED_BYTES_MAX }).toString("utf8");
  const entries: unknown = JSON.parse(text);
  const files = new Map<string, string>();
  if (!Array.isArray(entries)) throw new Error("These are no packed rule files");
  for (const entry of entries) {
    const [name, content]: unknown[] = Array.isArray(entry) ? entry : [];
    if (typeof name !== "string" || typeof content !== "string" || !isRuleFileName(name)) {
      throw new Error(`A packed rule set cannot hold the file "${String(name).slice(0, 200)}"`);
    }
    files.set(name, content);
  }
  return files;
}

/** Writes the files of a packed set into a folder, which is there whole or not at all. */
export async function writeRuleFiles(folder: string, packed: Uint8Array): Promise<void> {
  const files = unpackRuleFiles(packed);
  const unfinished = `${folder}.new`;
  await rm(unfinished, { recursive: true, force: true });
  await mkdir(join(unfinished, "rules"), { recursive: true, mode: 0o700 });
  for (const [name, content] of files) {
    await writeFile(join(unfinished, name), content, { encoding: "latin1", mode: 0o600 });
  }
  await rm(folder, { recursive: true, force: true });
  await rename(unfinished, folder);
}

/** The files of a set on this machine, as a packed set would hold them. */
export function ruleFilesIn(rulesFolder: string, setupFile: string): RuleFiles {
  const files = new Map<string, string>();
  if (existsSync(setupFile)) files.set(SETUP_FILE, readFileSync(setupFile, "latin1"));
  for (const entry of readdirSync(rulesFolder, { withFileTypes: true })) {
    const name = `rules/${entry.name}`;
    if (!/\.(?:conf|data)$/.test(name) || !isRuleFileName(name)) continue;
    const file = join(rulesFolder, entry.name);
    if (entry.isFile()) files.set(name, readFileSync(file, "latin1"));
  }
  return files;
}
