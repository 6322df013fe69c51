/**
 * Canonical bytes of several fields: each is preceded by its length, so that no two lists of
 * fields have the same bytes. The server has the same rule for the encryption context; it is here
 * again because this package imports nothing of the server.
 */
import { createHash } from "node:crypto";
import { EncryptionError } from "./errors.ts";

/** Names and values that decryption must repeat. Not secret; not part of the message. */
export type EncryptionContext = Readonly<Record<string, string>>;

/** Names and values together, as UTF-8; the key service takes no more. */
export const CONTEXT_BYTES_MAX = 8_192;

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

/**
 * SHA-256 of the context, its names in the order of their bytes.
 *
 * @throws EncryptionError inputInvalid when a text has no UTF-8 form or there is too much of it.
 */
export function contextHash(context: EncryptionContext): Buffer {
  const pairs = Object.entries(context).map(([name, value]) => {
    // Two different broken texts would both become U+FFFD, and be taken for one another.
    if (!name.isWellFormed() || !value.isWellFormed()) {
      throw new EncryptionError("inputInvalid", "The encryption context is not well-formed text");
    }
    return [Buffer.from(name), Buffer.from(value)] as const;
  });
  const bytes = pairs.reduce((sum, [name, value]) => sum + name.length + value.length, 0);
  if (bytes > CONTEXT_BYTES_MAX) {
    const wanted = `wanted at most ${CONTEXT_BYTES_MAX}`;
    throw new EncryptionError("inputInvalid", `The context has ${bytes} bytes, ${wanted}`);
  }
  pairs.sort(([left], [right]) => left.compare(right));
  return createHash("sha256").update(lengthPrefixed(pairs.flat())).digest();
}
