/**
 * Shamir's secret sharing over GF(2^8) (Shamir 1979; the field of FIPS 197). Arithmetic is without
 * tables and branches that depend on secrets. Each share carries its threshold, the secret's mark
 * and a checksum, so that a wrong, mistyped or foreign share is named before anything is combined.
 */
import { createHash } from "node:crypto";

export type ShareFault = "form" | "checksum" | "foreign" | "repeated" | "tooFew";

export const SHARES_MAX = 32;
export const THRESHOLD_MIN = 2;
const SECRET_BYTES_MAX = 64;
const SECRET_BYTES_MIN = 16;
const MARK_BYTES = 4;
const CHECKSUM_BYTES = 4;
const PREFIX = "cordon-share-1-";
const SHARE_CHARS_MAX = 256;

/** Product in GF(2^8) modulo x^8 + x^4 + x^3 + x + 1: eight steps whatever the values are. */
export function multiply(left: number, right: number): number {
  let product = 0;
  let factor = left;
  for (let bit = 0; bit < 8; bit += 1) {
    product ^= factor & -((right >> bit) & 1);
    factor = ((factor << 1) ^ (0x11b & -(factor >> 7))) & 0x1ff;
  }
  return product & 0xff;
}

/** The inverse as the 254th power; 0 for 0. */
export function inverse(value: number): number {
  let result = 1;
  let power = value;
  for (let step = 0; step < 7; step += 1) {
    power = multiply(power, power);
    result = multiply(result, power);
  }
  return result;
}

/**
 * Splits a secret into printable shares, any `threshold` of which give it back.
 *
 * @param random gives that many random bytes: the polynomials' coefficients.
 * @throws RangeError when a number is out of range.
 */
export function splitSecret(
  secret: Buffer,
  { threshold, shares }: { threshold: number; shares: number },
  random: (bytes: number) => Buffer,
): readonly string[] {
  const whole = Number.isSafeInteger(threshold) && Number.isSafeInteger(shares);
  if (!whole || threshold < THRESHOLD_MIN || shares < threshold || shares > SHARES_MAX) {
    const range = `${THRESHOLD_MIN} ≤ threshold ≤ shares ≤ ${SHARES_MAX}`;
    throw new RangeError(`Cannot make ${shares} shares with threshold ${threshold}: ${range}`);
  }
  if (secret.length < SECRET_BYTES_MIN || secret.length > SECRET_BYTES_MAX) {
    throw new RangeError(`Cannot split a secret of ${secret.length} bytes`);
  }
  const coefficients = random((threshold - 1) * secret.length);
  const mark = markOf(secret);
  const result = Array.from({ length: shares }, (_, at) => {
    const values = evaluate(secret, coefficients, at + 1);
    return encodeShare(Buffer.concat([Buffer.from([threshold, at + 1]), mark, values]));
  });
  coefficients.fill(0);
  return result;
}

/** Horner's rule for every byte of the secret at the point `x`. */
function evaluate(secret: Buffer, coefficients: Buffer, x: number): Buffer {
  const degree = coefficients.length / secret.length;
  const values = Uint8Array.from(secret, (constant, at) => {
    let value = 0;
    for (let power = degree - 1; power >= 0; power -= 1) {
      value = multiply(value, x) ^ (coefficients[power * secret.length + at] ?? 0);
    }
    return multiply(value, x) ^ constant;
  });
  return Buffer.from(values.buffer);
}

/** Puts a secret together, or says what is wrong with the shares (and with which, from 0). */
export function combineShares(
  texts: readonly string[],
): { readonly secret: Buffer } | { readonly fault: ShareFault; readonly at: number } {
  const shares: Buffer[] = [];
  for (const [at, text] of texts.entries()) {
    const share = decodeShare(text);
    if (typeof share === "string") return { fault: share, at };
    const [first] = shares;
    if (first !== undefined && !sameSet(first, share)) return { fault: "foreign", at };
    if (shares.some((other) => other[1] === share[1])) return { fault: "repeated", at };
    shares.push(share);
  }
  const threshold = shares[0]?.[0] ?? THRESHOLD_MIN;
  if (shares.length < threshold) return { fault: "tooFew", at: shares.length };
  const used = shares.slice(0, threshold);
  const secret = Buffer.alloc((used[0]?.length ?? 0) - 2 - MARK_BYTES);
  for (const share of used) {
    const weight = lagrangeAtZero(share, used);
    for (let at = 0; at < secret.length; at += 1) {
      secret[at] = (secret[at] ?? 0) ^ multiply(weight, share[2 + MARK_BYTES + at] ?? 0);
    }
  }
  const [first] = used;
  if (first !== undefined && markOf(secret).equals(first.subarray(2, 2 + MARK_BYTES))) {
    return { secret };
  }
  return { fault: "foreign", at: 0 };
}

function lagrangeAtZero(share: Buffer, all: readonly Buffer[]): number {
  const x = share[1] ?? 0;
  let weight = 1;
  for (const other of all) {
    const point = other[1] ?? 0;
    if (point !== x) weight = multiply(weight, multiply(point, inverse(point ^ x)));
  }
  return weight;
}

function sameSet(left: Buffer, right: Buffer): boolean {
  return (
    left.length === right.length &&
    left[0] === right[0] &&
    left.subarray(2, 2 + MARK_BYTES).equals(right.subarray(2, 2 + MARK_BYTES))
  );
}

/** Four bytes that tell sets of shares apart; too few to search for the secret by. */
function markOf(secret: Buffer): Buffer {
  const hash = createHash("sha256").update("cordon share mark").update(secret).digest();
  return hash.subarray(0, MARK_BYTES);
}

function checksumOf(bytes: Buffer): Buffer {
  const hash = createHash("sha256").update("cordon share").update(bytes).digest();
  return hash.subarray(0, CHECKSUM_BYTES);
}

function encodeShare(bytes: Buffer): string {
  return `${PREFIX}${Buffer.concat([bytes, checksumOf(bytes)]).toString("hex")}`;
}

function decodeShare(text: string): Buffer | ShareFault {
  const hex = text.trim().slice(PREFIX.length);
  const right = text.trim().startsWith(PREFIX) && /^(?:[0-9a-f]{2})+$/.test(hex);
  if (!right || text.length > SHARE_CHARS_MAX) return "form";
  const bytes = Buffer.from(hex, "hex");
  const share = bytes.subarray(0, bytes.length - CHECKSUM_BYTES);
  if (share.length < 2 + MARK_BYTES + SECRET_BYTES_MIN) return "form";
  if (!checksumOf(share).equals(bytes.subarray(share.length))) return "checksum";
  const [threshold = 0, point = 0] = share;
  return threshold < THRESHOLD_MIN || point < 1 || point > SHARES_MAX ? "form" : share;
}
