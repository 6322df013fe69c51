/**
 * `cordon support dump FILE`: facts for whoever helps, as a compressed tar archive. It holds no
 * rows, no keys and no events; what it holds is listed before and after it is written.
 */
import {
  closeSync,
  existsSync,
  fstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
} from "node:fs";
import { open } from "node:fs/promises";
import { arch, release, totalmem } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { pack } from "tar-stream";
import { backupState, keptBackups } from "../kernel/backup/kept.ts";
import { type Config, readConfig } from "../kernel/config.ts";
import { codeOf } from "../kernel/process/text.ts";
import { redactor } from "../kernel/redact.ts";
import { programVersion } from "../kernel/version.ts";
import { settingRows } from "./config-check.ts";
import { doctorResults } from "./doctor.ts";
import { CommandError, EXIT, type ExitStatus } from "./exit.ts";
import { withShortRunFolder } from "./up/folders.ts";
import { readState } from "./up/state.ts";

type Part = { readonly name: string; readonly about: string; readonly text: string };

const LOG_TAIL_BYTES = 262_144;

export async function supportDump(args: readonly string[]): Promise<ExitStatus> {
  const [file] = args;
  if (file === undefined || args.length > 1 || file.startsWith("--")) {
    throw new CommandError("Cannot dump: wanted the name of one new file", {
      fix: "./cordon support dump cordon-support.tar.gz",
      status: EXIT.usage,
    });
  }
  const config = withShortRunFolder(readConfig(process.env));
  process.stderr.write(
    "The dump holds: versions, results of doctor, settings without secrets, states of processes, " +
      "facts about backups, and the ends of logs with secrets taken out.\n" +
      "It holds no rows, no keys, no events, no passwords.\n",
  );
  const parts = await gather(config);
  await write(file, parts);
  process.stdout.write(`${file} holds:\n`);
  for (const { name, about, text } of parts) {
    process.stdout.write(`  ${name.padEnd(24)} ${Buffer.byteLength(text)} bytes  ${about}\n`);
  }
  process.stdout.write("Look through it before you send it: tar -xzOf FILE | less\n");
  return EXIT.ok;
}

/** Everything as text, with secrets taken out of all of it. */
async function gather(config: Config): Promise<readonly Part[]> {
  const clean = redactor(secretsOf(config));
  const facts = {
    cordon: programVersion(),
    node: process.version,
    system: `${process.platform} ${release()} ${arch()}`,
    memoryBytes: totalmem(),
    user: process.getuid?.() ?? 0,
  };
  const backups = { state: backupState(config) ?? null, kept: keptBackups(config) };
  const json = (name: string, about: string, value: unknown): Part => ({
    name,
    about,
    text: `${JSON.stringify(value, undefined, 1)}\n`,
  });
  const parts: Part[] = [
    json("versions.json", "program, Node, system", facts),
    json("doctor.json", "every check and its reason", await doctorResults(config)),
    json("settings.json", "CORDON_ variables, secrets left out", settingRows(process.env)),
    json("processes.json", "states and last errors", readState(config) ?? null),
    json("backups.json", "names, times, sizes", backups),
    ...logParts(config.folders.logs),
  ];
  return parts.map((part) => ({ ...part, text: clean(part.text) }));
}

function logParts(folder: string): Part[] {
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder).filter((name) => /^[a-z0-9-]+\.log$/.test(name));
  return names.sort().map((name) => ({
    name: `logs/${name}`,
    about: "its end",
    text: tailOf(join(folder, name)),
  }));
}

function tailOf(file: string): string {
  const descriptor = openSync(file, "r");
  try {
    const { size } = fstatSync(descriptor);
    const bytes = Buffer.alloc(Math.min(size, LOG_TAIL_BYTES));
    const read = readSync(descriptor, bytes, 0, bytes.length, size - bytes.length);
    const text = bytes.toString("utf8", 0, read);
    // Half a line could be half a secret that no form matches.
    return size > read ? text.slice(text.indexOf("\n") + 1) : text;
  } finally {
    closeSync(descriptor);
  }
}

/** Values that are secret whatever they look like. */
function secretsOf(config: Config): readonly string[] {
  const values: string[] = [];
  for (const [name, value] of Object.entries(process.env)) {
    if (value === undefined || !/^CORDON_/.test(name)) continue;
    if (/PASSWORD|TOKEN|CODE|SECRET/.test(name)) values.push(value);
    if (URL.canParse(value)) values.push(...passwordsIn(new URL(value)));
    if (/_FILE$/.test(name)) values.push(...linesOf(value));
  }
  const own = [join(config.folders.keys, "postgres"), join(config.folders.run, "setup-token")];
  return [...values, ...own.flatMap(linesOf)];
}

function passwordsIn({ password }: URL): string[] {
  return password === "" ? [] : [password, decodeURIComponent(password)];
}

function linesOf(file: string): string[] {
  try {
    return readFileSync(file, "utf8").split("\n");
  } catch {
    return [];
  }
}

async function write(file: string, parts: readonly Part[]): Promise<void> {
  const output = await open(file, "wx", 0o600).catch((error: unknown) => {
    const taken = codeOf(error) === "EEXIST";
    throw new CommandError(`Cannot write ${file}: ${codeOf(error) ?? error}`, {
      fix: taken ? "choose the name of a new file" : "choose a folder that can be written",
    });
  });
  const tar = pack();
  for (const { name, text } of parts)
    tar.entry({ name: `cordon-support/${name}`, mode: 0o600 }, text);
  tar.finalize();
  await pipeline(tar, createGzip(), output.createWriteStream());
}
