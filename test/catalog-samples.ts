/**
 * Inputs made from the operations' own schemas, and ids gathered from the answers of every list:
 * a test that uses these covers a new service by itself.
 */
import { contracts } from "../src/catalog.ts";
import { requestOf } from "../src/cli/api-client.ts";
import { validatorOf } from "../src/kernel/http/read-input.ts";
import type { Contract, Operation } from "../src/kernel/operation.ts";
import type { ApiReply } from "./stack.ts";

export type Target = { readonly contract: Contract; readonly operation: Operation };

/** Every operation that is called with a credential and answers at once. */
export const targets: readonly Target[] = contracts.flatMap((contract) =>
  Object.values(contract.operations)
    .filter((operation) => operation.stream === undefined && operation.authentication !== "none")
    .map((operation) => ({ contract, operation })),
);

export type Schema = {
  readonly type?: string;
  readonly pattern?: string;
  readonly format?: string;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly Schema[];
  readonly items?: Schema;
  readonly minItems?: number;
  readonly minLength?: number;
  readonly minimum?: number;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
};

/** Texts of the forms that contracts ask for; the first that fits is taken. */
const TEXTS: readonly string[] = [
  ...["sample", "a sample of text that is long enough for a password", "sample.example.org"],
  ...["https://sample.example.org", "https://sample.example.org/x", "http://127.0.0.1:9"],
  ...["192.0.2.0/24", "192.0.2.1", "123456", "aaaaa-aaaaa", "1.2.3", "en", "1", "/", "*"],
  ...["2026-01-01T00:00:00Z", "a".repeat(64), "A".repeat(44), "sample@example.org", "waf:GetSite"],
];

function idPrefixOf({ pattern }: Schema): string | undefined {
  // Of ids of several kinds the first is taken: `^(?:key|mrk)-…`.
  return /^\^(?:\(\?:)?([a-z]+)(?:\|[a-z|]+\))?-\[0-9a-z\]\{10\}\$$/.exec(pattern ?? "")?.[1];
}

/** A value that fits a schema, as far as its form can be guessed. */
export function sampleOf(schema: Schema): unknown {
  if (schema.const !== undefined) return schema.const;
  if (schema.enum !== undefined) return schema.enum[0];
  if (schema.anyOf !== undefined) return sampleOf(schema.anyOf[0] ?? {});
  switch (schema.type) {
    case "integer":
    case "number":
      return schema.minimum ?? 1;
    case "boolean":
      return false;
    case "array":
      return Array.from({ length: schema.minItems ?? 0 }, () => sampleOf(schema.items ?? {}));
    case "object": {
      const { properties = {}, required = [] } = schema;
      return Object.fromEntries(required.map((name) => [name, sampleOf(properties[name] ?? {})]));
    }
    default:
      return textFor(schema);
  }
}

function textFor(schema: Schema): string {
  const prefix = idPrefixOf(schema);
  if (prefix !== undefined) return `${prefix}-0000000000`;
  const fits = (text: string) =>
    text.length >= (schema.minLength ?? 0) &&
    (schema.pattern === undefined || new RegExp(schema.pattern, "u").test(text)) &&
    (schema.format !== "date-time" || text.includes("T"));
  return TEXTS.find(fits) ?? "sample";
}

/** A field of an input that names a thing by its id. */
export type IdField = { readonly name: string; readonly prefix: string; readonly list: boolean };

/** Fields that take an id of any kind. */
const LOOSE: Readonly<Record<string, readonly string[]>> = {
  scimId: ["user", "grp"],
  principalId: ["user", "grp", "role"],
};

export function idFieldsOf(operation: Operation): IdField[] {
  const properties = operation.input.properties as unknown as Readonly<Record<string, Schema>>;
  return Object.entries(properties).flatMap(([name, schema]): IdField[] => {
    const loose = Object.hasOwn(LOOSE, name) ? (LOOSE[name] ?? []) : [];
    const forms = schema.anyOf ?? [schema];
    const single = forms.map(idPrefixOf).find((prefix) => prefix !== undefined);
    const many = forms
      .map((form) => (form.items === undefined ? undefined : idPrefixOf(form.items)))
      .find((prefix) => prefix !== undefined);
    return [
      ...(single === undefined ? loose : [single]).map((prefix) => ({ name, prefix, list: false })),
      ...(many === undefined ? [] : [{ name, prefix: many, list: true }]),
    ];
  });
}

/** The operation's smallest input with this id in this field; undefined when none can be made. */
export function inputWith(
  operation: Operation,
  { name, list }: IdField,
  id: string,
): Record<string, unknown> | undefined {
  const schema = operation.input as unknown as Schema;
  const input = { ...(sampleOf(schema) as object), [name]: list ? [id] : id };
  return validatorOf(operation.input).Check(input) ? input : undefined;
}

const ID = /\b([a-z]+)-[0-9a-z]{10}\b/g;
const PER_PREFIX_MAX = 3;

/** Ids of an account's things by prefix, from the answers of every list of the catalog. */
export async function idsOf(
  call: (method: string, path: string) => Promise<ApiReply>,
): Promise<Map<string, string[]>> {
  const found = new Map<string, string[]>();
  for (const { contract, operation } of targets) {
    if (operation.method !== "GET" || (operation.input.required ?? []).length > 0) continue;
    const { method, path } = requestOf(contract, operation, {});
    const { code, result } = await call(method, path);
    if (code === 200) gatherIds(found, result);
  }
  return found;
}

/** Adds the ids of an answer. */
export function gatherIds(found: Map<string, string[]>, result: unknown): void {
  for (const [id, prefix = ""] of (JSON.stringify(result) ?? "").matchAll(ID)) {
    const known = found.get(prefix) ?? [];
    if (known.length < PER_PREFIX_MAX && !known.includes(id)) found.set(prefix, [...known, id]);
  }
}
