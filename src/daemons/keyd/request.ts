/** What an operation of keyd gets and gives, and strict reading of a request's fields. */
import { bindingFault, isId, type KeyBinding } from "../../engines/keys/binding.ts";
import { contextBytes, type EncryptionContext } from "../../engines/keys/canonical.ts";
import { isKeySpec, KEY_SPECS, type KeyUsage } from "../../engines/keys/specs.ts";
import { KeydError } from "../../kernel/keyd/protocol.ts";

export type Fields = Readonly<Record<string, unknown>>;
export type Request = { readonly header: Fields; readonly parts: readonly Buffer[] };
export type Answer = { readonly header?: Fields; readonly parts?: readonly Buffer[] };
export type Operation = (request: Request) => Answer | Promise<Answer>;

const NO_CONTEXT = Buffer.alloc(0);
const TEXT_CHARS_MAX = 256;

export function refusedInput(message: string): KeydError {
  return new KeydError("inputInvalid", message);
}

export function partOf({ parts }: Request, at: number): Buffer {
  const part = parts[at];
  if (part === undefined) throw refusedInput(`The request has no part ${at}`);
  return part;
}

export function textOf(fields: Fields, name: string): string {
  const value = fields[name];
  if (typeof value === "string" && value.length > 0 && value.length <= TEXT_CHARS_MAX) return value;
  throw refusedInput(`${name} must be a text of 1 to ${TEXT_CHARS_MAX} characters`);
}

export function optionalText(fields: Fields, name: string): string | undefined {
  return fields[name] === undefined ? undefined : textOf(fields, name);
}

export function idOf(fields: Fields, name: string): string {
  const value = fields[name];
  if (isId(value)) return value;
  throw refusedInput(`${name} must be 1 to 64 letters, digits, dots or dashes`);
}

export function integerOf(fields: Fields, name: string, range: { min: number; max: number }) {
  const value = fields[name];
  const whole = typeof value === "number" && Number.isSafeInteger(value);
  if (whole && value >= range.min && value <= range.max) return value;
  throw refusedInput(`${name} must be a whole number from ${range.min} to ${range.max}`);
}

export function fieldsOf(fields: Fields, name: string): Fields {
  const value = fields[name] ?? {};
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw refusedInput(`${name} must be an object`);
  }
  return { ...value };
}

const USAGES: readonly KeyUsage[] = [
  ...new Set(Object.values(KEY_SPECS).flatMap(({ usages }) => [...usages])),
];

/** Reads and checks a binding. @throws KeydError inputInvalid. */
export function bindingOf(fields: Fields, name = "binding"): KeyBinding {
  const value = fields[name];
  if (typeof value !== "object" || value === null) throw refusedInput(`${name} is missing`);
  const { account, key, version, algorithm, usage } = value as Fields;
  const knownUsage = USAGES.find((known) => known === usage);
  const right =
    typeof account === "string" &&
    typeof key === "string" &&
    typeof version === "number" &&
    typeof algorithm === "string";
  if (!right || !isKeySpec(algorithm) || knownUsage === undefined) {
    throw refusedInput(`${name} is not a binding of a key`);
  }
  const binding = { account, key, version, algorithm, usage: knownUsage };
  const fault = bindingFault(binding);
  if (fault !== undefined) throw refusedInput(`Cannot use the key: ${fault}`);
  return binding;
}

/** Canonical bytes of the encryption context. */
export function contextOf(fields: Fields): Buffer {
  const value = fields.context;
  if (value === undefined) return NO_CONTEXT;
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw refusedInput("context must be an object of texts");
  }
  if (!holdsTexts(value)) throw refusedInput("context must be an object of texts");
  const bytes = contextBytes(value);
  if (bytes === undefined) throw refusedInput("context is too large");
  return bytes;
}

function holdsTexts(value: object): value is EncryptionContext {
  return Object.values(value).every((text) => typeof text === "string");
}
