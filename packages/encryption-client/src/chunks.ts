/**
 * The body of a message: chunks under AES-256-GCM with a counter and a mark of the last one (the
 * STREAM construction, Hoang et al. 2015), so that a chunk that is missing, moved, repeated or
 * changed is refused, and each can be opened without the others.
 */
import { createCipheriv, createDecipheriv } from "node:crypto";
import { EncryptionError } from "./errors.ts";

export const TAG_BYTES = 16;
const NONCE_BYTES = 12;
const ALGORITHM = "aes-256-gcm";
const OPTIONS = { authTagLength: TAG_BYTES } as const;

/**
 * Plaintext of one message. With it AES-256-GCM under one key stays below 2^40 blocks, and the
 * chance to tell it from random below 2^-48.
 */
export const MESSAGE_BYTES_MAX = 2 ** 44;

export type Place = { readonly index: number; readonly isLast: boolean };

// INVARIANT: a message key seals each place once. Keys are made for one message, so a counter does.
export function sealChunk(key: Buffer, { index, isLast }: Place, chunk: Uint8Array): Buffer {
  const cipher = createCipheriv(ALGORITHM, key, nonceOf(index, isLast), OPTIONS);
  const body = cipher.update(chunk);
  cipher.final();
  return Buffer.concat([body, cipher.getAuthTag()]);
}

/** @throws EncryptionError messageInvalid when another chunk, or none, was sealed at this place. */
export function openChunk(key: Buffer, { index, isLast }: Place, sealed: Buffer): Buffer {
  const bodyBytes = sealed.length - TAG_BYTES;
  // Only an empty message may end with an empty chunk: one text per content.
  const isEmptyMessage = isLast && index === 0;
  if (bodyBytes < 0 || (bodyBytes === 0 && !isEmptyMessage)) throw invalid(index, "is cut");
  const decipher = createDecipheriv(ALGORITHM, key, nonceOf(index, isLast), OPTIONS);
  decipher.setAuthTag(sealed.subarray(bodyBytes));
  const body = decipher.update(sealed.subarray(0, bodyBytes));
  try {
    decipher.final();
    return body;
  } catch {
    body.fill(0);
    throw invalid(index, "was changed, moved or repeated, or what follows it is missing");
  }
}

function invalid(index: number, why: string): EncryptionError {
  return new EncryptionError("messageInvalid", `The message does not open: chunk ${index} ${why}`);
}

/** Three bytes of zero, eight of counter, then 1 for the last chunk. */
function nonceOf(index: number, isLast: boolean): Buffer {
  const nonce = Buffer.alloc(NONCE_BYTES);
  nonce.writeBigUInt64BE(BigInt(index), NONCE_BYTES - 9);
  nonce[NONCE_BYTES - 1] = isLast ? 1 : 0;
  return nonce;
}

/** How a body of this many bytes is divided; undefined when no message has such a body. */
export function divided(
  bodyBytes: number,
  chunkBytes: number,
): { chunks: number; plaintextBytes: number } | undefined {
  const sealedBytes = chunkBytes + TAG_BYTES;
  const chunks = Math.max(1, Math.ceil(bodyBytes / sealedBytes));
  const last = bodyBytes - (chunks - 1) * sealedBytes;
  if (last < TAG_BYTES || (last === TAG_BYTES && chunks > 1)) return undefined;
  return { chunks, plaintextBytes: bodyBytes - chunks * TAG_BYTES };
}
