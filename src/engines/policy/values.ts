/** Values of Cedar's language, and how JSON becomes one. */
import ipaddr from "ipaddr.js";

export type EntityUid = { readonly type: string; readonly id: string };

/** Long is a 64-bit integer, so it is a bigint here. */
export type Value =
  | boolean
  | bigint
  | string
  | { readonly kind: "set"; readonly items: readonly Value[] }
  | { readonly kind: "record"; readonly fields: ReadonlyMap<string, Value> }
  | { readonly kind: "entity"; readonly uid: EntityUid }
  | { readonly kind: "ip"; readonly bytes: readonly number[]; readonly prefix: number }
  | { readonly kind: "datetime"; readonly ms: bigint }
  | { readonly kind: "duration"; readonly ms: bigint };

/** A policy that cannot be evaluated for a request is skipped, and says why. */
export class EvaluationError extends Error {
  override readonly name = "EvaluationError";
}

export const LONG_MIN = -(2n ** 63n);
export const LONG_MAX = 2n ** 63n - 1n;

/** @throws EvaluationError on overflow, as Cedar does. */
export function long(value: bigint): bigint {
  if (value < LONG_MIN || value > LONG_MAX) throw new EvaluationError("integer overflow");
  return value;
}

export function entity(type: string, id: string): Value {
  return { kind: "entity", uid: { type, id } };
}

export function record(fields: Readonly<Record<string, Value | undefined>>): Value {
  const map = new Map<string, Value>();
  for (const name of Object.keys(fields)) {
    const value = fields[name];
    if (value !== undefined) map.set(name, value);
  }
  return { kind: "record", fields: map };
}

/** An address or CIDR block. @throws EvaluationError when the text is neither. */
export function ip(text: string): Value {
  const slash = text.indexOf("/");
  const address = slash === -1 ? text : text.slice(0, slash);
  const prefixText = slash === -1 ? undefined : text.slice(slash + 1);
  // Cedar takes neither a zone nor an IPv4 address written inside an IPv6 one.
  const v6 = /^[0-9A-Fa-f:]+$/.test(address) && ipaddr.IPv6.isValid(address);
  if (!v6 && !ipaddr.IPv4.isValidFourPartDecimal(address)) {
    throw new EvaluationError(`"${text}" is no IP address`);
  }
  const bytes = ipaddr.parse(address).toByteArray();
  const width = bytes.length * 8;
  const prefix = prefixText === undefined ? width : Number(prefixText);
  if (prefixText !== undefined && (!/^(0|[1-9]\d{0,2})$/.test(prefixText) || prefix > width)) {
    throw new EvaluationError(`"${text}" has no valid prefix`);
  }
  return { kind: "ip", bytes, prefix };
}

/** RFC 3339 text or `YYYY-MM-DD`. @throws EvaluationError. */
export function datetime(text: string): Value {
  const match = /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}:\d{2}(?:\.\d{3})?(?:Z|[+-]\d{4}))?$/.exec(text);
  const iso = text.replace(/([+-]\d{2})(\d{2})$/, (whole, hours: string, minutes: string) =>
    text.includes("T") ? `${hours}:${minutes}` : whole,
  );
  // JavaScript takes February 30 for March 2, and hour 24 for the next day.
  const ms = match === null || !isCalendarTime(text) ? Number.NaN : Date.parse(iso);
  if (Number.isNaN(ms)) throw new EvaluationError(`"${text}" is no date and time`);
  return { kind: "datetime", ms: BigInt(ms) };
}

function isCalendarTime(text: string): boolean {
  const [year = 0, month = 0, day = 0] = text.slice(0, 10).split("-").map(Number);
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  return (
    date.getUTCMonth() === month - 1 && date.getUTCDate() === day && text.slice(11, 13) !== "24"
  );
}

const UNIT_MS: Readonly<Record<string, bigint>> = {
  d: 86_400_000n,
  h: 3_600_000n,
  m: 60_000n,
  s: 1_000n,
  ms: 1n,
};

/** Such as `1d2h3m4s5ms`. @throws EvaluationError. */
export function duration(text: string): Value {
  const match = /^(-?)(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?$/.exec(text);
  if (match === null || /^-?$/.test(text)) throw new EvaluationError(`"${text}" is no duration`);
  const [, sign, ...parts] = match;
  let ms = 0n;
  for (const [at, unit] of ["d", "h", "m", "s", "ms"].entries()) {
    ms += BigInt(parts[at] ?? "0") * (UNIT_MS[unit] ?? 0n);
  }
  return { kind: "duration", ms: long(sign === "-" ? -ms : ms) };
}

/** Calls an extension constructor by name. */
export function extension(name: string, argument: string): Value {
  if (name === "ip") return ip(argument);
  if (name === "datetime") return datetime(argument);
  if (name === "duration") return duration(argument);
  throw new EvaluationError(`unknown extension "${name}"`);
}

/** Cedar's equality: different types are never equal, sets have no order. */
export function equal(left: Value, right: Value): boolean {
  if (typeof left !== "object" || typeof right !== "object") return left === right;
  if (left.kind === "set" && right.kind === "set") {
    return includesAll(left.items, right.items) && includesAll(right.items, left.items);
  }
  if (left.kind === "record" && right.kind === "record") return equalRecords(left, right);
  if (left.kind === "entity" && right.kind === "entity") {
    return left.uid.type === right.uid.type && left.uid.id === right.uid.id;
  }
  if (left.kind === "ip" && right.kind === "ip") {
    return left.prefix === right.prefix && left.bytes.join() === right.bytes.join();
  }
  if (left.kind === "datetime" && right.kind === "datetime") return left.ms === right.ms;
  if (left.kind === "duration" && right.kind === "duration") return left.ms === right.ms;
  return false;
}

function equalRecords(
  left: Extract<Value, { kind: "record" }>,
  right: Extract<Value, { kind: "record" }>,
): boolean {
  if (left.fields.size !== right.fields.size) return false;
  for (const [name, value] of left.fields) {
    const other = right.fields.get(name);
    if (other === undefined || !equal(value, other)) return false;
  }
  return true;
}

export function includes(items: readonly Value[], wanted: Value): boolean {
  return items.some((item) => equal(item, wanted));
}

export function includesAll(items: readonly Value[], wanted: readonly Value[]): boolean {
  return wanted.every((one) => includes(items, one));
}

/** A JSON value in Cedar's data form (`__entity`, `__extn`). @throws EvaluationError. */
export function fromJson(json: unknown): Value {
  if (typeof json === "boolean" || typeof json === "string") return json;
  if (typeof json === "number") {
    if (!Number.isSafeInteger(json)) throw new EvaluationError(`${json} is no integer`);
    return BigInt(json);
  }
  if (Array.isArray(json)) return { kind: "set", items: json.map(fromJson) };
  if (typeof json !== "object" || json === null) throw new EvaluationError("null is no value");
  if ("__entity" in json) {
    const { type, id } = json.__entity as EntityUid;
    return entity(type, id);
  }
  if ("__extn" in json) {
    const { fn, arg } = json.__extn as { fn: string; arg: string };
    return extension(fn, arg);
  }
  const fields = new Map<string, Value>();
  for (const [name, value] of Object.entries(json)) fields.set(name, fromJson(value));
  return { kind: "record", fields };
}
