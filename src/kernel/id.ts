/** Random identifiers. Passed in where they are needed, so that tests can fix them. */
import { randomBytes, randomFillSync } from "node:crypto";

const ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz";
const ID_LENGTH = 10;
// The largest multiple of 36 below 256: bytes at or above it would favor the first letters.
const UNBIASED_BELOW = 252;
/** Random bytes are taken in lots: each call of the generator costs microseconds. */
const pool = Buffer.alloc(4_096);
let taken = pool.length;

function randomByte(): number {
  if (taken === pool.length) {
    randomFillSync(pool);
    taken = 0;
  }
  const byte = pool[taken] ?? 0;
  taken += 1;
  return byte;
}

/** An id `<prefix>-` + 10 lower-case alphanumerics (51 bits). */
export function newId(prefix: string): string {
  let suffix = "";
  while (suffix.length < ID_LENGTH) {
    const byte = randomByte();
    if (byte < UNBIASED_BELOW) suffix += ALPHABET.charAt(byte % ALPHABET.length);
  }
  return `${prefix}-${suffix}`;
}

/** A secret of 256 bits as URL-safe text. */
export function newSecret(): string {
  return randomBytes(32).toString("base64url");
}
