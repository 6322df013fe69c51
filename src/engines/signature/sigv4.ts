/**
 * AWS Signature Version 4 of requests whose signature stands in the Authorization header: canonical
 * request, string to sign, key chain and comparison. Pure; clock and secrets are the caller's.
 * Source: the published description of Signature Version 4.
 */
import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { canonicalQuery, type ParsedAuthorization, type SignedRequest } from "./jdcloud2.ts";

export const SIGV4_SCHEME = "AWS4-HMAC-SHA256";

const limits = { signedHeadersMax: 32, authorizationLengthMax: 1_024, keysKept: 256 } as const;

const FORM =
  /^AWS4-HMAC-SHA256 Credential=([A-Za-z0-9_-]{1,128})\/(\d{8})\/([A-Za-z0-9_-]{1,64})\/([a-z0-9_-]{1,64})\/aws4_request, ?SignedHeaders=([a-z0-9;_-]{1,800}), ?Signature=([0-9a-f]{64})$/;

/** Headers without which a signature says too little: host, time and the operation. */
const REQUIRED_HEADERS = ["host", "x-amz-date", "x-amz-target"] as const;

/** Reads the header; undefined when it has any other form. */
export function parseSigv4(header: string): ParsedAuthorization | undefined {
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
  const text = stringToSign(request, authorization);
  if (text === undefined) return false;
  const wanted = hmac(signingKey(secret, authorization.scope), text);
  return timingSafeEqual(wanted, authorization.signature);
}

/** The signature of a request, as hex; for clients and tests. */
export function signSigv4(
  request: SignedRequest,
  authorization: Omit<ParsedAuthorization, "signature">,
  secret: string,
): string {
  const text = stringToSign(request, authorization);
  if (text === undefined) throw new Error("Cannot sign: the query is not percent-encoded");
  return hmac(signingKey(secret, authorization.scope), text).toString("hex");
}

type Unsigned = Omit<ParsedAuthorization, "signature">;

function stringToSign(
  request: SignedRequest,
  { scope, signedHeaders }: Unsigned,
): string | undefined {
  const query = canonicalQuery(request.query);
  if (query === undefined) return undefined;
  const bodyHash = createHash("sha256").update(request.body).digest("hex");
  const told = request.headers["x-amz-content-sha256"];
  // INVARIANT: the body that is hashed is the body that is read; no unsigned payload is taken.
  if (told !== undefined && told !== bodyHash) return undefined;
  let headers = "";
  for (const name of signedHeaders) headers += `${name}:${trimmed(request.headers[name] ?? "")}\n`;
  const names = signedHeaders.join(";");
  const canonical = `${request.method}\n${request.path}\n${query}\n${headers}\n${names}\n${bodyHash}`;
  const hash = createHash("sha256").update(canonical).digest("hex");
  const date = trimmed(request.headers["x-amz-date"] ?? "");
  const place = `${scope.date}/${scope.region}/${scope.service}/aws4_request`;
  return `${SIGV4_SCHEME}\n${date}\n${place}\n${hash}`;
}

function trimmed(value: string): string {
  return /\s\s|^\s|\s$/.test(value) ? value.replace(/\s+/g, " ").trim() : value;
}

/** Keys derived for a day, region and service; the oldest goes first. */
const derivedKeys = new Map<string, Buffer>();

function signingKey(secret: string, { date, region, service }: Unsigned["scope"]): Buffer {
  const name = `${secret} ${date} ${region} ${service}`;
  const known = derivedKeys.get(name);
  if (known !== undefined) return known;
  let key = hmac(Buffer.from(`AWS4${secret}`, "utf8"), date);
  for (const part of [region, service, "aws4_request"]) key = hmac(key, part);
  const oldest = derivedKeys.keys().next();
  if (derivedKeys.size >= limits.keysKept && !oldest.done) derivedKeys.delete(oldest.value);
  derivedKeys.set(name, key);
  return key;
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac("sha256", key).update(text, "utf8").digest();
}
