/** What the schemas of a contract say of its fields: type, choices, and which are enumerations. */
import { contracts } from "../../../src/catalog.ts";
import type { Operation } from "../../../src/kernel/operation.ts";

type Schema = {
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
};

export type FieldKind = {
  readonly kind: "text" | "number" | "boolean" | "time" | "other";
  /** The values of an enumeration; empty for everything else. */
  readonly choices: readonly string[];
};

const DEPTH_MAX = 8;
/** Fields whose few values are words although the schema says text. */
const WORD_FIELDS = "category categories severity disposition outcome kind method services".split(
  " ",
);

/** A nullable or repeated field as the one value that it holds. */
function valueSchema(schema: Schema): Schema {
  const inner = schema.anyOf?.find(({ type }) => type !== "null") ?? schema;
  return inner.items ?? inner;
}

function kindOf(name: string, schema: Schema): FieldKind["kind"] {
  if (/[tT]ime$/.test(name)) return "time";
  if (schema.type === "integer" || schema.type === "number") return "number";
  if (schema.type === "boolean") return "boolean";
  return schema.type === "string" || schema.enum !== undefined ? "text" : "other";
}

/** The fields of the items that a list answers with. */
export function itemFields(list: Operation | undefined): Readonly<Record<string, FieldKind>> {
  const output: Schema = list?.output ?? {};
  const items = Object.values(output.properties ?? {}).find(({ type }) => type === "array")?.items;
  const entries = Object.entries(items?.properties ?? {}).map(([name, given]) => {
    const schema = valueSchema(given);
    return [name, { kind: kindOf(name, schema), choices: (schema.enum ?? []).map(String) }];
  });
  return Object.fromEntries(entries);
}

function collectEnumFields(schema: Schema, found: Set<string>, depth = 0): void {
  if (depth > DEPTH_MAX) return;
  // Of a thing of several kinds, each has fields of its own.
  for (const variant of schema.anyOf ?? []) collectEnumFields(variant, found, depth + 1);
  for (const [name, given] of Object.entries(schema.properties ?? {})) {
    const inner = valueSchema(given);
    if (inner.enum !== undefined) found.add(name);
    collectEnumFields(given.anyOf === undefined ? inner : given, found, depth + 1);
  }
}

function enumFields(): ReadonlySet<string> {
  const found = new Set(WORD_FIELDS);
  for (const { operations } of contracts) {
    for (const { output, input } of Object.values(operations)) {
      collectEnumFields(output, found);
      collectEnumFields(input, found);
    }
  }
  return found;
}

let known: ReadonlySet<string> | undefined;

/** True when a field's values are words of ours, so that they can be translated. */
export function isEnumField(name: string): boolean {
  known ??= enumFields();
  return known.has(name);
}
