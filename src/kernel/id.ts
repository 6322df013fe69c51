/** Random identifiers. Passed in where they are needed, so that tests can fix them. */
import { randomBytes } from "node:crypto";

const ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz";
const ID_LENGTH = 10;
// The largest multiple of 36 below 256: bytes at or above it would favor the first letters.
const UNBIASED_BELOW = 252;

/** An id `<prefix>-` + 10 lower-case alphanumerics (51 bits). */
export function newId(prefix: string): string {
  let suffix = "";
  while (suffix.length < ID_LENGTH) {
    for (const byte of randomBytes(ID_LENGTH * 2)) {
      if (byte < UNBIASED_BELOW && suffix.length < ID_LENGTH) {
        suffix += ALPHABET.charAt(byte % ALPHABET.length);
      }
    }
  }
  return `${prefix}-${suffix}`;
}

/** A secret of 256 bits as URL-safe text. */
export function newSecret(): string {
  return randomBytes(32).toString("base64url");
}
