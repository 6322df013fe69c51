/** A call as text to copy: the command of `cordon`, curl, and the bare request. */
import type { Operation } from "../../../src/kernel/operation.ts";
import { commandWords, dashed } from "../../../src/lib/command-words.ts";
import { requestOf } from "../api/client.ts";

/** A longer command is written one flag a line. */
const LINE_CHARS_MAX = 90;
type Fields = Readonly<Record<string, unknown>>;

/** A word for a POSIX shell; what needs no quotes gets none. */
export function shellWord(text: string): string {
  if (/^[A-Za-z0-9_@%+=:,./-]+$/.test(text)) return text;
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** The words of the generated command, in their order. */
export function wordsOfCommand({ name, path }: Operation): readonly string[] {
  const [service = "", key = ""] = name.split(".");
  const { noun, verb } = commandWords(key, path, service);
  return [service, noun, verb];
}

function filterText(value: unknown): string | undefined {
  if (typeof value !== "object" || value === null || !("name" in value)) return undefined;
  const {
    name,
    values,
    operator = "eq",
  } = value as {
    name: string;
    values: readonly string[];
    operator?: string;
  };
  return operator === "eq" && values.length === 1 ? `${name}=${values[0]}` : undefined;
}

/** Flags of one field; `undefined` when the command line has no way to say it. */
function flagsOf(name: string, value: unknown): string[] | undefined {
  if (value === undefined || value === null || value === "") return [];
  if (name === "filters" && Array.isArray(value)) {
    const texts = value.map(filterText);
    if (texts.some((text) => text === undefined)) return undefined;
    return texts.flatMap((text) => ["--filter", shellWord(String(text))]);
  }
  if (Array.isArray(value)) {
    if (value.some((item) => typeof item === "object")) return undefined;
    return value.flatMap((item) => [`--${dashed(name)}`, shellWord(String(item))]);
  }
  const text = typeof value === "object" ? JSON.stringify(value) : String(value);
  return [`--${dashed(name)}`, shellWord(text)];
}

/** The command, or undefined when it cannot say this input. */
export function cliText(operation: Operation, input: Fields): string | undefined {
  const flags: string[] = [];
  for (const [name, value] of Object.entries(input)) {
    const words = flagsOf(name, value);
    if (words === undefined) return undefined;
    flags.push(...words);
  }
  const sure = operation.dangerous === true ? ["--yes"] : [];
  const command = ["./cordon", ...wordsOfCommand(operation)].join(" ");
  const all: string[] = [];
  for (const word of [...flags, ...sure]) {
    if (word.startsWith("--")) all.push(word);
    else all.push(`${all.pop()} ${word}`);
  }
  const line = [command, ...all].join(" ");
  return line.length <= LINE_CHARS_MAX ? line : [command, ...all].join(" \\\n  ");
}

/** The call for curl; $KEY is a bearer key. */
export function curlText(operation: Operation, input: Fields, origin: string): string {
  const { method, url, body } = requestOf(operation, input);
  const parts = [
    `curl --cacert data/keys/authority.pem -X ${method}`,
    '  -H "authorization: Bearer $KEY"',
  ];
  if (body !== undefined) {
    parts.push('  -H "content-type: application/json"');
    parts.push(`  -d ${shellWord(JSON.stringify(body))}`);
  }
  return [...parts, `  ${shellWord(origin + url)}`].join(" \\\n");
}

/** Method, path and body as they are on the wire. */
export function apiText(operation: Operation, input: Fields): string {
  const { method, url, body } = requestOf(operation, input);
  return body === undefined
    ? `${method} ${url}`
    : `${method} ${url}\n\n${JSON.stringify(body, null, 2)}`;
}

/** Input with secrets masked, as it may be shown. */
export function withoutSecrets({ secretInput = [] }: Operation, input: Fields): Fields {
  return Object.fromEntries(
    Object.entries(input).map(([name, value]) => [
      name,
      secretInput.includes(name) ? "***" : value,
    ]),
  );
}
