/**
 * Encryption under a symmetric key version. Messages are not encrypted by the key itself but by
 * one derived from it and a random salt that lives as long as this process uses the key. So the
 * number of random nonces under one AES key is known exactly and stays far below 2^32
 * (NIST SP 800-38D §8.3), however often keyd was started.
 */
import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  type KeyObject,
  randomBytes,
  timingSafeEqual,
} from "node:crypto";
import { bindingBytes, type KeyBinding } from "../../engines/keys/binding.ts";
import { type CiphertextAlgorithm, encodeBlobHead, readBlobHead } from "../../engines/keys/blob.ts";
import { gcmOpen, gcmSeal } from "./gcm.ts";
import { takeRandom } from "./random-pool.ts";
import { sm4GcmDecrypt, sm4GcmEncrypt } from "./sm4-gcm.ts";

const SALT_BYTES = 16;
const SM4_KEY_BYTES = 16;
const SM3_BYTES = 32;
const BLOCK_BYTES = 16;
const GCM_NONCE_BYTES = 12;
/** Messages under one derived key; NIST allows 2^32 with random nonces. */
const USES_PER_SALT_MAX = 2 ** 30;
/** Derived keys of other salts that are kept, for decrypting. */
const SALTS_KEPT_MAX = 8;

type Derived = { readonly salt: Buffer; readonly key: KeyObject | Buffer; readonly mac: Buffer };

/** A symmetric key version in use. */
export type SymmetricKey = {
  readonly secret: Buffer;
  readonly binding: KeyBinding;
  /** Per algorithm: the head of every ciphertext and the first part of its AAD. */
  readonly heads: Map<CiphertextAlgorithm, { readonly blob: Buffer; readonly aad: Buffer }>;
  readonly current: Map<CiphertextAlgorithm, { derived: Derived; uses: number }>;
  readonly earlier: Map<string, Derived>;
};

export function symmetricKey(secret: Buffer, binding: KeyBinding): SymmetricKey {
  return { secret, binding, heads: new Map(), current: new Map(), earlier: new Map() };
}

/** The blob: `head | salt | body`. `context` is canonical bytes. */
export function encryptBlob(
  key: SymmetricKey,
  algorithm: CiphertextAlgorithm,
  { context, plaintext }: { context: Buffer; plaintext: Buffer },
): Buffer {
  const { blob, aad } = headOf(key, algorithm);
  let current = key.current.get(algorithm);
  if (current === undefined || current.uses >= USES_PER_SALT_MAX) {
    current = { derived: derive(key, algorithm, randomBytes(SALT_BYTES)), uses: 0 };
    key.current.set(algorithm, current);
  }
  current.uses += 1;
  const { derived } = current;
  const whole = Buffer.concat([aad, derived.salt, context]);
  return Buffer.concat([blob, derived.salt, sealBody(algorithm, derived, whole, plaintext)]);
}

/** Undefined when the key, context or any byte is wrong; nothing tells which. */
export function decryptBlob(
  key: SymmetricKey,
  { context, ciphertext }: { context: Buffer; ciphertext: Buffer },
): Buffer | undefined {
  const head = readBlobHead(ciphertext);
  const { binding } = key;
  if (head === undefined || head.key !== binding.key || head.version !== binding.version) {
    return undefined;
  }
  const aes = binding.algorithm === "SYMMETRIC_DEFAULT";
  if (aes !== (head.algorithm === "SYMMETRIC_DEFAULT")) return undefined;
  const bodyOffset = head.bodyOffset + SALT_BYTES;
  if (ciphertext.length < bodyOffset) return undefined;
  const salt = ciphertext.subarray(head.bodyOffset, bodyOffset);
  const derived = derivedFor(key, head.algorithm, salt);
  const whole = Buffer.concat([headOf(key, head.algorithm).aad, salt, context]);
  return openBody(head.algorithm, derived, whole, ciphertext.subarray(bodyOffset));
}

function headOf(key: SymmetricKey, algorithm: CiphertextAlgorithm) {
  let head = key.heads.get(algorithm);
  if (head === undefined) {
    const { binding } = key;
    const blob = encodeBlobHead({ key: binding.key, version: binding.version, algorithm });
    const aad = bindingBytes(`cordon ciphertext ${algorithm}`, binding);
    head = { blob, aad };
    key.heads.set(algorithm, head);
  }
  return head;
}

function derivedFor(key: SymmetricKey, algorithm: CiphertextAlgorithm, salt: Buffer): Derived {
  const current = key.current.get(algorithm)?.derived;
  if (current?.salt.equals(salt) === true) return current;
  const name = `${algorithm} ${salt.toString("latin1")}`;
  const known = key.earlier.get(name);
  if (known !== undefined) return known;
  const derived = derive(key, algorithm, Buffer.from(salt));
  const oldest = key.earlier.keys().next();
  if (key.earlier.size >= SALTS_KEPT_MAX && !oldest.done) key.earlier.delete(oldest.value);
  key.earlier.set(name, derived);
  return derived;
}

/** One block of a KDF in counter form: HMAC over label and salt (NIST SP 800-108 §4.1). */
function derive(key: SymmetricKey, algorithm: CiphertextAlgorithm, salt: Buffer): Derived {
  const aes = algorithm === "SYMMETRIC_DEFAULT";
  const block = (use: string) =>
    createHmac(aes ? "sha256" : "sm3", key.secret)
      .update(`cordon ${algorithm} ${use}\0`)
      .update(salt)
      .digest();
  if (aes) return { salt, key: createSecretKey(block("encrypt")), mac: Buffer.alloc(0) };
  const bytes = block("encrypt").subarray(0, SM4_KEY_BYTES);
  if (algorithm === "SM4_GCM") return { salt, key: bytes, mac: Buffer.alloc(0) };
  return { salt, key: bytes, mac: block("authenticate") };
}

function sealBody(
  algorithm: CiphertextAlgorithm,
  { key, mac }: Derived,
  aad: Buffer,
  plaintext: Buffer,
): Buffer {
  if (algorithm === "SYMMETRIC_DEFAULT") return gcmSeal(key, aad, plaintext);
  if (algorithm === "SM4_GCM") {
    const nonce = takeRandom(GCM_NONCE_BYTES);
    return Buffer.concat([nonce, sm4GcmEncrypt({ key: rawKey(key), nonce, aad }, plaintext)]);
  }
  // CBC and CTR alone protect nothing against change: encrypt, then authenticate.
  const nonce = takeRandom(BLOCK_BYTES);
  const cipher = createCipheriv(nodeCipher(algorithm), key, nonce);
  const body = Buffer.concat([nonce, cipher.update(plaintext), cipher.final()]);
  return Buffer.concat([body, authenticate(mac, aad, body)]);
}

function openBody(
  algorithm: CiphertextAlgorithm,
  { key, mac }: Derived,
  aad: Buffer,
  sealed: Buffer,
): Buffer | undefined {
  if (algorithm === "SYMMETRIC_DEFAULT") return gcmOpen(key, aad, sealed);
  if (algorithm === "SM4_GCM") {
    if (sealed.length < GCM_NONCE_BYTES) return undefined;
    const nonce = sealed.subarray(0, GCM_NONCE_BYTES);
    const input = { key: rawKey(key), nonce, aad };
    return sm4GcmDecrypt(input, sealed.subarray(GCM_NONCE_BYTES));
  }
  if (sealed.length < BLOCK_BYTES + SM3_BYTES) return undefined;
  const body = sealed.subarray(0, sealed.length - SM3_BYTES);
  const tag = sealed.subarray(body.length);
  // INVARIANT: nothing is decrypted before its tag was found right, so padding tells nothing.
  if (!timingSafeEqual(tag, authenticate(mac, aad, body))) return undefined;
  const nonce = body.subarray(0, BLOCK_BYTES);
  const decipher = createDecipheriv(nodeCipher(algorithm), key, nonce);
  return Buffer.concat([decipher.update(body.subarray(BLOCK_BYTES)), decipher.final()]);
}

function authenticate(mac: Buffer, aad: Buffer, body: Buffer): Buffer {
  const length = Buffer.allocUnsafe(4);
  length.writeUInt32BE(aad.length, 0);
  return createHmac("sm3", mac).update(length).update(aad).update(body).digest();
}

function nodeCipher(algorithm: CiphertextAlgorithm): string {
  return algorithm === "SM4_CBC" ? "sm4-cbc" : "sm4-ctr";
}

function rawKey(key: KeyObject | Buffer): Buffer {
  if (Buffer.isBuffer(key)) return key;
  throw new Error("SM4-GCM takes raw key bytes");
}
