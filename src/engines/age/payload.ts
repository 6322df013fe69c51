/**
 * The payload of an age file: chunks of 64 KiB under ChaCha20-Poly1305 with a counter and a mark
 * of the last one (the STREAM construction, Hoang et al. 2015), so that a chunk that is missing,
 * moved, repeated or changed is refused.
 */
import { createCipheriv, createDecipheriv, hkdfSync } from "node:crypto";
import { AgeError } from "./header.ts";

export const PAYLOAD_NONCE_BYTES = 16;
export const CHUNK_BYTES = 65_536;
const TAG_BYTES = 16;
const NONCE_BYTES = 12;
export const SEALED_CHUNK_BYTES = CHUNK_BYTES + TAG_BYTES;
const ALGORITHM = "chacha20-poly1305";
const OPTIONS = { authTagLength: TAG_BYTES } as const;

/** The key of one payload, from the file key and the 16 bytes that follow the header. */
export function payloadKey(fileKey: Buffer, nonce: Buffer): Buffer {
  return Buffer.from(hkdfSync("sha256", fileKey, nonce, "payload", 32));
}

/** Seals chunks in order; every chunk but the last must have CHUNK_BYTES. */
export function chunkSealer(key: Buffer): (chunk: Buffer, isLast: boolean) => Buffer {
  let counter = 0;
  return (chunk, isLast) => {
    const cipher = createCipheriv(ALGORITHM, key, nonceOf(counter, isLast), OPTIONS);
    counter += 1;
    const body = cipher.update(chunk);
    cipher.final();
    return Buffer.concat([body, cipher.getAuthTag()]);
  };
}

/**
 * Opens chunks in order.
 *
 * @throws AgeError when a chunk is not the one that was sealed at this place.
 */
export function chunkOpener(key: Buffer): (sealed: Buffer, isLast: boolean) => Buffer {
  let counter = 0;
  return (sealed, isLast) => {
    const at = counter;
    counter += 1;
    const bodyBytes = sealed.length - TAG_BYTES;
    // Only an empty payload may end with an empty chunk: one text per content.
    const isEmptyEnd = bodyBytes === 0 && isLast && at === 0;
    if (bodyBytes <= 0 && !isEmptyEnd) throw refused(at, "is cut");
    const decipher = createDecipheriv(ALGORITHM, key, nonceOf(at, isLast), OPTIONS);
    decipher.setAuthTag(sealed.subarray(bodyBytes));
    const body = decipher.update(sealed.subarray(0, bodyBytes));
    try {
      decipher.final();
      return body;
    } catch {
      throw refused(at, "was changed, moved or repeated, or what follows it is missing");
    }
  };
}

function refused(at: number, why: string): AgeError {
  return new AgeError(`its chunk ${at + 1} ${why}`);
}

/** Eleven bytes of counter, big endian, then 1 for the last chunk. */
function nonceOf(counter: number, isLast: boolean): Buffer {
  const nonce = Buffer.alloc(NONCE_BYTES);
  nonce.writeUIntBE(counter, NONCE_BYTES - 7, 6);
  nonce[NONCE_BYTES - 1] = isLast ? 1 : 0;
  return nonce;
}
