/** AES-256-GCM as everything in keyd uses it: `nonce (12) | ciphertext | tag (16)`. */
import { createCipheriv, createDecipheriv, type KeyObject } from "node:crypto";
import { takeRandom } from "./random-pool.ts";

const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const ALGORITHM = "aes-256-gcm";
// Without this, shorter tags would be accepted, and four bytes can be guessed.
const OPTIONS = { authTagLength: TAG_BYTES };

export function gcmSeal(key: KeyObject | Buffer, aad: Buffer, plaintext: Buffer): Buffer {
  const nonce = takeRandom(NONCE_BYTES);
  const cipher = createCipheriv(ALGORITHM, key, nonce, OPTIONS).setAAD(aad);
  const body = cipher.update(plaintext);
  cipher.final();
  return Buffer.concat([nonce, body, cipher.getAuthTag()]);
}

/** Undefined when anything was changed; the reason is not told. */
export function gcmOpen(key: KeyObject | Buffer, aad: Buffer, sealed: Buffer): Buffer | undefined {
  if (sealed.length < NONCE_BYTES + TAG_BYTES) return undefined;
  const tagOffset = sealed.length - TAG_BYTES;
  const decipher = createDecipheriv(ALGORITHM, key, sealed.subarray(0, NONCE_BYTES), OPTIONS);
  decipher.setAAD(aad).setAuthTag(sealed.subarray(tagOffset));
  const plaintext = decipher.update(sealed.subarray(NONCE_BYTES, tagOffset));
  try {
    decipher.final();
    return plaintext;
  } catch {
    plaintext.fill(0);
    return undefined;
  }
}
