/** Reads `--field value` into an operation's input, as the schema wants each field. */
import type { Operation } from "../kernel/operation.ts";
import { CommandError, EXIT } from "./exit.ts";

export type Flags = {
  readonly input: Record<string, unknown>;
  readonly output: "json" | "table";
  readonly yes: boolean;
};

type FieldSchema = {
  readonly type?: string;
  readonly items?: FieldSchema;
  /** One of several, such as a number or null. */
  readonly anyOf?: readonly FieldSchema[];
};

/** @throws CommandError naming the flag that is unknown or has no value. */
export function readFlags(operation: Operation, args: readonly string[]): Flags {
  const input: Record<string, unknown> = {};
  let output: Flags["output"] = "table";
  let yes = false;
  for (let at = 0; at < args.length; at += 1) {
    const [flag = "", inline] = splitOnce(args[at] ?? "");
    if (flag === "--yes") {
      yes = true;
      continue;
    }
    const value = inline ?? args[at + 1];
    if (inline === undefined) at += 1;
    if (value === undefined) throw usage(`${flag} has no value`);
    if (flag === "--output") {
      if (value !== "json" && value !== "table") throw usage(`--output "${value}": json or table`);
      output = value;
      continue;
    }
    placeField(operation, input, { flag, value });
  }
  return { input, output, yes };
}

function splitOnce(arg: string): [string, string | undefined] {
  const at = arg.indexOf("=");
  return at === -1 ? [arg, undefined] : [arg.slice(0, at), arg.slice(at + 1)];
}

function usage(message: string): CommandError {
  return new CommandError(message, { fix: "add --help to see the fields", status: EXIT.usage });
}

/** `--domain a --domain b`, or a JSON array, fills `domains`; `--filter name=a` fills `filters`. */
function placeField(
  operation: Operation,
  input: Record<string, unknown>,
  { flag, value }: { flag: string; value: string },
): void {
  const name = flag
    .replace(/^--/, "")
    .replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
  const schemas: Readonly<Record<string, FieldSchema>> = operation.input.properties;
  if (name === "filter" && schemas.filters !== undefined) {
    const [field, wanted = ""] = splitOnce(value);
    input.filters = [
      ...(Array.isArray(input.filters) ? input.filters : []),
      { name: field, values: [wanted] },
    ];
    return;
  }
  const plurals = [`${name}s`, `${name}es`, name.replace(/y$/, "ies")];
  const field = [name, ...plurals].find((one) => schemas[one] !== undefined) ?? name;
  const schema = schemas[field];
  if (!flag.startsWith("--") || schema === undefined) throw usage(`"${flag}" is no field here`);
  if (schema.type === "array") {
    const before = input[field];
    const listed = value.startsWith("[") ? jsonOf(value) : undefined;
    const given = Array.isArray(listed) ? listed : [convert(schema.items, value)];
    input[field] = [...(Array.isArray(before) ? before : []), ...given];
  } else input[field] = convert(schema, value);
}

/** The value that a text is for a field; the text itself where it is none, which the API tells. */
function convert(schema: FieldSchema | undefined, text: string): unknown {
  for (const type of typesOf(schema)) {
    if (type === "null" && text === "null") return null;
    if (type === "boolean" && (text === "true" || text === "false")) return text === "true";
    const isNumeric = type === "integer" || type === "number";
    if (isNumeric && /^-?\d+(?:\.\d+)?$/.test(text)) return Number(text);
    if (type === "object" && text.startsWith("{")) return jsonOf(text);
  }
  return text;
}

const typesOf = (schema: FieldSchema | undefined): readonly (string | undefined)[] =>
  schema?.anyOf?.flatMap(typesOf) ?? [schema?.type];

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
