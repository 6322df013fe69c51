/**
 * The request signature JDCLOUD2-HMAC-SHA256, of the family of AWS Signature Version 4: canonical
 * request, string to sign, key chain, and the comparison. Pure; clock, nonces and secrets are the
 * caller's. Rules as the vendor's public JavaScript and Go SDKs sign.
 */
import { createHash, createHmac, timingSafeEqual } from "node:crypto";

export const SCHEME = "JDCLOUD2-HMAC-SHA256";

export const limits = { signedHeadersMax: 32, authorizationLengthMax: 1_024 } as const;

export type Scope = {
  /** `YYYYMMDD`. */
  readonly date: string;
  readonly region: string;
  readonly service: string;
};

export type ParsedAuthorization = {
  readonly accessKeyId: string;
  readonly scope: Scope;
  /** Lower case, sorted, each once. */
  readonly signedHeaders: readonly string[];
  readonly signature: Buffer;
};

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

const FORM =
  /^JDCLOUD2-HMAC-SHA256 Credential=([A-Za-z0-9_-]{1,128})\/(\d{8})\/([A-Za-z0-9_-]{1,64})\/([a-z0-9_-]{1,64})\/jdcloud2_request, ?SignedHeaders=([a-z0-9;_-]{1,800}), ?Signature=([0-9a-f]{64})$/;

/** Headers without which a signature says too little: they bind host, time and single use. */
const REQUIRED_HEADERS = ["host", "x-jdcloud-date", "x-jdcloud-nonce"] as const;

/** Reads the header; undefined when it has any other form. */
export function parseAuthorization(header: string): ParsedAuthorization | undefined {
  if (header.length > limits.authorizationLengthMax) return undefined;
  const match = FORM.exec(header);
  if (match === null) return undefined;
  const [, accessKeyId = "", date = "", region = "", service = "", names = "", hex = ""] = match;
  const signedHeaders = names.split(";");
  if (signedHeaders.length > limits.signedHeadersMax) return undefined;
  // INVARIANT: strictly ascending, so that no header is listed twice and there is one form.
  for (let at = 0; at < signedHeaders.length; at += 1) {
    const name = signedHeaders[at] ?? "";
    if (name === "" || (at > 0 && name <= (signedHeaders[at - 1] ?? ""))) return undefined;
  }
  if (!REQUIRED_HEADERS.every((name) => signedHeaders.includes(name))) return undefined;
  const signature = Buffer.from(hex, "hex");
  return { accessKeyId, scope: { date, region, service }, signedHeaders, signature };
}

/**
 * Headers that change what a request means and therefore must be signed when they are present.
 * All of the vendor's own, and the ones the server acts on.
 */
export function unsignedHeader(
  request: SignedRequest,
  { signedHeaders }: ParsedAuthorization,
): string | undefined {
  return Object.keys(request.headers).find(
    (name) =>
      (name.startsWith("x-jdcloud-") || name === "content-type" || name === "idempotency-key") &&
      request.headers[name] !== undefined &&
      !signedHeaders.includes(name),
  );
}

/** True when the signature is the one that this secret makes over this request. */
export function signatureMatches(
  request: SignedRequest,
  authorization: ParsedAuthorization,
  secret: string,
): boolean {
  const key = signingKey(secret, authorization.scope);
  // The SDKs differ: one signs the query strictly escaped and sorted, the other as it is sent.
  // Both are tried always, so that the time taken does not tell which form it was.
  let matched = false;
  for (const query of [canonicalQuery(request.query), request.query]) {
    if (query === undefined) continue;
    const wanted = hmac(key, stringToSign(request, authorization, query));
    if (timingSafeEqual(wanted, authorization.signature)) matched = true;
  }
  return matched;
}

/** The signature of a request; for clients and tests. */
export function sign(
  request: SignedRequest,
  authorization: Omit<ParsedAuthorization, "signature">,
  secret: string,
): string {
  const query = canonicalQuery(request.query) ?? request.query;
  const key = signingKey(secret, authorization.scope);
  return hmac(key, stringToSign(request, authorization, query)).toString("hex");
}

function stringToSign(
  request: SignedRequest,
  { scope, signedHeaders }: Omit<ParsedAuthorization, "signature">,
  query: string,
): string {
  const headers = signedHeaders.map((name) => `${name}:${trimmed(request.headers[name] ?? "")}\n`);
  const canonical = [
    request.method,
    request.path,
    query,
    headers.join(""),
    signedHeaders.join(";"),
    sha256(request.body),
  ].join("\n");
  return [
    SCHEME,
    trimmed(request.headers["x-jdcloud-date"] ?? ""),
    `${scope.date}/${scope.region}/${scope.service}/jdcloud2_request`,
    sha256(canonical),
  ].join("\n");
}

function trimmed(value: string): string {
  return value.replace(/\s+/g, " ").trim();
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

function signingKey(secret: string, { date, region, service }: Scope): Buffer {
  let key = hmac(Buffer.from(`JDCLOUD2${secret}`, "utf8"), date);
  for (const part of [region, service, "jdcloud2_request"]) key = hmac(key, part);
  return key;
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac("sha256", key).update(text, "utf8").digest();
}

function sha256(data: Buffer | string): string {
  return createHash("sha256").update(data).digest("hex");
}
