/** `cordon waf ruleset import ARCHIVE|FOLDER`: a rule set beside the installed one. */
import { createHash } from "node:crypto";
import { existsSync, readFileSync, statSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { createGzip } from "node:zlib";
import { pack } from "tar-stream";
import { setupFileOf } from "../kernel/rules/load.ts";
import { ruleFilesIn } from "../kernel/rules/packed.ts";
import { wafContract } from "../services/waf/contract.ts";
import { call } from "./api-client.ts";
import { CommandError, EXIT, type ExitStatus } from "./exit.ts";
import { commandOf } from "./operations.ts";
import { printResult } from "./print-result.ts";

const ARCHIVE_BYTES_MAX = 16 * 1_048_576;
const USAGE = "./cordon waf ruleset import ARCHIVE|FOLDER [--name NAME] [--output json]";

/** Sends an archive, or a folder packed as one; the control plane compiles it before it counts. */
export async function rulesetImport(args: readonly string[]): Promise<ExitStatus> {
  const { path, name, output } = readArguments(args);
  const place = resolve(path);
  if (!existsSync(place)) {
    throw new CommandError(`There is no ${place}`, { fix: USAGE, status: EXIT.usage });
  }
  const isFolder = statSync(place).isDirectory();
  const archive = isFolder ? await packFolder(place) : readArchive(place);
  const sha256 = createHash("sha256").update(archive).digest("hex");
  process.stderr.write(`${basename(place)}: ${archive.length} bytes, SHA-256 ${sha256}\n`);
  const { importRuleSet } = wafContract.operations;
  const result = await call(wafContract, importRuleSet, {
    archive: archive.toString("base64"),
    origin: basename(place).slice(0, 128),
    ...(name === undefined ? {} : { name }),
  });
  printResult(commandOf(wafContract, "importRuleSet", importRuleSet), result, output);
  return EXIT.ok;
}

type Arguments = {
  readonly path: string;
  readonly name: string | undefined;
  readonly output: "json" | "table";
};

function readArguments(args: readonly string[]): Arguments {
  let path: string | undefined;
  let name: string | undefined;
  let output: "json" | "table" = "table";
  for (let at = 0; at < args.length; at++) {
    const [word = "", value] = [args[at], args[at + 1]];
    if (word === "--name" && value !== undefined) [name, at] = [value, at + 1];
    else if (word === "--output" && (value === "json" || value === "table")) {
      [output, at] = [value, at + 1];
    } else if (path === undefined && !word.startsWith("--")) path = word;
    else throw new CommandError(`Cannot read "${word}"`, { fix: USAGE, status: EXIT.usage });
  }
  if (path !== undefined) return { path, name, output };
  throw new CommandError("No archive and no folder was named", { fix: USAGE, status: EXIT.usage });
}

function readArchive(file: string): Buffer {
  const { size } = statSync(file);
  if (size <= ARCHIVE_BYTES_MAX) return readFileSync(file);
  throw new CommandError(`${file} is larger than ${ARCHIVE_BYTES_MAX} bytes`, {
    fix: "the Core Rule Set's releases have a minimal archive without tests and documents",
    status: EXIT.usage,
  });
}

/** The rules of a folder, or of `rules/` in it, as an archive; the same files give the same one. */
async function packFolder(folder: string): Promise<Buffer> {
  const inside = join(folder, "rules");
  const rules = existsSync(inside) ? inside : folder;
  const own = join(folder, "crs-setup.conf");
  const example = `${own}.example`;
  const setup = [own, setupFileOf(rules), example].find((file) => existsSync(file)) ?? own;
  const tar = pack();
  for (const [name, text] of [...ruleFilesIn(rules, setup)].toSorted()) {
    if (rules === folder && name === "rules/crs-setup.conf") continue;
    tar.entry({ name, mtime: new Date(0) }, Buffer.from(text, "latin1"));
  }
  tar.finalize();
  const parts: Buffer[] = [];
  for await (const part of tar.pipe(createGzip())) if (Buffer.isBuffer(part)) parts.push(part);
  return Buffer.concat(parts);
}
