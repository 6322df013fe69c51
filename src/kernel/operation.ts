/**
 * What an operation, a resource and a contract are: data from which routes, validation, the
 * permission check, the audit entry, OpenAPI, the command line and the console are derived.
 * It runs in the server, the command line and the browser, so it imports nothing but the schema
 * library.
 */
import Type, { type Static, type TObject, type TSchema } from "typebox";
import type { Texts } from "../lib/coded-text.ts";

export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

/** How an operation is authenticated. `none` is for set-up and sign-in only. */
export type Authentication = "required" | "none";

export type OperationDeclaration<Input extends TObject, Output extends TSchema> = {
  /** `<service>.<verb><Noun>`, such as `waf.createSite`. Stable. */
  readonly name: string;
  /** One sentence in the imperative, shown in the reference, the CLI and the console. */
  readonly summary: string;
  readonly method: Method;
  /** Below `/v1/<service>`; `{name}` is a path parameter, a final `:verb` an action. */
  readonly path: string;
  /** The permission it needs, such as `waf:CreateSite`. */
  readonly action: string;
  /** Resource name below `crn:<service>::<account>:`; `{name}` is filled from the input. */
  readonly resource: string;
  readonly input: Input;
  readonly output: Output;
  /** Reasons (`<service>.<name>`) it may answer with, beside the kernel's own. */
  readonly problems?: readonly string[];
  readonly limits?: { readonly perMinute: number };
  /** True when the effect is hard to undo: the console asks for the name, the CLI for `--yes`. */
  readonly dangerous?: boolean;
  readonly authentication?: Authentication;
  /** A console session of a caller with a second factor must have proved it lately. */
  readonly freshMfa?: boolean;
  /** Open to a session that still lacks the second factor its account demands. */
  readonly beforeMfa?: boolean;
  /** Input fields whose values never enter the audit record or a log. */
  readonly secretInput?: readonly string[];
  /** Input fields that enter the audit record as their SHA-256 only. */
  readonly hashedInput?: readonly string[];
  /** Further decisions it takes, such as on a second key: each must allow. */
  readonly also?: readonly { readonly action: string; readonly resource: string }[];
  /**
   * `none`: it changes no row and opens no transaction, for paths where one would be most of the
   * cost. Its context has no `sql`, and an idempotency key means nothing to it.
   */
  readonly transaction?: "none";
  /** Output fields that are shown once and never stored. */
  readonly secretOutput?: readonly string[];
  /** What is taken for optional fields that are left out, as forms, help and OpenAPI show it. */
  readonly defaults?: Readonly<Record<string, unknown>>;
  /** Set when the answer is a stream of items instead of one document. */
  readonly stream?: "serverSentEvents" | "lines";
  /**
   * Speaks SCIM (RFC 7644) on the wire: its media type, answers and errors. `scimBulk` answers the
   * operations that shall then be called one by one.
   */
  readonly wire?: "scim" | "scimBulk";
  /** Largest request body in bytes; the kernel's default when absent. */
  readonly bodyBytesMax?: number;
};

export type Operation<
  Input extends TObject = TObject,
  Output extends TSchema = TSchema,
> = OperationDeclaration<Input, Output>;

/** Declares an operation; the identity function, so that its exact types are kept. */
export function operation<const Declared extends Operation>(declaration: Declared): Declared {
  return declaration;
}

export type ProblemDeclaration = {
  /** HTTP status code. */
  readonly code: 400 | 401 | 403 | 404 | 409 | 412 | 413 | 422 | 429 | 500 | 501 | 503;
  readonly message: string;
  /** What the caller can do about it. */
  readonly fix: string;
};

/** A resource as the console and the CLI show it: a table, a detail page and a form. */
export type Resource = {
  /** Singular, camelCase: `site`. */
  readonly name: string;
  readonly idField: string;
  /** Id prefix without the dash: `site` for `site-0a1b2c3d4e`. */
  readonly idPrefix: string;
  /** Field shown as the name of one. */
  readonly titleField: string;
  /** Columns of its table, in order. */
  readonly columns: readonly string[];
  /** Operation keys of the contract. */
  readonly list?: string;
  readonly get?: string;
  readonly create?: string;
  readonly update?: string;
  readonly delete?: string;
};

export type Contract = {
  /** Service name, lower case: the path segment, the CLI noun and the action prefix. */
  readonly service: string;
  readonly title: string;
  readonly summary: string;
  readonly resources: readonly Resource[];
  readonly operations: Readonly<Record<string, Operation>>;
  readonly problems: Readonly<Record<string, ProblemDeclaration>>;
  /** Texts that it composes for people, by code: what it stores or sends beside the English. */
  readonly texts?: Texts;
  /** Event types it emits through the outbox, past tense: `waf.siteCreated`. */
  readonly events: readonly string[];
};

/** Declares a contract; the identity function, so that its types are kept. */
export function contract<const Declared extends Contract>(declared: Declared): Declared {
  return declared;
}

export type InputOf<Op extends Operation> = Static<Op["input"]>;
export type OutputOf<Op extends Operation> = Static<Op["output"]>;

export const limits = {
  pageSizeDefault: 20,
  pageSizeMax: 100,
  filtersMax: 10,
  filterValuesMax: 20,
  sortsMax: 3,
  textLengthMax: 1024,
} as const;

/** An id `<prefix>-` + 10 lower-case alphanumerics. */
export function idSchema(prefix: string) {
  return Type.String({
    pattern: `^${prefix}-[0-9a-z]{10}$`,
    description: `Id of the form ${prefix}-xxxxxxxxxx`,
  });
}

/** A person-given name: printable, not blank, without control characters. */
export const Name = Type.String({
  minLength: 1,
  maxLength: 128,
  pattern: "^[^\\s\\p{C}](?:[^\\p{C}]*[^\\s\\p{C}])?$",
});

/** Free text of a person. */
export const Text = Type.String({ maxLength: limits.textLengthMax });

/**
 * Beside a text that Cordon composed, in a field named after it (`title`, `titleCoded`): its code
 * and values, to tell it in another language. Null: the text is a person's, or has no code.
 */
export const CodedOrNull = Type.Union([
  Type.Object({ code: Type.String(), values: Type.Record(Type.String(), Type.String()) }),
  Type.Null(),
]);

/** RFC 3339 time in UTC. */
export const Time = Type.String({ format: "date-time", maxLength: 35 });

export const Filter = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: 64 }),
    values: Type.Array(Type.String({ maxLength: 1024 }), {
      minItems: 1,
      maxItems: limits.filterValuesMax,
    }),
    operator: Type.Optional(
      Type.Enum(["eq", "ne", "contains", "startsWith", "gt", "ge", "lt", "le"]),
    ),
  },
  { additionalProperties: false },
);
export type Filter = Static<typeof Filter>;

export const Sort = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: 64 }),
    direction: Type.Optional(Type.Enum(["asc", "desc"])),
  },
  { additionalProperties: false },
);
export type Sort = Static<typeof Sort>;

const listFields = {
  pageNumber: Type.Optional(Type.Integer({ minimum: 1, maximum: 100_000 })),
  pageSize: Type.Optional(Type.Integer({ minimum: 1, maximum: limits.pageSizeMax })),
  filters: Type.Optional(Type.Array(Filter, { maxItems: limits.filtersMax })),
  sorts: Type.Optional(Type.Array(Sort, { maxItems: limits.sortsMax })),
};

/** Input of a list operation: `pageNumber`, `pageSize`, `filters.N.*`, `sorts.N.*` and more. */
export function listInput<Fields extends Record<string, TSchema>>(fields: Fields) {
  return Type.Object({ ...fields, ...listFields }, { additionalProperties: false });
}

export const ListInput = listInput({});
export type ListInput = Static<typeof ListInput>;

/** Output of a list operation: the items under a plural name, and how many there are in all. */
export function listOutput<Plural extends string, Item extends TSchema>(
  plural: Plural,
  item: Item,
) {
  const items = Type.Array(item);
  // TypeScript widens a computed key to string; the key is exactly `plural`.
  const named = { [plural]: items } as Record<Plural, typeof items>;
  return Type.Object({ ...named, totalCount: Type.Integer({ minimum: 0 }) });
}

/** An input with exactly these fields; every unknown field is refused. */
export function input<Fields extends Record<string, TSchema>>(fields: Fields) {
  return Type.Object(fields, { additionalProperties: false });
}

/** The answer of an operation that has nothing to say. */
export const Empty = Type.Object({});
