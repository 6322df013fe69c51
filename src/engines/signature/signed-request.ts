/**
 * What the HMAC-SHA-256 request signatures of clouds have in common: the form of the Authorization
 * header, the canonical query, the string to sign and the chain of derived keys. A scheme adds its
 * words, its headers and what it leaves open. Pure; clock and secrets are the caller's.
 */
import { createHash, createHmac } from "node:crypto";

const limits = { signedHeadersMax: 32, authorizationLengthMax: 1_024 } as const;

export type Scope = { readonly date: string; readonly region: string; readonly service: string };

export type ParsedAuthorization = {
  readonly accessKeyId: string;
  readonly scope: Scope;
  /** Lower case, sorted, each once. */
  readonly signedHeaders: readonly string[];
  readonly signature: Buffer;
};

/** What is signed, before there is a signature. */
export type Unsigned = Omit<ParsedAuthorization, "signature">;

export type SignedRequest = {
  readonly method: string;
  /** Raw path as it came, neither decoded nor encoded again. */
  readonly path: string;
  /** Raw query as it came, without the question mark. */
  readonly query: string;
  /** Lower-case names; a header that came twice has its values joined. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: Buffer;
};

export type Scheme = {
  /** First word of the header and of the string to sign. */
  readonly name: string;
  /** What stands before the secret in the first key. */
  readonly keyPrefix: string;
  /** Last part of the scope and of the key chain. */
  readonly terminator: string;
  readonly dateHeader: string;
  /** Headers without which a signature says too little. */
  readonly requiredHeaders: readonly string[];
  /** The value of a header as it is signed. */
  trimmed(value: string): string;
};

/** Reads the header of a scheme; undefined when it has any other form. */
export function authorizationReader({ name, terminator, requiredHeaders }: Scheme) {
  const form = new RegExp(
    `^${name} Credential=([A-Za-z0-9_-]{1,128})\\/(\\d{8})\\/([A-Za-z0-9_-]{1,64})\\/` +
      `([a-z0-9_-]{1,64})\\/${terminator}, ?SignedHeaders=([a-z0-9;_-]{1,800}), ?` +
      "Signature=([0-9a-f]{64})$",
  );
  return (header: string): ParsedAuthorization | undefined => {
    if (header.length > limits.authorizationLengthMax) return undefined;
    const match = form.exec(header);
    if (match === null) return undefined;
    const [, accessKeyId = "", date = "", region = "", service = "", names = "", hex = ""] = match;
    const signedHeaders = names.split(";");
    if (signedHeaders.length > limits.signedHeadersMax) return undefined;
    // INVARIANT: strictly ascending, so that no header is listed twice and there is one form.
    for (let at = 0; at < signedHeaders.length; at += 1) {
      const one = signedHeaders[at] ?? "";
      if (one === "" || (at > 0 && one <= (signedHeaders[at - 1] ?? ""))) return undefined;
    }
    if (!requiredHeaders.every((required) => signedHeaders.includes(required))) return undefined;
    const signature = Buffer.from(hex, "hex");
    return { accessKeyId, scope: { date, region, service }, signedHeaders, signature };
  };
}

/** The string to sign of a request; `query` is canonical, `bodyHash` in hex. */
export function stringToSign(
  scheme: Scheme,
  { scope, signedHeaders }: Unsigned,
  { request, query, bodyHash }: { request: SignedRequest; query: string; bodyHash: string },
): string {
  let headers = "";
  for (const name of signedHeaders) {
    headers += `${name}:${scheme.trimmed(request.headers[name] ?? "")}\n`;
  }
  const names = signedHeaders.join(";");
  const canonical = `${request.method}\n${request.path}\n${query}\n${headers}\n${names}\n${bodyHash}`;
  const date = scheme.trimmed(request.headers[scheme.dateHeader] ?? "");
  const place = `${scope.date}/${scope.region}/${scope.service}/${scheme.terminator}`;
  return `${scheme.name}\n${date}\n${place}\n${sha256(canonical)}`;
}

/** The key of a day, region and service. */
export function signingKey(scheme: Scheme, secret: string, { date, region, service }: Scope) {
  let key = hmac(Buffer.from(`${scheme.keyPrefix}${secret}`, "utf8"), date);
  for (const part of [region, service, scheme.terminator]) key = hmac(key, part);
  return key;
}

/** Decoded, escaped strictly, sorted by name and value; undefined when it cannot be decoded. */
export function canonicalQuery(query: string): string | undefined {
  if (query === "") return "";
  const pairs: [string, string][] = [];
  for (const part of query.split("&")) {
    const at = part.indexOf("=");
    const name = decode(at === -1 ? part : part.slice(0, at));
    const value = decode(at === -1 ? "" : part.slice(at + 1));
    if (name === undefined || value === undefined) return undefined;
    pairs.push([escapeStrictly(name), escapeStrictly(value)]);
  }
  pairs.sort((left, right) => order(left[0], right[0]) || order(left[1], right[1]));
  return pairs.map(([name, value]) => `${name}=${value}`).join("&");
}

function order(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    return undefined;
  }
}

/** RFC 3986: everything but the unreserved characters. */
function escapeStrictly(text: string): string {
  const hex = (char: string) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`;
  return encodeURIComponent(text).replace(/[!'()*]/g, hex);
}

export function hmac(key: Buffer, text: string): Buffer {
  return createHmac("sha256", key).update(text, "utf8").digest();
}

export function sha256(data: Buffer | string): string {
  return createHash("sha256").update(data).digest("hex");
}
