/** Gathers an operation's input from path, query and body, and checks it against its schema. */
import type { TObject } from "typebox";
import { Compile, type Validator } from "typebox/compile";
import type { Operation } from "../operation.ts";
import { type Fault, Problem } from "../problem.ts";
import { faultsOf } from "./faults.ts";

const QUERY_PARAMETERS_MAX = 400;
const BODY_DEPTH_MAX = 32;

/** Without state between calls, since it is never told to stream. */
const utf8 = new TextDecoder("utf-8", { fatal: true });

const validators = new WeakMap<TObject, Validator>();

/** Compiles a schema once. */
export function validatorOf(schema: TObject): Validator {
  const known = validators.get(schema);
  if (known !== undefined) return known;
  const compiled = Compile(schema);
  validators.set(schema, compiled);
  return compiled;
}

export type RawInput = {
  readonly parameters: Readonly<Record<string, string>>;
  readonly query: string;
  /** Body bytes; empty when there is none. */
  readonly body: Buffer;
  readonly contentType: string;
};

/**
 * The validated input of an operation. Path and query values are text on the wire and are read as
 * the type that the schema wants; body values are not converted.
 *
 * @throws Problem kernel.inputInvalid with the path of each fault.
 */
export function readInput(operation: Operation, raw: RawInput): Record<string, unknown> {
  const schema = operation.input;
  const value: Record<string, unknown> = {};
  if (operation.method === "GET" || operation.method === "DELETE") {
    refuseBody(raw);
    Object.assign(value, readQuery(schema, raw.query));
  } else {
    if (raw.query !== "") throw invalid([{ path: "?", message: "takes no query parameters" }]);
    Object.assign(value, readBody(raw, operation));
  }
  for (const [name, text] of Object.entries(raw.parameters)) {
    // INVARIANT: the path wins nothing silently; the same field may not come twice.
    if (Object.hasOwn(value, name)) {
      throw invalid([{ path: `/${name}`, message: "is given by the path already" }]);
    }
    value[name] = convertText(schema.properties[name], text);
  }
  return checkedInput(operation, value);
}

/**
 * The input when it fits the operation's schema and every text in it is whole.
 *
 * @throws Problem kernel.inputInvalid.
 */
export function checkedInput(
  operation: Operation,
  value: Record<string, unknown>,
): Record<string, unknown> {
  const validator = validatorOf(operation.input);
  if (!validator.Check(value)) throw invalid(faultsOf(validator, value));
  const broken = brokenText(value, 0);
  if (broken === undefined) return value;
  const message = "has half of a surrogate pair: send whole characters";
  throw invalid([{ path: broken.toWellFormed(), message }]);
}

/**
 * Where a text or a name has half of a surrogate pair, which JSON can say (`"\ud800"`) and UTF-8
 * and PostgreSQL cannot; undefined when all are whole.
 */
function brokenText(value: unknown, depth: number): string | undefined {
  if (typeof value === "string") return value.isWellFormed() ? undefined : "";
  if (typeof value !== "object" || value === null || depth > BODY_DEPTH_MAX) return undefined;
  for (const [name, child] of Object.entries(value)) {
    const below = name.isWellFormed() ? brokenText(child, depth + 1) : "";
    if (below !== undefined) return `/${name}${below}`;
  }
  return undefined;
}

function invalid(details: readonly Fault[]): Problem {
  return new Problem("kernel.inputInvalid", { details });
}

function refuseBody(raw: RawInput): void {
  if (raw.body.length > 0) throw invalid([{ path: "/", message: "takes no request body" }]);
}

function readBody(raw: RawInput, { wire }: Operation): Record<string, unknown> {
  if (raw.body.length === 0) return {};
  const isScim = wire !== undefined && /^application\/scim\+json\s*(?:;|$)/i.test(raw.contentType);
  if (!isScim && !/^application\/json\s*(?:;|$)/i.test(raw.contentType)) {
    throw invalid([{ path: "Content-Type", message: "must be application/json" }]);
  }
  let parsed: unknown;
  try {
    parsed = JSON.parse(utf8.decode(raw.body));
  } catch (error) {
    const message = error instanceof SyntaxError ? error.message : "is not UTF-8 text";
    throw invalid([{ path: "/", message: `is not valid JSON: ${message.slice(0, 200)}` }]);
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) {
    throw invalid([{ path: "/", message: "must be a JSON object" }]);
  }
  if (depthOf(parsed, 0) > BODY_DEPTH_MAX) {
    throw invalid([{ path: "/", message: `must not nest deeper than ${BODY_DEPTH_MAX}` }]);
  }
  return { ...parsed };
}

function depthOf(value: unknown, depth: number): number {
  if (typeof value !== "object" || value === null || depth > BODY_DEPTH_MAX) return depth;
  let deepest = depth + 1;
  for (const child of Object.values(value)) deepest = Math.max(deepest, depthOf(child, depth + 1));
  return deepest;
}

type QueryTree = { [name: string]: QueryTree | string };

/** Reads `a=1&filters.1.name=x&filters.1.values.1=y` into the nested input it stands for. */
function readQuery(schema: TObject, query: string): Record<string, unknown> {
  const tree: QueryTree = Object.create(null) as QueryTree;
  let count = 0;
  for (const [name, text] of new URLSearchParams(query)) {
    count += 1;
    if (count > QUERY_PARAMETERS_MAX) {
      throw invalid([
        { path: "?", message: `must not have more than ${QUERY_PARAMETERS_MAX} parameters` },
      ]);
    }
    placeInTree(tree, name, text);
  }
  const value: Record<string, unknown> = {};
  for (const [name, branch] of Object.entries(tree)) {
    value[name] = fromTree(schema.properties[name], branch);
  }
  return value;
}

function placeInTree(tree: QueryTree, name: string, text: string): void {
  const keys = name.split(".");
  let node = tree;
  for (const [position, key] of keys.entries()) {
    if (position === keys.length - 1) {
      if (node[key] !== undefined) throw invalid([{ path: `?${name}`, message: "is given twice" }]);
      node[key] = text;
      return;
    }
    const next = node[key] ?? (Object.create(null) as QueryTree);
    if (typeof next === "string" || position > 4) {
      throw invalid([{ path: `?${name}`, message: "cannot be read as a nested field" }]);
    }
    node[key] = next;
    node = next;
  }
}

type LooseSchema = {
  readonly type?: string;
  readonly items?: LooseSchema;
  readonly properties?: Readonly<Record<string, LooseSchema>>;
  readonly anyOf?: readonly LooseSchema[];
};

function fromTree(schema: LooseSchema | undefined, branch: QueryTree | string): unknown {
  if (typeof branch === "string") return convertText(schema, branch);
  if (schema?.type === "array") {
    const keys = Object.keys(branch).filter((key) => /^\d{1,4}$/.test(key));
    if (keys.length !== Object.keys(branch).length) return { ...branch };
    keys.sort((left, right) => Number(left) - Number(right));
    return keys.map((key) => fromTree(schema.items, branch[key] ?? ""));
  }
  const value: Record<string, unknown> = {};
  for (const [key, child] of Object.entries(branch)) {
    value[key] = fromTree(schema?.properties?.[key], child);
  }
  return value;
}

/** Text becomes the number or boolean that the schema wants; all else stays text to be checked. */
function convertText(schema: LooseSchema | undefined, text: string): unknown {
  if (schema?.type === "integer" || schema?.type === "number") {
    return /^-?\d{1,15}(?:\.\d{1,15})?$/.test(text) ? Number(text) : text;
  }
  if (schema?.type === "boolean") return text === "true" ? true : text === "false" ? false : text;
  if (schema?.type === "array") return [convertText(schema.items, text)];
  return text;
}
