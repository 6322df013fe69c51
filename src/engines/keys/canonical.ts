/**
 * Canonical bytes of several fields: each is preceded by its length, so that no two lists of
 * fields have the same bytes. It is what additional authenticated data is made of.
 */

const LENGTH_BYTES = 4;

/** Fields as `length (4 bytes, big endian) | bytes`, one after another; text is UTF-8. */
export function lengthPrefixed(fields: readonly (string | Uint8Array)[]): Buffer {
  const parts: Uint8Array[] = [];
  for (const field of fields) {
    const bytes = typeof field === "string" ? Buffer.from(field, "utf8") : field;
    const length = Buffer.allocUnsafe(LENGTH_BYTES);
    length.writeUInt32BE(bytes.length, 0);
    parts.push(length, bytes);
  }
  return Buffer.concat(parts);
}

/** Names and values that an encryption and its decryption must agree on. */
export type EncryptionContext = Readonly<Record<string, string>>;

/** Names and values together, as UTF-8; the limit of the AWS protocol. */
export const CONTEXT_BYTES_MAX = 8_192;

/** The context sorted by the bytes of its names; undefined when it is too large. */
export function contextBytes(context: EncryptionContext): Buffer | undefined {
  const names = Object.keys(context);
  if (names.length === 0) return Buffer.alloc(0);
  if (names.length > CONTEXT_BYTES_MAX) return undefined;
  const pairs = names.map((name) => [Buffer.from(name), Buffer.from(context[name] ?? "")] as const);
  pairs.sort(([left], [right]) => left.compare(right));
  const bytes = pairs.reduce((sum, [name, value]) => sum + name.length + value.length, 0);
  return bytes > CONTEXT_BYTES_MAX ? undefined : lengthPrefixed(pairs.flat());
}
