/** Signatures and message authentication codes with key versions. */
import {
  constants,
  createHmac,
  type KeyObject,
  sign as nodeSign,
  verify as nodeVerify,
  timingSafeEqual,
} from "node:crypto";
import { KeydError } from "../../kernel/keyd/protocol.ts";
import { type Material, nativeOf } from "./material.ts";
import { openssl } from "./openssl.ts";
import { sm2Sign, sm2Verify } from "./sm2.ts";

const SIGNATURE_BYTES_MAX = 1_024;
/** rsa.h: RSA_PSS_SALTLEN_DIGEST, a salt as long as the digest. */
const SALT_LIKE_DIGEST = -1;
const DIGEST_BYTES: Readonly<Record<string, number>> = { sha256: 32, sha384: 48, sha512: 64 };

type Signing = { readonly algorithm: string; readonly messageType: string };

/** @throws KeydError algorithmInvalid, algorithmUnavailable, inputInvalid. */
export function signMessage(material: Material, signing: Signing, message: Buffer): Buffer {
  if (signing.messageType === "DIGEST") return signDigest(material, signing.algorithm, message);
  if (material.facts.family === "sm2") return sm2Sign(nativeOf(material), message);
  const { hash, ...padding } = schemeOf(signing.algorithm);
  return nodeSign(hash ?? null, message, { key: keyOf(material.privateKey), ...padding });
}

export function verifyMessage(
  material: Material,
  signing: Signing,
  { message, signature }: { message: Buffer; signature: Buffer },
): boolean {
  if (signing.messageType === "DIGEST") {
    return verifyDigest(material, signing.algorithm, { digest: message, signature });
  }
  if (material.facts.family === "sm2") {
    return sm2Verify(nativeOf(material), { message, signature });
  }
  const { hash, ...padding } = schemeOf(signing.algorithm);
  const key = { key: keyOf(material.publicKey), ...padding };
  try {
    return nodeVerify(hash ?? null, message, key, signature);
  } catch {
    // A signature of an impossible form is a wrong signature.
    return false;
  }
}

function schemeOf(algorithm: string): { hash?: string; padding?: number; saltLength?: number } {
  const hash = /SHA_(256|384|512)$/.exec(algorithm)?.[1];
  if (algorithm.startsWith("ED25519") || algorithm.startsWith("ML_DSA")) return {};
  if (hash === undefined) throw new KeydError("algorithmInvalid", `No "${algorithm}" here`);
  const named = { hash: `sha${hash}` };
  if (algorithm.startsWith("RSASSA_PSS")) {
    const saltLength = constants.RSA_PSS_SALTLEN_DIGEST;
    return { ...named, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength };
  }
  return algorithm.startsWith("RSASSA")
    ? { ...named, padding: constants.RSA_PKCS1_PADDING }
    : named;
}

/** Node signs messages only; a digest made by the caller goes to OpenSSL itself. */
function signDigest(material: Material, algorithm: string, digest: Buffer): Buffer {
  const ssl = openssl();
  const context = digestContext(material, algorithm, { digest, verify: false });
  try {
    const signature = Buffer.alloc(SIGNATURE_BYTES_MAX);
    const length = [signature.length];
    if (ssl.EVP_PKEY_sign(context, signature, length, digest, digest.length) !== 1) {
      throw new Error("Cannot sign the digest: OpenSSL refused");
    }
    return signature.subarray(0, length[0]);
  } finally {
    ssl.EVP_PKEY_CTX_free(context);
    ssl.ERR_clear_error();
  }
}

function verifyDigest(
  material: Material,
  algorithm: string,
  { digest, signature }: { digest: Buffer; signature: Buffer },
): boolean {
  const ssl = openssl();
  const context = digestContext(material, algorithm, { digest, verify: true });
  try {
    const { length } = signature;
    return ssl.EVP_PKEY_verify(context, signature, length, digest, digest.length) === 1;
  } finally {
    ssl.EVP_PKEY_CTX_free(context);
    ssl.ERR_clear_error();
  }
}

function digestContext(
  material: Material,
  algorithm: string,
  { digest, verify }: { digest: Buffer; verify: boolean },
): unknown {
  const { family } = material.facts;
  if (family !== "sm2" && material.privateKey === undefined) {
    throw new KeydError("algorithmInvalid", "A public key alone verifies messages, not digests");
  }
  if (family === "ed25519" || family === "ml-dsa") {
    throw new KeydError("algorithmInvalid", `${algorithm} signs messages, not digests`);
  }
  const { hash = "sm3", padding } = family === "sm2" ? {} : schemeOf(algorithm);
  const wanted = DIGEST_BYTES[hash] ?? 32;
  if (digest.length !== wanted) {
    const message = `A digest for ${algorithm} has ${wanted} bytes, not ${digest.length}`;
    throw new KeydError("inputInvalid", message);
  }
  const ssl = openssl();
  const context = ssl.EVP_PKEY_CTX_new_from_pkey(null, nativeOf(material), null);
  const start = verify ? ssl.EVP_PKEY_verify_init : ssl.EVP_PKEY_sign_init;
  let ok = start(context) === 1;
  if (ok && padding !== undefined) {
    ok =
      Number(ssl.EVP_PKEY_CTX_set_rsa_padding(context, padding)) > 0 &&
      Number(ssl.EVP_PKEY_CTX_set_signature_md(context, ssl.EVP_get_digestbyname(hash))) > 0;
    if (ok && padding === constants.RSA_PKCS1_PSS_PADDING) {
      ok = Number(ssl.EVP_PKEY_CTX_set_rsa_pss_saltlen(context, SALT_LIKE_DIGEST)) > 0;
    }
  }
  if (ok) return context;
  ssl.EVP_PKEY_CTX_free(context);
  throw new Error("Cannot prepare a signature: OpenSSL refused");
}

export function macOf({ secretKey, facts }: Material, message: Buffer): Buffer {
  if (secretKey === undefined) throw new KeydError("algorithmInvalid", "The key makes no MAC");
  return createHmac(facts.parameter, secretKey).update(message).digest();
}

/** Whole tags only, in constant time. */
export function macMatches(material: Material, message: Buffer, mac: Buffer): boolean {
  const expected = macOf(material, message);
  return mac.length === expected.length && timingSafeEqual(mac, expected);
}

function keyOf(key: KeyObject | undefined): KeyObject {
  if (key === undefined) throw new KeydError("algorithmInvalid", "The key cannot sign");
  return key;
}
