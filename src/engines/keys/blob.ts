/**
 * The bytes of a ciphertext made under a key version:
 * `format | algorithm | length of key id | key id | version (4, big endian) | body`.
 * The head says which key to look for; it is authenticated with the body, never trusted alone.
 */

const FORMAT = 1;
const VERSION_BYTES = 4;
const KEY_ID_BYTES_MAX = 64;

/** Numbers on disk: an entry is never renumbered. */
export const CIPHERTEXT_ALGORITHMS = {
  SYMMETRIC_DEFAULT: 1,
  SM4_GCM: 2,
  SM4_CBC: 3,
  SM4_CTR: 4,
} as const;
export type CiphertextAlgorithm = keyof typeof CIPHERTEXT_ALGORITHMS;

const NAMES = new Map<number, CiphertextAlgorithm>([
  [1, "SYMMETRIC_DEFAULT"],
  [2, "SM4_GCM"],
  [3, "SM4_CBC"],
  [4, "SM4_CTR"],
]);

export type BlobHead = {
  readonly key: string;
  readonly version: number;
  readonly algorithm: CiphertextAlgorithm;
};

/** The head of a ciphertext, to which the body is appended. */
export function encodeBlobHead({ key, version, algorithm }: BlobHead): Buffer {
  const id = Buffer.from(key, "latin1");
  if (id.length > KEY_ID_BYTES_MAX) throw new RangeError(`Cannot name key "${key}": too long`);
  const head = Buffer.allocUnsafe(3 + id.length + VERSION_BYTES);
  head[0] = FORMAT;
  head[1] = CIPHERTEXT_ALGORITHMS[algorithm];
  head[2] = id.length;
  id.copy(head, 3);
  head.writeUInt32BE(version, 3 + id.length);
  return head;
}

/** Reads the head; undefined for bytes that are no ciphertext of ours. */
export function readBlobHead(
  blob: Uint8Array,
): (BlobHead & { readonly bodyOffset: number }) | undefined {
  const bytes = Buffer.from(blob.buffer, blob.byteOffset, blob.byteLength);
  const algorithm = NAMES.get(bytes[1] ?? 0);
  const idBytes = bytes[2] ?? 0;
  const bodyOffset = 3 + idBytes + VERSION_BYTES;
  if (bytes[0] !== FORMAT || algorithm === undefined) return undefined;
  if (idBytes === 0 || idBytes > KEY_ID_BYTES_MAX || bytes.length < bodyOffset) return undefined;
  const key = bytes.toString("latin1", 3, 3 + idBytes);
  return { key, version: bytes.readUInt32BE(3 + idBytes), algorithm, bodyOffset };
}
