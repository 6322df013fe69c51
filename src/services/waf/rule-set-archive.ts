/**
 * Reads the archive of a rule set: a `.tar.gz` as the Core Rule Set is released, or one with a
 * folder of SecLang. What leads out of the archive, links and devices are refused wherever they
 * lie; files that are no rules, such as a release's tests and documents, are passed over.
 */
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { extract } from "tar-stream";
import { isRuleFileName, type RuleFiles, ruleFileLimits } from "../../kernel/rules/packed.ts";

export const archiveLimits = {
  archiveBytesMax: 16 * 1_048_576,
  unpackedBytesMax: 128 * 1_048_576,
  /** Unpacked bytes for each packed byte; the first MiB is free, since small texts pack well. */
  ratioMax: 100,
  entriesMax: 20_000,
  nameCharsMax: 512,
} as const;

const FREE_BYTES = 1_048_576;
const SETUP_NAMES = ["crs-setup.conf", "crs-setup.conf.example"];

/** Why an archive is refused; `path` is the entry, or empty for the archive as a whole. */
export class ArchiveError extends Error {
  override readonly name = "ArchiveError";
  readonly path: string;

  constructor(path: string, message: string) {
    super(message);
    this.path = path;
  }
}

/** The rule files in it. @throws ArchiveError. */
export async function readRuleArchive(archive: Uint8Array): Promise<RuleFiles> {
  if (archive[0] !== 0x1f || archive[1] !== 0x8b) {
    throw new ArchiveError("", "This is no gzip file; a .tar.gz is wanted");
  }
  const tar = extract();
  const fed = pipeline(Readable.from(slices(archive)), createGunzip(), limited(archive), tar);
  fed.catch(() => {});
  const found = new Map<string, string>();
  let entries = 0;
  try {
    for await (const entry of tar) {
      const { name, type, size = 0 } = entry.header;
      if (++entries > archiveLimits.entriesMax) {
        throw new ArchiveError("", `It has more than ${archiveLimits.entriesMax} entries`);
      }
      const path = checkedPath(name, type);
      const isWanted = type === "file" && isRuleText(path);
      if (isWanted && size > ruleFileLimits.fileBytesMax) {
        throw new ArchiveError(path, `is larger than ${ruleFileLimits.fileBytesMax} bytes`);
      }
      const parts: Buffer[] = [];
      for await (const part of entry) if (isWanted && Buffer.isBuffer(part)) parts.push(part);
      if (!isWanted) continue;
      if (found.has(path)) throw new ArchiveError(path, "is in the archive twice");
      found.set(path, Buffer.concat(parts).toString("latin1"));
    }
    await fed;
  } catch (error) {
    if (error instanceof ArchiveError) throw error;
    const why = error instanceof Error ? error.message : String(error);
    throw new ArchiveError("", `It cannot be read to its end: ${why}`);
  }
  return ruleFilesOf(found);
}

function* slices(bytes: Uint8Array): Generator<Buffer> {
  const step = 65_536;
  for (let at = 0; at < bytes.length; at += step) yield Buffer.from(bytes.subarray(at, at + step));
}

/** Passes bytes on until there are more than this archive may unpack to. */
function limited(archive: Uint8Array): Transform {
  const byRatio = FREE_BYTES + archive.length * archiveLimits.ratioMax;
  const most = Math.min(archiveLimits.unpackedBytesMax, byRatio);
  let bytes = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      const tooMany = bytes > most;
      done(tooMany ? new ArchiveError("", `It unpacks to more than ${most} bytes`) : null, chunk);
    },
  });
}

/** The path without a leading `./`. @throws ArchiveError for a link, a device, or a way out. */
function checkedPath(name: string, type: string | null | undefined): string {
  const shown = name.slice(0, 200);
  if (type !== "file" && type !== "directory") {
    throw new ArchiveError(shown, `is a ${type ?? "thing"}; only files and folders are taken`);
  }
  const path = name.replace(/^(?:\.\/)+/, "").replace(/\/$/, "");
  const leadsOut = path.startsWith("/") || path.split("/").includes("..") || /[\\\0]/.test(path);
  if (leadsOut || path.length > archiveLimits.nameCharsMax) {
    throw new ArchiveError(shown, "leads out of the archive, or is too long");
  }
  return path;
}

function isRuleText(path: string): boolean {
  return /\.(?:conf|data)$/.test(path) || SETUP_NAMES.includes(path.slice(lastSlash(path) + 1));
}

const lastSlash = (path: string): number => path.lastIndexOf("/");
const folderOf = (path: string): string => path.slice(0, lastSlash(path) + 1);
const depthOf = (path: string): number => path.split("/").length;

/** Takes the folder `rules/` nearest the top, else the topmost folder with `.conf` files. */
function ruleFilesOf(found: ReadonlyMap<string, string>): RuleFiles {
  const folders = [...found.keys()]
    .filter((path) => path.endsWith(".conf") && !SETUP_NAMES.includes(baseOf(path)))
    .map(folderOf)
    .toSorted((a, b) => Number(isRules(b)) - Number(isRules(a)) || depthOf(a) - depthOf(b));
  const [folder] = folders;
  if (folder === undefined) throw new ArchiveError("", "It holds no rules: no file ends in .conf");
  const files = new Map<string, string>();
  let bytes = 0;
  for (const [path, text] of found) {
    if (!path.startsWith(folder) || SETUP_NAMES.includes(baseOf(path))) continue;
    const name = `rules/${path.slice(folder.length)}`;
    if (!isRuleFileName(name)) {
      throw new ArchiveError(path, "must lie beside the other rules, under a plain name");
    }
    bytes += text.length;
    files.set(name, text);
  }
  if (files.size > ruleFileLimits.filesMax || bytes > ruleFileLimits.bytesMax) {
    const { filesMax, bytesMax } = ruleFileLimits;
    throw new ArchiveError("", `Its rules are more than ${filesMax} files or ${bytesMax} bytes`);
  }
  const above = isRules(folder) ? folder.slice(0, -"rules/".length) : folder;
  const setup = SETUP_NAMES.map((name) => found.get(above + name)).find(
    (text) => text !== undefined,
  );
  if (setup !== undefined) files.set("crs-setup.conf", setup);
  return files;
}

const baseOf = (path: string): string => path.slice(lastSlash(path) + 1);
const isRules = (folder: string): boolean => folder === "rules/" || folder.endsWith("/rules/");
