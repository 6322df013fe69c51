/** JSON Web Tokens (RFC 7519), compact form: their claims, and whether a key stands behind them. */
import {
  constants,
  createHash,
  createHmac,
  createPublicKey,
  type JsonWebKey,
  type KeyObject,
  timingSafeEqual,
  verify,
} from "node:crypto";

const limits = { tokenBytesMax: 8_192, keysMax: 16, verifiedMax: 2_000, skewSeconds: 60 } as const;

type Claims = Readonly<Record<string, unknown>>;
type Token = { readonly header: Claims; readonly claims: Claims; readonly signed: string };
type KnownKey = { readonly kid: string; readonly key: KeyObject };

/** Claims of a bearer token, or why it names nobody. */
export type TokenReading =
  | { readonly claims: Claims; readonly fault: null }
  | { readonly claims: null; readonly fault: "noToken" | "malformed" | "untrusted" | "expired" };

/** Reads a token, at `nowMs` where it is verified. */
export type TokenReader = (token: string, nowMs: number) => TokenReading;

/** Believes what the token says. Whoever sends a request can write any name. */
export const unverifiedReader: TokenReader = (text) => {
  const token = parsed(text);
  if (token === null) return { claims: null, fault: "malformed" };
  return { claims: token.claims, fault: null };
};

/** Demands a signature by one key of a set (RFC 7517). @throws when the set has no usable key. */
export function jwksReader(jwks: string): TokenReader {
  const keys = keysOf(jwks);
  return remembering((token, signature) => {
    const { alg, kid } = token.header;
    const fitting = keys.filter((one) => kid === undefined || one.kid === "" || one.kid === kid);
    return fitting.some(({ key }) => isSignedBy(key, String(alg), token.signed, signature));
  });
}

/** Demands an HMAC under a shared secret: HS256, HS384 or HS512. */
export function secretReader(secret: string): TokenReader {
  return remembering((token, signature) => {
    const bits = /^HS(256|384|512)$/.exec(String(token.header.alg))?.[1];
    if (bits === undefined) return false;
    const wanted = createHmac(`sha${bits}`, secret).update(token.signed).digest();
    return wanted.length === signature.length && timingSafeEqual(wanted, signature);
  });
}

/** The public keys of a set that can verify. @throws RangeError when there is none. */
export function keysOf(jwks: string): readonly KnownKey[] {
  const set: unknown = JSON.parse(jwks);
  const list = record(set)?.keys;
  const keys = (Array.isArray(list) ? list : []).slice(0, limits.keysMax).flatMap((one) => {
    const jwk = record(one);
    // A symmetric key in a public set would let anybody sign.
    if (jwk === null || jwk.kty === "oct" || jwk.use === "enc") return [];
    try {
      const key = createPublicKey({ key: jwk as JsonWebKey, format: "jwk" });
      return [{ kid: typeof jwk.kid === "string" ? jwk.kid : "", key }];
    } catch {
      return [];
    }
  });
  if (keys.length === 0) throw new RangeError("the set has no public key that can verify");
  return keys;
}

/** Verified tokens are remembered by digest, so that a session costs one signature. */
function remembering(isTrusted: (token: Token, signature: Buffer) => boolean): TokenReader {
  const known = new Map<string, Claims>();
  return (text, nowMs) => {
    const token = parsed(text);
    if (token === null) return { claims: null, fault: "malformed" };
    const digest = createHash("sha256").update(text).digest("base64");
    if (!known.has(digest)) {
      const signature = Buffer.from(text.slice(text.lastIndexOf(".") + 1), "base64url");
      if (!isTrusted(token, signature)) return { claims: null, fault: "untrusted" };
      if (known.size >= limits.verifiedMax) known.clear();
      known.set(digest, token.claims);
    }
    const nowSeconds = nowMs / 1_000;
    const { exp, nbf } = token.claims;
    const isOver = typeof exp === "number" && exp + limits.skewSeconds < nowSeconds;
    const isEarly = typeof nbf === "number" && nbf - limits.skewSeconds > nowSeconds;
    return isOver || isEarly
      ? { claims: null, fault: "expired" }
      : { claims: token.claims, fault: null };
  };
}

function parsed(text: string): Token | null {
  if (text.length > limits.tokenBytesMax) return null;
  const [head = "", body = "", signature, more] = text.split(".");
  if (signature === undefined || more !== undefined) return null;
  const header = jsonOf(head);
  const claims = jsonOf(body);
  if (header === null || claims === null) return null;
  return { header, claims, signed: `${head}.${body}` };
}

function jsonOf(base64url: string): Claims | null {
  try {
    return record(JSON.parse(Buffer.from(base64url, "base64url").toString("utf8")));
  } catch {
    return null;
  }
}

const record = (value: unknown): Claims | null =>
  typeof value === "object" && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value))
    : null;

/** RFC 7518 §3.3 to §3.5 and RFC 8037 §3.1; the kind of key must be the algorithm's. */
function isSignedBy(key: KeyObject, alg: string, signed: string, signature: Buffer): boolean {
  const data = Buffer.from(signed, "latin1");
  const kind = key.asymmetricKeyType;
  const bits = alg.slice(2);
  if (/^(RS|PS)(256|384|512)$/.test(alg)) {
    const pss = alg.startsWith("PS")
      ? {
          padding: constants.RSA_PKCS1_PSS_PADDING,
          saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
        }
      : {};
    return kind === "rsa" && verify(`sha${bits}`, data, { key, ...pss }, signature);
  }
  if (/^ES(256|384|512)$/.test(alg)) {
    const shape = { key, dsaEncoding: "ieee-p1363" } as const;
    return kind === "ec" && verify(`sha${bits}`, data, shape, signature);
  }
  return alg === "EdDSA" && kind === "ed25519" && verify(null, data, key, signature);
}
