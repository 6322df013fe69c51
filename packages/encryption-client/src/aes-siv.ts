/**
 * AES-SIV (RFC 5297): deterministic authenticated encryption. Equal plaintexts under equal
 * associated data give equal ciphertexts, which is what it is for and all that it gives away.
 */
import { createCipheriv, timingSafeEqual } from "node:crypto";
import { EncryptionError } from "./errors.ts";

const BLOCK = 16;
/** Of associated data; S2V cannot take more (RFC 5297 section 7). */
const HEADERS_MAX = 126;

/** Two AES keys of one length, 32, 48 or 64 bytes together. */
export type SivKey = Buffer;

/** `V | C` (section 2.6). */
export function sivEncrypt(
  key: SivKey,
  associated: readonly Buffer[],
  plaintext: Uint8Array,
): Buffer {
  const { mac, stream } = halves(key);
  const iv = s2v(mac, associated, Buffer.from(plaintext));
  return Buffer.concat([iv, counterMode(stream, iv, plaintext)]);
}

/** @throws EncryptionError messageInvalid when key, associated data or bytes are others. */
export function sivDecrypt(key: SivKey, associated: readonly Buffer[], sealed: Buffer): Buffer {
  const { mac, stream } = halves(key);
  if (sealed.length < BLOCK) throw invalid();
  const iv = sealed.subarray(0, BLOCK);
  const plaintext = counterMode(stream, iv, sealed.subarray(BLOCK));
  if (timingSafeEqual(s2v(mac, associated, plaintext), iv)) return plaintext;
  plaintext.fill(0);
  throw invalid();
}

function halves(key: SivKey): { mac: Buffer; stream: Buffer } {
  const half = key.length / 2;
  if (half !== 16 && half !== 24 && half !== 32) {
    throw new EncryptionError("inputInvalid", `A SIV key has ${key.length} bytes`);
  }
  return { mac: key.subarray(0, half), stream: key.subarray(half) };
}

/** Section 2.4. */
function s2v(key: Buffer, associated: readonly Buffer[], last: Buffer): Buffer {
  if (associated.length > HEADERS_MAX) throw new EncryptionError("inputInvalid", "Too many parts");
  let sum = cmac(key, Buffer.alloc(BLOCK));
  for (const part of associated) sum = xor(doubled(sum), cmac(key, part));
  if (last.length < BLOCK) return cmac(key, xor(doubled(sum), padded(last)));
  const end = last.length - BLOCK;
  return cmac(key, Buffer.concat([last.subarray(0, end), xor(last.subarray(end), sum)]));
}

/** AES-CMAC (RFC 4493). */
function cmac(key: Buffer, message: Buffer): Buffer {
  const whole = message.length > 0 && message.length % BLOCK === 0;
  const subkey = doubled(block(key, Buffer.alloc(BLOCK)));
  const end = whole ? message.length - BLOCK : message.length - (message.length % BLOCK);
  const rest = message.subarray(end);
  const last = whole ? xor(rest, subkey) : xor(padded(rest), doubled(subkey));
  const cipher = createCipheriv(`aes-${key.length * 8}-cbc`, key, Buffer.alloc(BLOCK));
  cipher.setAutoPadding(false);
  return Buffer.concat([cipher.update(message.subarray(0, end)), cipher.update(last)]).subarray(
    -BLOCK,
  );
}

function block(key: Buffer, input: Buffer): Buffer {
  const cipher = createCipheriv(`aes-${key.length * 8}-ecb`, key, null).setAutoPadding(false);
  return cipher.update(input);
}

function counterMode(key: Buffer, iv: Buffer, bytes: Uint8Array): Buffer {
  const start = Buffer.from(iv);
  // Bits 63 and 31 are cleared (section 2.5).
  start.writeUInt8((start[8] ?? 0) & 0x7f, 8);
  start.writeUInt8((start[12] ?? 0) & 0x7f, 12);
  return createCipheriv(`aes-${key.length * 8}-ctr`, key, start).update(bytes);
}

/** Multiplication by x in GF(2^128); no branch depends on the value. */
function doubled(value: Buffer): Buffer {
  const result = Buffer.alloc(BLOCK);
  for (let at = 0; at < BLOCK; at += 1) {
    result[at] = ((value[at] ?? 0) << 1) | ((value[at + 1] ?? 0) >> 7);
  }
  const carry = -((value[0] ?? 0) >> 7) & 0x87;
  result[BLOCK - 1] = (result[BLOCK - 1] ?? 0) ^ carry;
  return result;
}

function padded(bytes: Buffer): Buffer {
  const result = Buffer.alloc(BLOCK);
  bytes.copy(result);
  result[bytes.length] = 0x80;
  return result;
}

function xor(left: Buffer, right: Buffer): Buffer {
  const result = Buffer.alloc(BLOCK);
  for (let at = 0; at < BLOCK; at += 1) result[at] = (left[at] ?? 0) ^ (right[at] ?? 0);
  return result;
}

function invalid(): EncryptionError {
  return new EncryptionError("messageInvalid", "The field does not open: key, context or bytes");
}
