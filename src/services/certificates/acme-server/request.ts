/** A signed request checked step by step (RFC 8555 §6.2–§6.5) before a handler sees it. */
import {
  type Jwk,
  type Jws,
  parseObject,
  readJws,
  thumbprint,
  verifyJws,
} from "../../../engines/acme/jws.ts";
import type { MountRequest } from "../../../kernel/http/mount.ts";
import type { Nonces } from "./nonces.ts";
import { AcmeProblem, type AcmeUrls } from "./protocol.ts";
import type { AcmeAccountRow, AcmeStore } from "./store.ts";

export type Signed = {
  readonly jws: Jws;
  readonly jwk: Jwk;
  readonly thumbprint: string;
  /** The account of the `kid`, or of the key when the request carries its key. */
  readonly account: AcmeAccountRow | undefined;
  /** Empty for POST-as-GET. */
  readonly payload: Readonly<Record<string, unknown>>;
  readonly isPostAsGet: boolean;
};

/** Which kind of key a request must name. */
export type KeyKind = "jwk" | "kid" | "either";

/** @throws AcmeProblem malformed, badNonce, badSignatureAlgorithm, unauthorized, … */
export async function readSigned(
  request: MountRequest,
  parts: { nonces: Nonces; store: AcmeStore; urls: AcmeUrls; url: string; kind: KeyKind },
): Promise<Signed> {
  if (!request.contentType.startsWith("application/jose+json")) {
    throw new AcmeProblem("malformed", "The content type must be application/jose+json", {
      status: 415,
    });
  }
  const jws = readJws(request.body.toString("latin1"));
  if (jws === undefined) throw new AcmeProblem("malformed", "The body is no flattened JWS");
  const { header } = jws;
  if (header.nonce === undefined || !parts.nonces.take(header.nonce)) {
    throw new AcmeProblem("badNonce", "The nonce is unknown, used or too old");
  }
  if (header.url !== parts.url) {
    throw new AcmeProblem("unauthorized", `The signed URL is not ${parts.url}`, { status: 403 });
  }
  const { jwk, account } = await keyOf(jws, parts);
  const verdict = verifyJws(jws, jwk);
  if (verdict === "algorithm") {
    throw new AcmeProblem("badSignatureAlgorithm", `"${header.alg}" does not go with this key`);
  }
  if (verdict === "key") throw new AcmeProblem("badPublicKey", "The account key cannot be used");
  if (verdict === "signature") {
    throw new AcmeProblem("malformed", "The signature does not hold", { status: 403 });
  }
  const isPostAsGet = jws.payload === "";
  const payload = isPostAsGet ? {} : parseObject(jws.payload);
  if (payload === undefined) throw new AcmeProblem("malformed", "The payload is no JSON object");
  return { jws, jwk, thumbprint: thumbprint(jwk), account, payload, isPostAsGet };
}

async function keyOf(
  { header }: Jws,
  { store, urls, kind }: { store: AcmeStore; urls: AcmeUrls; kind: KeyKind },
): Promise<{ jwk: Jwk; account: AcmeAccountRow | undefined }> {
  const { jwk, kid } = header;
  if ((jwk === undefined) === (kid === undefined)) {
    throw new AcmeProblem("malformed", "Exactly one of jwk and kid must be there");
  }
  if (jwk !== undefined) {
    if (kind === "kid") throw new AcmeProblem("malformed", "This request must name its account");
    return { jwk, account: await store.accountByKey(thumbprint(jwk)) };
  }
  if (kind === "jwk") throw new AcmeProblem("malformed", "This request must carry its key");
  const prefix = urls.account("");
  const id = kid?.startsWith(prefix) ? kid.slice(prefix.length) : "";
  const account = await store.account(id);
  if (account === undefined) {
    throw new AcmeProblem("accountDoesNotExist", "There is no such account");
  }
  if (account.status !== "valid") {
    throw new AcmeProblem("unauthorized", `The account is ${account.status}`, { status: 403 });
  }
  return { jwk: account.jwk, account };
}
