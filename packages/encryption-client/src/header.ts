/**
 * The header of an encrypted message, version 1. All numbers are big endian.
 *
 * ```
 *  0  magic        "CEM"
 *  3  version      1
 *  4  suite        1: AES-256-GCM in chunks, key and commitment by HKDF-SHA-256
 *  5  chunk size   as a power of two, 12 to 20
 *  6  reserved     2 bytes of zero
 *  8  salt         32 bytes, new for each message
 * 40  commitment   32 bytes, to data key, salt, context and the first 8 bytes
 * 72  key id       2 bytes of length, then UTF-8
 *  …  data key     2 bytes of length, then the data key as the key service encrypted it
 * ```
 *
 * Key id and encrypted data key are outside what the commitment is made over, so that the data key
 * can be encrypted again without having it in clear. They need no protection: with any other data
 * key the commitment does not fit.
 */
import { EncryptionError } from "./errors.ts";

export const limits = {
  chunkPowerMin: 12,
  chunkPowerMax: 20,
  chunkPowerDefault: 16,
  keyIdBytesMax: 256,
  encryptedDataKeyBytesMax: 6_144,
} as const;

/** "CEM". */
const MAGIC = Buffer.of(0x43, 0x45, 0x4d);
const VERSION = 1;
const SUITE = 1;
export const FIXED_BYTES = 8;
export const SALT_BYTES = 32;
export const COMMITMENT_BYTES = 32;
const LENGTH_BYTES = 2;
const KEY_ID_AT = FIXED_BYTES + SALT_BYTES + COMMITMENT_BYTES;

/** No header is longer. */
export const HEADER_BYTES_MAX =
  KEY_ID_AT + 2 * LENGTH_BYTES + limits.keyIdBytesMax + limits.encryptedDataKeyBytesMax;

/** Where the data key of a message comes from. */
export type WrappedDataKey = { readonly keyId: string; readonly encryptedDataKey: Buffer };

export type Header = WrappedDataKey & {
  /** The first 8 bytes: version, suite and chunk size. */
  readonly fixed: Buffer;
  readonly salt: Buffer;
  readonly commitment: Buffer;
  readonly chunkBytes: number;
};

/** The first 8 bytes of a message with chunks of 2^`chunkPower` bytes. */
export function fixedPart(chunkPower: number = limits.chunkPowerDefault): Buffer {
  if (!isChunkPower(chunkPower)) {
    const wanted = `${limits.chunkPowerMin} to ${limits.chunkPowerMax}`;
    throw new EncryptionError("inputInvalid", `Chunk power ${chunkPower}: wanted ${wanted}`);
  }
  return Buffer.concat([MAGIC, Buffer.from([VERSION, SUITE, chunkPower, 0, 0])]);
}

function isChunkPower(power: number): boolean {
  return Number.isInteger(power) && power >= limits.chunkPowerMin && power <= limits.chunkPowerMax;
}

export function chunkBytesOf(fixed: Buffer): number {
  return 2 ** (fixed[5] ?? 0);
}

export function encodeHeader(header: Omit<Header, "chunkBytes">): Buffer {
  const { fixed, salt, commitment, keyId, encryptedDataKey } = header;
  const name = Buffer.from(keyId, "utf8");
  if (name.length > limits.keyIdBytesMax) {
    throw new EncryptionError("inputInvalid", `The key's id has ${name.length} bytes`);
  }
  if (encryptedDataKey.length > limits.encryptedDataKeyBytesMax) {
    const message = `The encrypted data key has ${encryptedDataKey.length} bytes`;
    throw new EncryptionError("inputInvalid", message);
  }
  const fields = [name, encryptedDataKey].flatMap((field) => {
    const length = Buffer.allocUnsafe(LENGTH_BYTES);
    length.writeUInt16BE(field.length, 0);
    return [length, field];
  });
  return Buffer.concat([fixed, salt, commitment, ...fields]);
}

/**
 * Reads the header at the beginning of `bytes`.
 *
 * @returns the header and its length; undefined when more bytes are needed.
 * @throws EncryptionError messageUnknown when it is no header of a known version and suite.
 */
export function readHeader(bytes: Buffer): { header: Header; headerBytes: number } | undefined {
  const seen = bytes.subarray(0, FIXED_BYTES);
  if (!MAGIC.subarray(0, seen.length).equals(seen.subarray(0, MAGIC.length))) {
    throw unknown("it does not begin like one");
  }
  if (bytes.length < FIXED_BYTES) return undefined;
  const [version = 0, suite = 0, power = 0] = bytes.subarray(3, 6);
  if (version !== VERSION) throw unknown(`its format version is ${version}, known is ${VERSION}`);
  if (suite !== SUITE) throw unknown(`its suite is ${suite}, known is ${SUITE}`);
  if (!isChunkPower(power) || bytes.readUInt16BE(6) !== 0) throw unknown("its sizes are not ones");
  const keyId = field(bytes, KEY_ID_AT, limits.keyIdBytesMax);
  if (keyId === undefined) return undefined;
  const encrypted = field(bytes, keyId.end, limits.encryptedDataKeyBytesMax);
  if (encrypted === undefined) return undefined;
  const header = {
    fixed: Buffer.from(bytes.subarray(0, FIXED_BYTES)),
    salt: Buffer.from(bytes.subarray(FIXED_BYTES, FIXED_BYTES + SALT_BYTES)),
    commitment: Buffer.from(bytes.subarray(FIXED_BYTES + SALT_BYTES, KEY_ID_AT)),
    keyId: keyId.value.toString("utf8"),
    encryptedDataKey: Buffer.from(encrypted.value),
    chunkBytes: 2 ** power,
  };
  return { header, headerBytes: encrypted.end };
}

function field(bytes: Buffer, at: number, max: number): { value: Buffer; end: number } | undefined {
  const from = at + LENGTH_BYTES;
  if (bytes.length < from) return undefined;
  const length = bytes.readUInt16BE(at);
  if (length === 0 || length > max) throw unknown("a length in its header is out of bounds");
  const end = from + length;
  return bytes.length < end ? undefined : { value: bytes.subarray(from, end), end };
}

function unknown(why: string): EncryptionError {
  return new EncryptionError("messageUnknown", `This is no message that can be read: ${why}`);
}

/**
 * The key that a message says it is under. It is what the message claims, until it was opened.
 *
 * @param beginning the message, or its first HEADER_BYTES_MAX bytes.
 */
export function messageKeyId(beginning: Uint8Array): string {
  const { buffer, byteOffset, byteLength } = beginning;
  const read = readHeader(Buffer.from(buffer, byteOffset, byteLength));
  if (read !== undefined) return read.header.keyId;
  throw new EncryptionError("messageInvalid", "The message ends inside its header");
}
