/** Reads a contract's input schema as the fields of a form, and a form's texts as an input. */
import type { Operation } from "../../../src/kernel/operation.ts";

export type FieldSchema = {
  readonly type?: string;
  readonly format?: string;
  readonly pattern?: string;
  readonly description?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly maxLength?: number;
  readonly enum?: readonly string[];
  readonly items?: FieldSchema;
  readonly anyOf?: readonly FieldSchema[];
};

export type FormField = {
  readonly name: string;
  readonly required: boolean;
  readonly schema: FieldSchema;
};

export type Texts = Readonly<Record<string, string>>;

/** The fields that a person fills in. */
export function fieldsOf({ input }: Operation): FormField[] {
  const required: readonly string[] = input.required ?? [];
  const properties: Record<string, FieldSchema> = input.properties;
  return Object.entries(properties).map(([name, schema]) => ({
    name,
    required: required.includes(name),
    schema: schema.anyOf?.find(({ type }) => type !== "null") ?? schema,
  }));
}

export type FieldFault = "required" | "notNumber" | "notJson";
export type Read =
  | { readonly input: Record<string, unknown> }
  | { readonly faults: Readonly<Record<string, FieldFault>> };

function fieldValue({ schema }: FormField, text: string): { value: unknown } | FieldFault {
  if (schema.type === "integer") {
    return /^-?\d+$/.test(text) ? { value: Number(text) } : "notNumber";
  }
  if (schema.type === "boolean") return { value: text === "true" };
  if (schema.type === "array") {
    const lines = text.split("\n").map((line) => line.trim());
    return { value: lines.filter((line) => line !== "") };
  }
  if (schema.type === "object") {
    try {
      return { value: JSON.parse(text) };
    } catch {
      return "notJson";
    }
  }
  return { value: text };
}

/** The operation's input from a form's texts; empty optional fields are left out. */
export function readForm(fields: readonly FormField[], texts: Texts): Read {
  const input: Record<string, unknown> = {};
  const faults: Record<string, FieldFault> = {};
  for (const field of fields) {
    const text = texts[field.name] ?? "";
    if (text.trim() === "") {
      if (field.required) faults[field.name] = "required";
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
  if (Array.isArray(value)) return value.join("\n");
  return typeof value === "object" ? JSON.stringify(value, null, 2) : String(value);
}
