/** What conditions can ask about a request. Parts are read when first asked for, then kept. */

import type { Fields } from "../http1/fields.ts";
import { readJson } from "../seclang/body/json.ts";
import { readMultipart } from "../seclang/body/multipart.ts";
import { parseArguments, parseCookies } from "../seclang/request-line.ts";
import type { FieldName } from "./condition-names.ts";

/** Values by name, in the order received. */
export type Named = ReadonlyMap<string, readonly string[]>;

/** Texts are bytes as latin1. `undefined` is what these facts cannot tell. */
export type Facts = {
  readonly nowMs: number;
  readonly address: string;
  readonly method: string;
  readonly host: string;
  /** `http` or `https`, as the client used it. */
  readonly scheme: string;
  /** Decoded once, without dot segments: `viewPath`. */
  readonly path: string;
  /** As it was sent. */
  readonly rawPath: string;
  readonly query: string;
  readonly userAgent: string;
  /** Undefined for a stored event, which keeps no header fields. */
  readonly fields: Fields | undefined;
  /** ISO 3166-1 alpha-2, empty for an unknown address; undefined without a database. */
  readonly country: string | undefined;
  /** Digits; empty and undefined as for the country. */
  readonly asn: string | undefined;
  /** Of the request; undefined when there is none. */
  readonly fingerprint: () => string | undefined;
  /** Of the TLS hello; empty for clear text, undefined for an event that did not keep it. */
  readonly ja4: string | undefined;
  /** Name of the crawler that this address was verified as, else empty. */
  readonly crawler: () => string;
  /** Whether a client that calls itself a crawler is one; `unknown` also for all others. */
  readonly crawlerState: () => "verified" | "fake" | "unknown";
  /** Undefined until the body is there. */
  body: string | undefined;
  queryNamed?: Named;
  cookies?: Named;
  bodyNamed?: Named;
};

/** One request by each way in which its path can be read; they share what else is known of it. */
export function readingsOf(facts: Facts, paths: readonly string[]): readonly Facts[] {
  if (paths.length === 1) return [facts];
  return paths.map((path) =>
    path === facts.path ? facts : Object.create(facts, { path: { value: path } }),
  );
}

type Read = (facts: Facts, name: string) => string | readonly string[] | undefined;

const none: readonly string[] = [];
const text = (value: string | undefined) => (value === "" ? none : value);

/** How each field is read. A missing one has no values; an empty text counts as missing. */
export const FIELDS = {
  ip: ({ address }) => address,
  country: ({ country }) => text(country),
  asn: ({ asn }) => text(asn),
  method: ({ method }) => method,
  scheme: ({ scheme }) => scheme,
  host: ({ host }) => text(host),
  path: ({ path }) => path,
  queryString: ({ query }) => text(query),
  query: (facts, name) => queryOf(facts).get(name) ?? none,
  header: ({ fields, userAgent }, name) =>
    // The one header that a stored event keeps.
    fields === undefined && name === "user-agent"
      ? (text(userAgent) ?? none)
      : headerValues(fields, name),
  cookie: (facts, name) => cookiesOf(facts)?.get(name) ?? (facts.fields && none),
  body: ({ body }) => (body === undefined ? undefined : asRead(body)),
  bodyField: (facts, name) =>
    bodyOf(facts)?.get(name) ?? (facts.body === undefined ? undefined : none),
  userAgent: ({ userAgent }) => text(userAgent),
  fingerprint: ({ fingerprint }) => text(fingerprint()),
  ja4: ({ ja4 }) => text(ja4),
  crawler: ({ crawler }) => text(crawler()),
  target: (facts) => targetOf(facts),
  anyHeader: ({ fields }) => fields?.values,
} as const satisfies Readonly<Record<FieldName, Read>>;

/** Path and query, as sent and decoded once. */
function targetOf({ rawPath, query }: Facts): readonly string[] {
  return asRead(query === "" ? rawPath : `${rawPath}?${query}`);
}

/** A text as sent, and decoded once where that differs. */
function asRead(source: string): readonly string[] {
  if (source === "") return none;
  if (!/[%+]/.test(source)) return [source];
  const plain = source
    .replaceAll("+", " ")
    .replace(/%([0-9a-f]{2})/gi, (_, digits: string) =>
      String.fromCharCode(Number.parseInt(digits, 16)),
    );
  return plain === source ? [source] : [source, plain];
}

const named: ReadonlySet<FieldName> = new Set(["query", "header", "cookie", "bodyField"]);

/** Whether the field is one of several and needs a name. */
export const isNamed = (field: FieldName): boolean => named.has(field);

function headerValues(fields: Fields | undefined, name: string): readonly string[] | undefined {
  if (fields === undefined) return undefined;
  const first = fields.lower.indexOf(name);
  if (first < 0) return none;
  const values: string[] = [];
  for (let at = first; at < fields.lower.length; at++) {
    if (fields.lower[at] === name) values.push(fields.values[at] ?? "");
  }
  return values;
}

function queryOf(facts: Facts): Named {
  facts.queryNamed ??= argumentsOf(facts.query);
  return facts.queryNamed;
}

function argumentsOf(source: string): Named {
  const parsed = parseArguments(source, "&");
  const found = new Map<string, string[]>();
  for (const [at, name] of parsed.names.entries()) add(found, name, parsed.values[at]?.text ?? "");
  return found;
}

function add(found: Map<string, string[]>, name: string, value: string): void {
  const values = found.get(name);
  if (values === undefined) found.set(name, [value]);
  else values.push(value);
}

function cookiesOf(facts: Facts): Named | undefined {
  if (facts.fields === undefined) return undefined;
  if (facts.cookies === undefined) {
    const found = new Map<string, string[]>();
    for (const header of headerValues(facts.fields, "cookie") ?? none) {
      parseCookies(header, (name, value) => add(found, name, value));
    }
    facts.cookies = found;
  }
  return facts.cookies;
}

/** Form fields by name, JSON values by path without the leading `json.`, else nothing. */
function bodyOf(facts: Facts): Named | undefined {
  if (facts.body === undefined) return undefined;
  if (facts.bodyNamed === undefined) {
    const type = headerValues(facts.fields, "content-type")?.[0] ?? "";
    facts.bodyNamed = bodyFields(type, facts.body);
  }
  return facts.bodyNamed;
}

function bodyFields(contentType: string, body: string): Named {
  const type = contentType.toLowerCase();
  if (type.startsWith("application/x-www-form-urlencoded")) return argumentsOf(body);
  const found = new Map<string, string[]>();
  if (/^application\/([\w.+-]*\+)?json\b/.test(type)) {
    readJson(body, (name, value) => add(found, name.replace(/^json\.?/, ""), value));
  } else if (type.startsWith("multipart/form-data")) {
    readMultipart(contentType, body, {
      argument: (name, value) => add(found, name, value),
      file: (name, fileName) => add(found, name, fileName),
      header: () => {},
      flag: () => {},
    });
  }
  return found;
}
