/** Reads a contract's input schema as the fields of a form, and a form's texts as an input. */
import { contracts } from "../../../src/catalog.ts";
import type { Operation } from "../../../src/kernel/operation.ts";

export type FieldSchema = {
  readonly type?: string;
  readonly format?: string;
  /** `base64`: a file, of this media type. */
  readonly contentEncoding?: string;
  readonly contentMediaType?: string;
  readonly pattern?: string;
  readonly description?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly enum?: readonly string[];
  readonly const?: unknown;
  readonly items?: FieldSchema;
  readonly properties?: Readonly<Record<string, FieldSchema>>;
  readonly required?: readonly string[];
  readonly anyOf?: readonly FieldSchema[];
};

export type FormField = {
  readonly name: string;
  readonly required: boolean;
  /** What it is when it is not null. */
  readonly schema: FieldSchema;
  /** Null may be given, and means none. */
  readonly nullable?: boolean;
  /** What the server takes when the field is left out. */
  readonly fallback?: unknown;
  /** It names the very thing that is made. */
  readonly own?: boolean;
};

export type Texts = Readonly<Record<string, string>>;

/** The fields that a person fills in. */
export function fieldsOf({ input, defaults = {} }: Operation): FormField[] {
  return childrenOf(input).map((field) => ({ ...field, fallback: defaults[field.name] }));
}

/** What the schema leaves open and is chosen from what there is all the same. */
const CHOICES: Readonly<Record<string, readonly string[]>> = {
  services: contracts.map(({ service }) => service),
};

function offered(name: string, schema: FieldSchema): FieldSchema {
  const choices = CHOICES[name];
  if (choices === undefined || schema.type !== "array") return schema;
  return { ...schema, items: { ...schema.items, enum: choices } };
}

/** The fields of an object; of a field that may be null, what it is otherwise. */
export function childrenOf({ properties = {}, required = [] }: FieldSchema): FormField[] {
  return Object.entries(properties).map(([name, given]) => {
    const schema = offered(name, notNull(given));
    const nullable = given.anyOf?.some(({ type }) => type === "null") === true;
    return { name, required: required.includes(name), schema, ...(nullable ? { nullable } : {}) };
  });
}

function notNull(schema: FieldSchema): FieldSchema {
  const others = schema.anyOf?.filter(({ type }) => type !== "null") ?? [];
  return others.length === 1 ? (others[0] ?? schema) : schema;
}

const PLAIN = new Set(["string", "integer", "number", "boolean"]);

/** True for what is asked for as rows or groups of fields; its text is JSON. */
export function isNested(schema: FieldSchema): boolean {
  const of = schema.type === "array" ? schema.items : schema;
  if (of?.type !== "object") return false;
  const children = childrenOf(of);
  return children.length > 0 && !children.some((child) => isMixedList(child.schema));
}

/** A list of things of several shapes, such as a policy's statements: no row of fields holds it. */
function isMixedList(schema: FieldSchema): boolean {
  return schema.type === "array" && isJson(schema) && !isNested(schema);
}

/** The word that tells a variant from the others; "" when it has none. */
export const kindOf = ({ properties = {} }: FieldSchema): string =>
  typeof properties.kind?.const === "string" ? properties.kind.const : "";

/** The shapes of a thing of several kinds, told apart by its `kind`; none for other schemas. */
export function variantsOf({ anyOf = [] }: FieldSchema): readonly FieldSchema[] {
  return anyOf.length > 1 && anyOf.every((one) => kindOf(one) !== "") ? anyOf : [];
}

/** True when several of a few words are chosen. */
export const isWordList = ({ type, items }: FieldSchema): boolean =>
  type === "array" && items?.enum !== undefined;

/** True when the field's text is JSON and not words or lines. */
function isJson({ type, items, anyOf, enum: choices }: FieldSchema): boolean {
  if (type === "array") return items?.enum === undefined && !PLAIN.has(items?.type ?? "");
  return type === "object" || (type === undefined && anyOf !== undefined && choices === undefined);
}

export type FieldFault = "required" | "notNumber" | "notJson";
export type Read =
  | { readonly input: Record<string, unknown> }
  | { readonly faults: Readonly<Record<string, FieldFault>> };

function fieldValue({ schema }: FormField, text: string): { value: unknown } | FieldFault {
  if (schema.type === "integer" || schema.type === "number") {
    const pattern = schema.type === "integer" ? /^-?\d+$/ : /^-?\d+(?:\.\d+)?$/;
    return pattern.test(text) ? { value: Number(text) } : "notNumber";
  }
  if (schema.type === "boolean") return { value: text === "true" };
  if (isJson(schema)) return jsonValue(text);
  if (schema.type === "array") {
    const lines = text.split("\n").map((line) => line.trim());
    const values = lines.filter((line) => line !== "");
    if (schema.items?.type !== "integer") return { value: values };
    if (!values.every((value) => /^-?\d+$/.test(value))) return "notNumber";
    return { value: values.map(Number) };
  }
  return { value: text };
}

function jsonValue(text: string): { value: unknown } | FieldFault {
  try {
    return { value: JSON.parse(text) };
  } catch {
    return "notJson";
  }
}

/** What a field without anything in it is, for one that takes such: null, no items, no text. */
export function emptyOf({ schema, nullable = false }: FormField): null | [] | "" | undefined {
  if (nullable) return null;
  if (schema.type === "array") return (schema.minItems ?? 0) > 0 ? undefined : [];
  if (schema.type !== "string" || schema.enum !== undefined || schema.format !== undefined) {
    return undefined;
  }
  const { minLength = 0, pattern = "" } = schema;
  return minLength === 0 && new RegExp(pattern, "u").test("") ? "" : undefined;
}

const isEmpty = (value: unknown): boolean =>
  value === null ||
  value === undefined ||
  value === "" ||
  (Array.isArray(value) && value.length === 0);

/**
 * A group of fields as it is sent: with what its schema needs, as empty; without anything in it
 * nothing at all.
 */
export function filledGroup(
  item: Readonly<Record<string, unknown>>,
  fields: readonly FormField[],
): Readonly<Record<string, unknown>> {
  if (Object.values(item).every(isEmpty)) return {};
  const lacking = fields.filter(({ name, required }) => required && item[name] === undefined);
  const empties = lacking.map((field) => [field.name, emptyOf(field)] as const);
  return { ...item, ...Object.fromEntries(empties.filter(([, empty]) => empty !== undefined)) };
}

/** What is changed by a form, and what becomes of fields that its input leaves out. */
export type Change = {
  readonly before: Readonly<Record<string, unknown>>;
  readonly leftOut: "stays" | "default";
};

/**
 * The operation's input from a form's texts; empty optional fields are left out. A field of a
 * change that was emptied is sent as empty; where nothing is no value, it is needed if it would
 * stay as it was without a word.
 */
export function readForm(fields: readonly FormField[], texts: Texts, change?: Change): Read {
  const input: Record<string, unknown> = {};
  const faults: Record<string, FieldFault> = {};
  for (const field of fields) {
    const text = texts[field.name] ?? "";
    if (text.trim() === "") {
      const wasEmptied = !isEmpty(change?.before[field.name]);
      const emptied = wasEmptied ? emptyOf(field) : undefined;
      if (emptied !== undefined) input[field.name] = emptied;
      else if (field.required || (wasEmptied && change?.leftOut === "stays")) {
        faults[field.name] = "required";
      }
      continue;
    }
    const read = fieldValue(field, text);
    if (typeof read === "string") faults[field.name] = read;
    else input[field.name] = read.value;
  }
  return Object.keys(faults).length > 0 ? { faults } : { input };
}

/** A present value as the text that the form starts with. */
export function textOf(value: unknown): string {
  if (value === null || value === undefined) return "";
  const isLines = Array.isArray(value) && value.every((one) => typeof one !== "object");
  if (isLines) return value.join("\n");
  return typeof value === "object" ? JSON.stringify(value, null, 2) : String(value);
}
