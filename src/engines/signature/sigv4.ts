/**
 * AWS Signature Version 4 of requests whose signature stands in the Authorization header. Source:
 * the published description of Signature Version 4.
 */
import { timingSafeEqual } from "node:crypto";
import {
  authorizationReader,
  canonicalQuery,
  hmac,
  type ParsedAuthorization,
  type Scheme,
  type SignedRequest,
  sha256,
  signingKey,
  stringToSign,
  type Unsigned,
} from "./signed-request.ts";

export const SIGV4_SCHEME = "AWS4-HMAC-SHA256";

const limits = { keysKept: 256 } as const;

const scheme: Scheme = {
  name: SIGV4_SCHEME,
  keyPrefix: "AWS4",
  terminator: "aws4_request",
  dateHeader: "x-amz-date",
  // They bind host, time and the operation.
  requiredHeaders: ["host", "x-amz-date", "x-amz-target"],
  trimmed: (value) => (/\s\s|^\s|\s$/.test(value) ? value.replace(/\s+/g, " ").trim() : value),
};

/** Reads the header; undefined when it has any other form. */
export const parseSigv4 = authorizationReader(scheme);

/** A header that changes what the request means and is not signed; undefined when none. */
export function unsignedAmzHeader(
  request: SignedRequest,
  { signedHeaders }: ParsedAuthorization,
): string | undefined {
  return Object.keys(request.headers).find(
    (name) =>
      (name.startsWith("x-amz-") || name === "content-type") &&
      name !== "x-amz-user-agent" &&
      request.headers[name] !== undefined &&
      !signedHeaders.includes(name),
  );
}

/** True when the signature is the one that this secret makes over this request. */
export function sigv4Matches(
  request: SignedRequest,
  authorization: ParsedAuthorization,
  secret: string,
): boolean {
  const text = textOf(request, authorization);
  if (text === undefined) return false;
  return timingSafeEqual(hmac(keptKey(secret, authorization.scope), text), authorization.signature);
}

/** The signature of a request, as hex; for clients and tests. */
export function signSigv4(request: SignedRequest, authorization: Unsigned, secret: string): string {
  const text = textOf(request, authorization);
  if (text === undefined) throw new Error("Cannot sign: the query is not percent-encoded");
  return hmac(keptKey(secret, authorization.scope), text).toString("hex");
}

/** The string to sign; undefined when the query or the told hash of the body is wrong. */
function textOf(request: SignedRequest, authorization: Unsigned): string | undefined {
  const query = canonicalQuery(request.query);
  if (query === undefined) return undefined;
  const bodyHash = sha256(request.body);
  const told = request.headers["x-amz-content-sha256"];
  // INVARIANT: the body that is hashed is the body that is read; no unsigned payload is taken.
  if (told !== undefined && told !== bodyHash) return undefined;
  return stringToSign(scheme, authorization, { request, query, bodyHash });
}

/** Keys derived for a day, region and service; the oldest goes first. */
const derivedKeys = new Map<string, Buffer>();

function keptKey(secret: string, scope: Unsigned["scope"]): Buffer {
  const name = `${secret} ${scope.date} ${scope.region} ${scope.service}`;
  const known = derivedKeys.get(name);
  if (known !== undefined) return known;
  const key = signingKey(scheme, secret, scope);
  const oldest = derivedKeys.keys().next();
  if (derivedKeys.size >= limits.keysKept && !oldest.done) derivedKeys.delete(oldest.value);
  derivedKeys.set(name, key);
  return key;
}
