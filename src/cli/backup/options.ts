/** Flags of the backup commands. */
import { readFile } from "node:fs/promises";
import { passphraseIn } from "../../kernel/backup/passphrase-file.ts";
import { rootFromShares } from "../../kernel/backup/root-from-shares.ts";
import { BackupError, type Keys } from "../../kernel/backup/sealed-file.ts";
import type { Config } from "../../kernel/config.ts";
import { asking, askShares, askTwice } from "../ask.ts";
import { CommandError, EXIT } from "../exit.ts";

const VALUES = ["--passphrase-file", "--shares-file", "--replace", "--known-checkpoint"] as const;
const SWITCHES = ["--passphrase", "--shares", "--older", "--events"] as const;
type Flag = (typeof VALUES)[number] | (typeof SWITCHES)[number];

export type BackupOptions = {
  readonly file: string;
  readonly json: boolean;
  has(flag: Flag): boolean;
  valueOf(flag: Flag): string | undefined;
};

/** @throws CommandError naming what cannot be read. */
export function readOptions(
  args: readonly string[],
  { verb, flags }: { readonly verb: string; readonly flags: readonly Flag[] },
): BackupOptions {
  const given = new Map<string, string>();
  const files: string[] = [];
  let json = false;
  for (let at = 0; at < args.length; at += 1) {
    const arg = args[at] ?? "";
    if (!arg.startsWith("--")) {
      files.push(arg);
      continue;
    }
    const known = flags.find((flag) => flag === arg);
    const takesValue = arg === "--output" || VALUES.some((flag) => flag === arg);
    const value = takesValue ? args[at + 1] : "";
    if (takesValue) at += 1;
    if (arg === "--output" && (value === "json" || value === "table")) json = value === "json";
    else if (known !== undefined && value !== undefined) given.set(known, value);
    else throw usage(`Cannot read "${arg}"`, verb, flags);
  }
  const [file] = files;
  if (file === undefined || files.length > 1) {
    throw usage(`backup ${verb} takes one file, ${files.length} were given`, verb, flags);
  }
  return {
    file,
    json,
    has: (flag) => given.has(flag),
    valueOf: (flag) => given.get(flag),
  };
}

function usage(message: string, verb: string, flags: readonly Flag[]): CommandError {
  const words = flags.map((flag) =>
    VALUES.some((one) => one === flag) ? `[${flag} …]` : `[${flag}]`,
  );
  const fix = `./cordon backup ${verb} FILE ${words.join(" ")}`;
  return new CommandError(message, { fix, status: EXIT.usage });
}

/** The passphrase to seal with: a file, the terminal, or the file that the settings name. */
export async function newPassphrase(
  options: BackupOptions,
  config: Config,
): Promise<Buffer | undefined> {
  const file = options.valueOf("--passphrase-file") ?? config.backup.passphraseFile;
  if (options.has("--passphrase")) {
    return Buffer.from(await asking((ask) => askTwice(ask, "Passphrase of the backup: ")));
  }
  return file === undefined ? undefined : passphraseIn(file);
}

/** What the operator gives to open a file; empty when nothing was named. */
export async function keysGiven(options: BackupOptions, config: Config): Promise<Keys> {
  const sharesFile = options.valueOf("--shares-file");
  if (sharesFile !== undefined || options.has("--shares")) {
    const shares =
      sharesFile === undefined ? await asking((ask) => askShares(ask)) : await linesOf(sharesFile);
    return { root: rootFromShares(shares) };
  }
  if (options.has("--passphrase")) {
    const ask = (question: string) => asking((one) => one(question));
    return { passphrase: Buffer.from(await ask("Passphrase of the backup: ")) };
  }
  const passphrase = await newPassphrase(options, config);
  return passphrase === undefined ? {} : { passphrase };
}

async function linesOf(file: string): Promise<readonly string[]> {
  const text = await readFile(file, "utf8").catch((error: unknown) => {
    throw new BackupError(`Cannot read the shares: ${String(error)}`);
  });
  return text.split("\n").flatMap((line) => (line.trim() === "" ? [] : [line.trim()]));
}
