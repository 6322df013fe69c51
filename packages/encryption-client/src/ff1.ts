/**
 * FF1, format-preserving encryption (NIST SP 800-38G, and the bounds of its revision 1): a number
 * of n digits of a radix becomes another one. It does not authenticate: any such number decrypts to
 * something.
 */
import { createCipheriv } from "node:crypto";
import { EncryptionError } from "./errors.ts";

export const limits = {
  radixMin: 2,
  radixMax: 65_536,
  /** Fewer possible values could be tried one by one (revision 1, section 5.1). */
  domainMin: 1_000_000,
  /** Digits; the standard allows 2^32 - 1. */
  digitsMax: 1_024,
  tweakBytesMax: 1_024,
} as const;

const BLOCK = 16;
const ROUNDS = 10;

export type Ff1 = {
  readonly key: Buffer;
  readonly radix: number;
  readonly tweak?: Uint8Array;
};

/** Each digit is a number below the radix. @throws EncryptionError inputInvalid. */
export function ff1Encrypt(cipher: Ff1, digits: readonly number[]): number[] {
  const walk = prepared(cipher, digits);
  let [left, right] = walk.halves;
  for (let round = 0; round < ROUNDS; round += 1) {
    const length = round % 2 === 0 ? walk.u : walk.v;
    const sum = (left + walk.roundValue(round, right)) % radixPower(walk.radix, length);
    [left, right] = [right, sum];
  }
  return walk.joined(left, right);
}

/** The other way. @throws EncryptionError inputInvalid. */
export function ff1Decrypt(cipher: Ff1, digits: readonly number[]): number[] {
  const walk = prepared(cipher, digits);
  let [left, right] = walk.halves;
  for (let round = ROUNDS - 1; round >= 0; round -= 1) {
    const modulus = radixPower(walk.radix, round % 2 === 0 ? walk.u : walk.v);
    const difference = (right - walk.roundValue(round, left)) % modulus;
    [left, right] = [difference < 0n ? difference + modulus : difference, left];
  }
  return walk.joined(left, right);
}

/** Steps 1 to 5 of algorithms 7 and 8, and step 6.i to 6.iv as a function. */
function prepared({ key, radix, tweak = Buffer.alloc(0) }: Ff1, digits: readonly number[]) {
  checkInput({ key, radix, tweak }, digits);
  const n = digits.length;
  const u = Math.floor(n / 2);
  const v = n - u;
  // Bytes of the largest numeral of v digits; by logarithm a rounding could be one off.
  const b = Math.ceil((radixPower(radix, v) - 1n).toString(2).length / 8);
  const d = 4 * Math.ceil(b / 4) + 4;
  const p = Buffer.alloc(BLOCK);
  p.set([1, 2, 1, (radix >> 16) & 0xff, (radix >> 8) & 0xff, radix & 0xff, ROUNDS, u & 0xff]);
  p.writeUInt32BE(n, 8);
  p.writeUInt32BE(tweak.length, 12);
  const zeros = (((-tweak.length - b - 1) % BLOCK) + BLOCK) % BLOCK;
  const q = Buffer.concat([tweak, Buffer.alloc(zeros + 1 + b)]);
  return {
    radix,
    u,
    v,
    halves: [numeral(digits.slice(0, u), radix), numeral(digits.slice(u), radix)] as const,
    roundValue(round: number, half: bigint): bigint {
      q[q.length - b - 1] = round;
      q.write(half.toString(16).padStart(2 * b, "0"), q.length - b, "hex");
      const r = cbcMac(key, Buffer.concat([p, q]));
      const s = [r];
      for (let at = 1; at * BLOCK < d; at += 1) {
        const counter = Buffer.alloc(BLOCK);
        counter.writeUInt32BE(at, BLOCK - 4);
        for (let byte = 0; byte < BLOCK; byte += 1) {
          counter[byte] = (counter[byte] ?? 0) ^ (r[byte] ?? 0);
        }
        s.push(cbcMac(key, counter));
      }
      return BigInt(`0x${Buffer.concat(s).toString("hex", 0, d)}`);
    },
    joined: (left: bigint, right: bigint) => [
      ...digitsOf(left, radix, u),
      ...digitsOf(right, radix, v),
    ],
  };
}

function checkInput({ key, radix, tweak }: Required<Ff1>, digits: readonly number[]): void {
  const refuse = (message: string) => {
    throw new EncryptionError("inputInvalid", message);
  };
  if (![16, 24, 32].includes(key.length)) refuse(`An AES key has ${key.length} bytes`);
  if (!Number.isInteger(radix) || radix < limits.radixMin || radix > limits.radixMax) {
    refuse(`Radix ${radix}: wanted ${limits.radixMin} to ${limits.radixMax}`);
  }
  if (tweak.length > limits.tweakBytesMax) refuse(`The tweak has ${tweak.length} bytes`);
  if (digits.length < 2 || digits.length > limits.digitsMax) {
    refuse(`${digits.length} characters: wanted 2 to ${limits.digitsMax}`);
  }
  if (radix ** digits.length < limits.domainMin) {
    refuse(
      `${digits.length} characters of ${radix} have fewer than ${limits.domainMin} values: ` +
        "who sees some pairs could find the others",
    );
  }
  if (!digits.every((digit) => Number.isInteger(digit) && digit >= 0 && digit < radix)) {
    refuse("A character is not of the alphabet");
  }
}

function cbcMac(key: Buffer, blocks: Buffer): Buffer {
  const cipher = createCipheriv(`aes-${key.length * 8}-cbc`, key, Buffer.alloc(BLOCK));
  return cipher.setAutoPadding(false).update(blocks).subarray(-BLOCK);
}

function radixPower(radix: number, exponent: number): bigint {
  return BigInt(radix) ** BigInt(exponent);
}

function numeral(digits: readonly number[], radix: number): bigint {
  return digits.reduce((sum, digit) => sum * BigInt(radix) + BigInt(digit), 0n);
}

function digitsOf(value: bigint, radix: number, length: number): number[] {
  const digits = new Array<number>(length).fill(0);
  let rest = value;
  for (let at = length - 1; at >= 0; at -= 1) {
    digits[at] = Number(rest % BigInt(radix));
    rest /= BigInt(radix);
  }
  return digits;
}
