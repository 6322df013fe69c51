/** Flags of `encrypt` and `decrypt`. */
import { CommandError, EXIT } from "../exit.ts";

export type FileOptions = {
  readonly file: string;
  readonly keyId: string | undefined;
  readonly context: Readonly<Record<string, string>>;
  readonly out: string | undefined;
  readonly replace: boolean;
  readonly rewrap: boolean;
  readonly range: { readonly from: number; readonly bytes: number } | undefined;
};

const FLAGS = {
  encrypt: "--key KEY [--context NAME=VALUE]… [--out FILE] [--replace] | --rewrap [--key KEY]",
  decrypt: "[--key KEY] [--context NAME=VALUE]… [--out FILE] [--replace] [--range FROM:BYTES]",
} as const;

type Verb = keyof typeof FLAGS;

/** @throws CommandError naming what cannot be read. */
export function readFileOptions(verb: Verb, args: readonly string[]): FileOptions {
  const files: string[] = [];
  const context: Record<string, string> = {};
  const given = new Map<string, string>();
  const queue = [...args];
  for (let arg = queue.shift(); arg !== undefined; arg = queue.shift()) {
    if (!arg.startsWith("--")) files.push(arg);
    else if (arg === "--replace" || (arg === "--rewrap" && verb === "encrypt")) given.set(arg, "");
    else if (TAKING_VALUE[verb].includes(arg)) {
      const value = queue.shift();
      if (value === undefined) throw usage(verb, `${arg} has no value`);
      if (arg !== "--context") given.set(arg, value);
      else addToContext(verb, context, value);
    } else throw usage(verb, `Cannot read "${arg}"`);
  }
  const [file] = files;
  if (file === undefined || files.length > 1) {
    throw usage(verb, `${verb} takes one file, ${files.length} were given`);
  }
  return {
    ...{ file, context },
    keyId: given.get("--key"),
    out: given.get("--out"),
    replace: given.has("--replace"),
    rewrap: given.has("--rewrap"),
    range: rangeOf(verb, given.get("--range")),
  };
}

const TAKING_VALUE: Readonly<Record<Verb, readonly string[]>> = {
  encrypt: ["--key", "--out", "--context"],
  decrypt: ["--key", "--out", "--context", "--range"],
};

function addToContext(verb: Verb, context: Record<string, string>, text: string): void {
  const at = text.indexOf("=");
  if (at < 1) throw usage(verb, `--context "${text}": wanted NAME=VALUE`);
  const name = text.slice(0, at);
  if (Object.hasOwn(context, name)) throw usage(verb, `--context names "${name}" twice`);
  Object.defineProperty(context, name, { value: text.slice(at + 1), enumerable: true });
}

function rangeOf(verb: Verb, text: string | undefined): FileOptions["range"] {
  if (text === undefined) return undefined;
  const [, from = "", bytes = ""] = /^(\d{1,15}):(\d{1,10})$/.exec(text) ?? [];
  if (from === "") throw usage(verb, `--range "${text}": wanted FROM:BYTES, such as 0:1024`);
  return { from: Number(from), bytes: Number(bytes) };
}

function usage(verb: Verb, message: string): CommandError {
  const fix = `./cordon ${verb} FILE ${FLAGS[verb]}`;
  return new CommandError(message, { fix, status: EXIT.usage });
}

/** @throws CommandError always. */
export function wantsKey(): CommandError {
  return usage("encrypt", "encrypt needs to know the key: --key key-…");
}
