/**
 * The request signature JDCLOUD2-HMAC-SHA256, of the family of AWS Signature Version 4. Rules as
 * the vendor's public JavaScript and Go SDKs sign.
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

export const SCHEME = "JDCLOUD2-HMAC-SHA256";

const scheme: Scheme = {
  name: SCHEME,
  keyPrefix: "JDCLOUD2",
  terminator: "jdcloud2_request",
  dateHeader: "x-jdcloud-date",
  // They bind host, time and single use.
  requiredHeaders: ["host", "x-jdcloud-date", "x-jdcloud-nonce"],
  trimmed: (value) => value.replace(/\s+/g, " ").trim(),
};

/** Reads the header; undefined when it has any other form. */
export const parseAuthorization = authorizationReader(scheme);

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
  const key = signingKey(scheme, secret, authorization.scope);
  const bodyHash = sha256(request.body);
  // The SDKs differ: one signs the query strictly escaped and sorted, the other as it is sent.
  // Both are tried always, so that the time taken does not tell which form it was.
  let matched = false;
  for (const query of [canonicalQuery(request.query), request.query]) {
    if (query === undefined) continue;
    const text = stringToSign(scheme, authorization, { request, query, bodyHash });
    if (timingSafeEqual(hmac(key, text), authorization.signature)) matched = true;
  }
  return matched;
}

/** The signature of a request; for clients and tests. */
export function sign(request: SignedRequest, authorization: Unsigned, secret: string): string {
  const query = canonicalQuery(request.query) ?? request.query;
  const bodyHash = sha256(request.body);
  const text = stringToSign(scheme, authorization, { request, query, bodyHash });
  return hmac(signingKey(scheme, secret, authorization.scope), text).toString("hex");
}
