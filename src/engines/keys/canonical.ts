/**
 * Canonical bytes of several fields: each is preceded by its length, so that no two lists of
 * fields have the same bytes. It is what additional authenticated data is made of.
 */

const LENGTH_BYTES = 4;

/** Fields as `length (4 bytes, big endian) | bytes`, one after another; text is UTF-8. */
export function lengthPrefixed(fields: readonly (string | Uint8Array)[]): Buffer {
  let bytes = 0;
  for (const field of fields) bytes += LENGTH_BYTES + lengthOf(field);
  // Of its own: what is authenticated may be a secret, and a shared pool would keep it.
  const whole = Buffer.allocUnsafeSlow(bytes);
  let at = 0;
  for (const field of fields) {
    const length = lengthOf(field);
    at = whole.writeUInt32BE(length, at);
    if (typeof field === "string") whole.write(field, at, "utf8");
    else whole.set(field, at);
    at += length;
  }
  return whole;
}

function lengthOf(field: string | Uint8Array): number {
  return typeof field === "string" ? Buffer.byteLength(field, "utf8") : field.length;
}

/** Names and values that an encryption and its decryption must agree on. */
export type EncryptionContext = Readonly<Record<string, string>>;

/** Names and values together, as UTF-8; the limit of the AWS protocol. */
export const CONTEXT_BYTES_MAX = 8_192;

const NOTHING = Buffer.alloc(0);

/** The context sorted by the bytes of its names; undefined when it is too large. */
export function contextBytes(context: EncryptionContext): Buffer | undefined {
  const names = Object.keys(context);
  if (names.length === 0) return NOTHING;
  if (names.length > CONTEXT_BYTES_MAX) return undefined;
  const pairs = names.map((name) => [Buffer.from(name), Buffer.from(context[name] ?? "")] as const);
  pairs.sort(([left], [right]) => left.compare(right));
  const bytes = pairs.reduce((sum, [name, value]) => sum + name.length + value.length, 0);
  return bytes > CONTEXT_BYTES_MAX ? undefined : lengthPrefixed(pairs.flat());
}
