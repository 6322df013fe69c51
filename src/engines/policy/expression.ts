/**
 * Expressions of Cedar's JSON policy form (EST), compiled to closures. Semantics as Cedar
 * documents them: no coercion, short circuit, errors end the policy and not the decision.
 */
import {
  type EntityUid,
  EvaluationError,
  equal,
  extension,
  fromJson,
  includes,
  includesAll,
  long,
  type Value,
} from "./values.ts";

export type EntityData = {
  readonly attributes: ReadonlyMap<string, Value>;
  /** All ancestors, transitively: keys as of `entityKey`. */
  readonly ancestors: ReadonlySet<string>;
};

export type Environment = {
  readonly principal: EntityUid;
  readonly action: EntityUid;
  readonly resource: EntityUid;
  readonly context: Value;
  readonly entities: ReadonlyMap<string, EntityData>;
};

export type Evaluate = (environment: Environment) => Value;

/** A policy that is not in Cedar's JSON form. */
export class PolicyFormError extends Error {
  override readonly name = "PolicyFormError";
}

const DEPTH_MAX = 200;

export function entityKey({ type, id }: EntityUid): string {
  return `${type}::${JSON.stringify(id)}`;
}

type Node = Readonly<Record<string, unknown>>;

/** Compiles one expression. @throws PolicyFormError. */
export function compileExpression(json: unknown, depth = 0): Evaluate {
  if (depth > DEPTH_MAX) throw new PolicyFormError(`nests deeper than ${DEPTH_MAX}`);
  if (typeof json !== "object" || json === null) throw new PolicyFormError("is no expression");
  const entries = Object.entries(json);
  const [operator, body] = entries[0] ?? [];
  if (operator === undefined || entries.length !== 1) {
    throw new PolicyFormError("an expression has exactly one operator");
  }
  const sub = (node: unknown) => compileExpression(node, depth + 1);
  return (
    compileLeaf(operator, body) ??
    compileBinary(operator, body as Node, sub) ??
    compileStructure(operator, body as Node, sub) ??
    compileCall(operator, body, sub)
  );
}

type Sub = (node: unknown) => Evaluate;

function compileLeaf(operator: string, body: unknown): Evaluate | undefined {
  if (operator === "Value") {
    const value = fromJson(body);
    return () => value;
  }
  if (operator !== "Var") return undefined;
  switch (body) {
    case "principal":
      return ({ principal }) => ({ kind: "entity", uid: principal });
    case "action":
      return ({ action }) => ({ kind: "entity", uid: action });
    case "resource":
      return ({ resource }) => ({ kind: "entity", uid: resource });
    case "context":
      return ({ context }) => context;
    default:
      throw new PolicyFormError(`unknown variable "${String(body)}"`);
  }
}

type Binary = (left: Value, right: Value, environment: Environment) => Value;

const binaries: Readonly<Record<string, Binary>> = {
  "==": (left, right) => equal(left, right),
  "!=": (left, right) => !equal(left, right),
  "<": (left, right) => compare(left, right) < 0,
  "<=": (left, right) => compare(left, right) <= 0,
  ">": (left, right) => compare(left, right) > 0,
  ">=": (left, right) => compare(left, right) >= 0,
  "+": (left, right) => long(asLong(left) + asLong(right)),
  "-": (left, right) => long(asLong(left) - asLong(right)),
  "*": (left, right) => long(asLong(left) * asLong(right)),
  in: (left, right, environment) => isIn(left, right, environment),
  contains: (left, right) => includes(asSet(left), right),
  containsAll: (left, right) => includesAll(asSet(left), asSet(right)),
  containsAny: (left, right) => {
    const wanted = asSet(right);
    return asSet(left).some((item) => includes(wanted, item));
  },
};

function compileBinary(operator: string, body: Node, sub: Sub): Evaluate | undefined {
  if (operator === "&&" || operator === "||") {
    const left = sub(body.left);
    const right = sub(body.right);
    const stop = operator === "||";
    return (environment) =>
      asBoolean(left(environment)) === stop ? stop : asBoolean(right(environment));
  }
  const apply = Object.hasOwn(binaries, operator) ? binaries[operator] : undefined;
  if (apply === undefined) return undefined;
  const left = sub(body.left);
  const right = sub(body.right);
  return (environment) => apply(left(environment), right(environment), environment);
}

function compileStructure(operator: string, body: Node, sub: Sub): Evaluate | undefined {
  switch (operator) {
    case "!": {
      const argument = sub(body.arg);
      return (environment) => !asBoolean(argument(environment));
    }
    case "neg": {
      const argument = sub(body.arg);
      return (environment) => long(-asLong(argument(environment)));
    }
    case "isEmpty": {
      const argument = sub(body.arg);
      return (environment) => asSet(argument(environment)).length === 0;
    }
    case "if-then-else": {
      const [test, yes, no] = [sub(body.if), sub(body.then), sub(body.else)];
      return (environment) => (asBoolean(test(environment)) ? yes(environment) : no(environment));
    }
    case ".":
    case "has":
      return compileAttribute(operator, body, sub);
    case "like":
      return compileLike(body, sub);
    case "is":
      return compileIs(body, sub);
    case "Set": {
      const items = (body as unknown as readonly unknown[]).map(sub);
      return (environment) => ({ kind: "set", items: items.map((item) => item(environment)) });
    }
    case "Record": {
      const fields = Object.entries(body).map(([name, node]) => [name, sub(node)] as const);
      return (environment) => ({
        kind: "record",
        fields: new Map(fields.map(([name, field]) => [name, field(environment)])),
      });
    }
    default:
      return undefined;
  }
}

function compileAttribute(operator: string, body: Node, sub: Sub): Evaluate {
  const left = sub(body.left);
  const name = String(body.attr);
  if (operator === "has")
    return (environment) => attribute(left(environment), name, environment) !== undefined;
  return (environment) => {
    const value = attribute(left(environment), name, environment);
    if (value === undefined) throw new EvaluationError(`has no attribute "${name}"`);
    return value;
  };
}

function attribute(of: Value, name: string, { entities }: Environment): Value | undefined {
  if (typeof of === "object" && of.kind === "record") return of.fields.get(name);
  if (typeof of === "object" && of.kind === "entity") {
    return entities.get(entityKey(of.uid))?.attributes.get(name);
  }
  throw new EvaluationError("only records and entities have attributes");
}

/** A pattern is a list of `"Wildcard"` and `{Literal}`; matched without backtracking blow-up. */
function compileLike(body: Node, sub: Sub): Evaluate {
  const left = sub(body.left);
  const pieces: (string | undefined)[] = [];
  for (const part of body.pattern as readonly ("Wildcard" | { readonly Literal: string })[]) {
    if (part === "Wildcard") pieces.push(undefined);
    else pieces.push(part.Literal);
  }
  return (environment) => like(asString(left(environment)), pieces);
}

/** Wildcard match in time proportional to text times pieces. */
export function like(text: string, pieces: readonly (string | undefined)[]): boolean {
  const parts: string[] = [""];
  for (const piece of pieces) {
    if (piece === undefined) parts.push("");
    else parts[parts.length - 1] += piece;
  }
  const first = parts[0] ?? "";
  if (parts.length === 1) return text === first;
  const last = parts.at(-1) ?? "";
  if (!text.startsWith(first) || text.length < first.length + last.length) return false;
  if (!text.endsWith(last)) return false;
  const end = text.length - last.length;
  let at = first.length;
  for (const part of parts.slice(1, -1)) {
    const found = text.indexOf(part, at);
    if (found === -1 || found + part.length > end) return false;
    at = found + part.length;
  }
  return true;
}

function compileIs(body: Node, sub: Sub): Evaluate {
  const left = sub(body.left);
  const type = String(body.entity_type);
  const parent = body.in === undefined ? undefined : sub(body.in);
  return (environment) => {
    const value = left(environment);
    if (asEntity(value).type !== type) return false;
    return parent === undefined || isIn(value, parent(environment), environment);
  };
}

/** Extension functions and methods: `{"ip": [..]}`, `{"isInRange": [a, b]}`. */
function compileCall(operator: string, body: unknown, sub: Sub): Evaluate {
  if (!Array.isArray(body)) throw new PolicyFormError(`unknown operator "${operator}"`);
  const args = body.map(sub);
  const [first, second] = args;
  if (first === undefined) throw new PolicyFormError(`"${operator}" has no arguments`);
  if (operator === "ip" || operator === "datetime" || operator === "duration") {
    return (environment) => extension(operator, asString(first(environment)));
  }
  const method = Object.hasOwn(methods, operator) ? methods[operator] : undefined;
  if (method === undefined) throw new PolicyFormError(`unknown function "${operator}"`);
  return (environment) => method(first(environment), second?.(environment));
}

const methods: Readonly<Record<string, (self: Value, argument: Value | undefined) => Value>> = {
  isIpv4: (self) => asIp(self).bytes.length === 4,
  isIpv6: (self) => asIp(self).bytes.length === 16,
  isLoopback: (self) => {
    const { bytes, prefix } = asIp(self);
    if (bytes.length === 4) return bytes[0] === 127 && prefix >= 8;
    return prefix === 128 && bytes.every((byte, at) => byte === (at === 15 ? 1 : 0));
  },
  isMulticast: (self) => {
    const { bytes, prefix } = asIp(self);
    const [head = 0] = bytes;
    return bytes.length === 4 ? head >> 4 === 14 && prefix >= 4 : head === 255 && prefix >= 8;
  },
  isInRange: (self, range) => inRange(asIp(self), asIp(range)),
  offset: (self, by) => ({
    kind: "datetime",
    ms: long(asMs(self, "datetime") + asMs(by, "duration")),
  }),
  durationSince: (self, other) => ({
    kind: "duration",
    ms: long(asMs(self, "datetime") - asMs(other, "datetime")),
  }),
  toDate: (self) => ({ kind: "datetime", ms: long(floorTo(asMs(self, "datetime"), DAY_MS)) }),
  toTime: (self) => {
    const ms = asMs(self, "datetime");
    return { kind: "duration", ms: ms - floorTo(ms, DAY_MS) };
  },
  toMilliseconds: (self) => asMs(self, "duration"),
  toSeconds: (self) => asMs(self, "duration") / 1_000n,
  toMinutes: (self) => asMs(self, "duration") / 60_000n,
  toHours: (self) => asMs(self, "duration") / 3_600_000n,
  toDays: (self) => asMs(self, "duration") / 86_400_000n,
};

const DAY_MS = 86_400_000n;

/** The greatest multiple that is not above the number. */
function floorTo(ms: bigint, unit: bigint): bigint {
  const rest = ms % unit;
  return rest < 0n ? ms - rest - unit : ms - rest;
}

type Ip = Extract<Value, { kind: "ip" }>;

function inRange(address: Ip, range: Ip): boolean {
  if (address.bytes.length !== range.bytes.length || address.prefix < range.prefix) return false;
  for (let bit = 0; bit < range.prefix; bit += 1) {
    const mask = 0x80 >> (bit & 7);
    const at = bit >> 3;
    if (((address.bytes[at] ?? 0) & mask) !== ((range.bytes[at] ?? 0) & mask)) return false;
  }
  return true;
}

function isIn(left: Value, right: Value, { entities }: Environment): boolean {
  const uid = asEntity(left);
  const parents = typeof right === "object" && right.kind === "set" ? right.items : [right];
  const uids = parents.map(asEntity);
  const key = entityKey(uid);
  const ancestors = entities.get(key)?.ancestors;
  return uids.some((parent) => {
    const parentKey = entityKey(parent);
    return parentKey === key || (ancestors?.has(parentKey) ?? false);
  });
}

function compare(left: Value, right: Value): number {
  if (typeof left === "bigint" && typeof right === "bigint") return sign(left, right);
  if (typeof left === "object" && typeof right === "object") {
    if (left.kind === "datetime" && right.kind === "datetime") return sign(left.ms, right.ms);
    if (left.kind === "duration" && right.kind === "duration") return sign(left.ms, right.ms);
  }
  throw new EvaluationError("only longs, datetimes and durations have an order");
}

function sign(left: bigint, right: bigint): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

function wrong(wanted: string): EvaluationError {
  return new EvaluationError(`type error: expected ${wanted}`);
}

export function asBoolean(value: Value): boolean {
  if (typeof value !== "boolean") throw wrong("bool");
  return value;
}

function asLong(value: Value): bigint {
  if (typeof value !== "bigint") throw wrong("long");
  return value;
}

function asString(value: Value): string {
  if (typeof value !== "string") throw wrong("string");
  return value;
}

function asSet(value: Value): readonly Value[] {
  if (typeof value !== "object" || value.kind !== "set") throw wrong("set");
  return value.items;
}

function asEntity(value: Value): EntityUid {
  if (typeof value !== "object" || value.kind !== "entity") throw wrong("entity");
  return value.uid;
}

function asIp(value: Value | undefined): Ip {
  if (typeof value !== "object" || value.kind !== "ip") throw wrong("ipaddr");
  return value;
}

function asMs(value: Value | undefined, kind: "datetime" | "duration"): bigint {
  if (typeof value !== "object" || value.kind !== kind) throw wrong(kind);
  return value.ms;
}

/** Every operator, function and method that an expression may have. */
export const operators: readonly string[] = [
  ...["Value", "Var", "&&", "||", "!", "neg", "isEmpty", "if-then-else", ".", "has", "like", "is"],
  ...["Set", "Record", "ip", "datetime", "duration"],
  ...Object.keys(binaries),
  ...Object.keys(methods),
];
