/**
 * JSON Web Signatures as ACME uses them (RFC 7515 flattened, RFC 8555 §6.2): read, verified and
 * made. Only algorithms with a public key here; the MAC of external accounts has its own functions.
 */
import {
  createHash,
  createHmac,
  createPublicKey,
  type JsonWebKey,
  type KeyObject,
  sign,
  timingSafeEqual,
  verify,
} from "node:crypto";

export const jwsLimits = {
  /** A request with a certificate request of 100 names takes less than 32 KiB. */
  bytesMax: 131_072,
  rsaBitsMin: 2_048,
  rsaBitsMax: 8_192,
} as const;

export type Jwk = Readonly<Record<string, string>>;

export type ProtectedHeader = {
  readonly alg: string;
  readonly url: string;
  readonly nonce?: string;
  readonly kid?: string;
  readonly jwk?: Jwk;
};

export type Jws = {
  readonly header: ProtectedHeader;
  /** Decoded payload; empty for POST-as-GET (RFC 8555 §6.3). */
  readonly payload: string;
  readonly signingInput: string;
  readonly signature: Buffer;
};

const BASE64URL = /^[A-Za-z0-9_-]*$/;

/** A request body as JWS; undefined when it is none. Nothing of it is verified yet. */
export function readJws(body: string): Jws | undefined {
  if (body.length > jwsLimits.bytesMax) return undefined;
  return jwsOf(parseObject(body));
}

/** The same of a value that is parsed already, such as an inner JWS. */
export function jwsOf(parsed: unknown): Jws | undefined {
  const fields = record(parsed);
  const texts = [fields?.protected, fields?.payload, fields?.signature];
  const [head, payload, signature] = texts.map((text) =>
    typeof text === "string" && BASE64URL.test(text) ? text : undefined,
  );
  if (head === undefined || payload === undefined || signature === undefined) return undefined;
  // RFC 8555 §6.2: no unprotected header, and one signature only.
  if (fields?.header !== undefined || fields?.signatures !== undefined) return undefined;
  const header = headerOf(parseObject(Buffer.from(head, "base64url").toString("utf8")));
  if (header === undefined) return undefined;
  return {
    header,
    payload: Buffer.from(payload, "base64url").toString("utf8"),
    signingInput: `${head}.${payload}`,
    signature: Buffer.from(signature, "base64url"),
  };
}

function headerOf(parsed: unknown): ProtectedHeader | undefined {
  const fields = record(parsed);
  if (fields === undefined) return undefined;
  const { alg, url, nonce, kid, jwk } = fields;
  if (typeof alg !== "string" || typeof url !== "string" || fields.crit !== undefined) {
    return undefined;
  }
  const key = jwk === undefined ? undefined : jwkOf(jwk);
  if (jwk !== undefined && key === undefined) return undefined;
  return {
    alg,
    url,
    ...(typeof nonce === "string" ? { nonce } : {}),
    ...(typeof kid === "string" ? { kid } : {}),
    ...(key === undefined ? {} : { jwk: key }),
  };
}

/** Public members by key type, in the order of RFC 7638 §3.2; no other member is kept. */
const MEMBERS: Readonly<Record<string, readonly string[]>> = {
  EC: ["crv", "kty", "x", "y"],
  RSA: ["e", "kty", "n"],
  OKP: ["crv", "kty", "x"],
};

/** A public key as JWK with its public members only; undefined when it is none. */
export function jwkOf(value: unknown): Jwk | undefined {
  const fields = record(value);
  const members = typeof fields?.kty === "string" ? MEMBERS[fields.kty] : undefined;
  if (fields === undefined || members === undefined || fields.d !== undefined) return undefined;
  const jwk: Record<string, string> = {};
  for (const member of members) {
    const text = fields[member];
    if (typeof text !== "string") return undefined;
    jwk[member] = text;
  }
  return jwk;
}

/** RFC 7638, base64url. The members are sorted here: a database may keep them in any order. */
export function thumbprint(jwk: Jwk): string {
  const sorted = Object.fromEntries(Object.entries(jwk).sort(([a], [b]) => (a < b ? -1 : 1)));
  return createHash("sha256").update(JSON.stringify(sorted)).digest("base64url");
}

type Algorithm = { readonly hash: string | null; readonly dsaEncoding?: "ieee-p1363" };

/** How to verify each algorithm, and which keys it takes (RFC 7518 §3.1, RFC 8037). */
function algorithmFor(alg: string, jwk: Jwk): Algorithm | undefined {
  const kind = `${jwk.kty} ${jwk.crv ?? ""}`.trim();
  const known: Readonly<Record<string, readonly [kind: string, hash: string | null]>> = {
    ES256: ["EC P-256", "sha256"],
    ES384: ["EC P-384", "sha384"],
    ES512: ["EC P-521", "sha512"],
    RS256: ["RSA", "sha256"],
    EdDSA: ["OKP Ed25519", null],
  };
  const [wanted, hash = null] = known[alg] ?? [];
  if (wanted !== kind) return undefined;
  return { hash, ...(jwk.kty === "EC" ? { dsaEncoding: "ieee-p1363" } : {}) };
}

export type JwsVerdict = "valid" | "algorithm" | "key" | "signature";

/** Verifies the signature by this key. */
export function verifyJws(jws: Jws, jwk: Jwk): JwsVerdict {
  const algorithm = algorithmFor(jws.header.alg, jwk);
  if (algorithm === undefined) return "algorithm";
  const key = publicKeyOf(jwk);
  if (key === undefined) return "key";
  const { hash, dsaEncoding } = algorithm;
  const how = dsaEncoding === undefined ? { key } : { key, dsaEncoding };
  const holds = verify(hash, Buffer.from(jws.signingInput), how, jws.signature);
  return holds ? "valid" : "signature";
}

/** The key object; undefined when the JWK is no point or number that is used here. */
export function publicKeyOf(jwk: Jwk): KeyObject | undefined {
  try {
    const key = createPublicKey({ key: jwk as JsonWebKey, format: "jwk" });
    const bits = key.asymmetricKeyDetails?.modulusLength;
    const fits =
      bits === undefined || (bits >= jwsLimits.rsaBitsMin && bits <= jwsLimits.rsaBitsMax);
    return fits ? key : undefined;
  } catch {
    return undefined;
  }
}

/** Public JWK of a private key. */
export function jwkOfKey(key: KeyObject): Jwk {
  const jwk = jwkOf(createPublicKey(key).export({ format: "jwk" }));
  if (jwk === undefined) throw new Error("The key has no form as JWK that is used here");
  return jwk;
}

/** A signed request body (P-256 keys, ES256). `payload` undefined makes a POST-as-GET. */
export function signJws(
  key: KeyObject,
  header: { readonly url: string; readonly nonce?: string; readonly kid?: string },
  payload: unknown,
): string {
  const jwk = header.kid === undefined ? { jwk: jwkOfKey(key) } : {};
  const head = encode({ alg: "ES256", ...jwk, ...header });
  const body = payload === undefined ? "" : encode(payload);
  const input = Buffer.from(`${head}.${body}`);
  const signature = sign("sha256", input, { key, dsaEncoding: "ieee-p1363" });
  return JSON.stringify({
    protected: head,
    payload: body,
    signature: signature.toString("base64url"),
  });
}

/** The externalAccountBinding of a new account (RFC 8555 §7.3.4). */
export function signExternalAccount(
  mac: Buffer,
  header: { readonly kid: string; readonly url: string },
  accountKey: Jwk,
): unknown {
  const head = encode({ alg: "HS256", ...header });
  const body = encode(accountKey);
  const signature = createHmac("sha256", mac).update(`${head}.${body}`).digest("base64url");
  return { protected: head, payload: body, signature };
}

/** Whether an externalAccountBinding is by this MAC key and about this account key. */
export function verifyExternalAccount(
  jws: Jws,
  { mac, url, accountKey }: { mac: Buffer; url: string; accountKey: Jwk },
): boolean {
  const { alg, nonce, kid } = jws.header;
  if (alg !== "HS256" || nonce !== undefined || kid === undefined || jws.header.url !== url) {
    return false;
  }
  const wanted = createHmac("sha256", mac).update(jws.signingInput).digest();
  const about = jwkOf(parseObject(jws.payload));
  const equal = wanted.length === jws.signature.length && timingSafeEqual(wanted, jws.signature);
  return equal && about !== undefined && thumbprint(about) === thumbprint(accountKey);
}

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");

function record(value: unknown): Readonly<Record<string, unknown>> | undefined {
  const isRecord = typeof value === "object" && value !== null && !Array.isArray(value);
  return isRecord ? { ...value } : undefined;
}

/** JSON of an object; undefined when the text is not. */
export function parseObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    return record(JSON.parse(text));
  } catch {
    return undefined;
  }
}
