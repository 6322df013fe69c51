/**
 * The key of one message and its commitment, from a data key. AES-GCM alone does not commit: a
 * ciphertext can be made that opens to two texts under two keys. Here both key and commitment come
 * out of HKDF-SHA-256 over data key, salt, header and context, and a message is opened only when
 * the commitment is the one in its header. Two openings of one header would be a collision of
 * SHA-256.
 */
import { hkdfSync, randomBytes, timingSafeEqual } from "node:crypto";
import { contextHash, type EncryptionContext, lengthPrefixed } from "./canonical.ts";
import { EncryptionError } from "./errors.ts";
import { COMMITMENT_BYTES, type Header, SALT_BYTES } from "./header.ts";

export const DATA_KEY_BYTES = 32;
const KEY_BYTES = 32;
const LABEL = "cordon encrypted message";

type Derived = { readonly key: Buffer; readonly commitment: Buffer };

/** A salt, key and commitment for a new message. */
export function newMessageKey(
  dataKey: Buffer,
  fixed: Buffer,
  context: EncryptionContext,
): Derived & { readonly salt: Buffer } {
  const salt = randomBytes(SALT_BYTES);
  return { salt, ...derive(dataKey, { fixed, salt }, context) };
}

/**
 * The key of a message.
 *
 * @throws EncryptionError messageInvalid when data key, header or context are not those it was
 * made with; nothing says which.
 */
export function messageKey(
  dataKey: Buffer,
  header: Pick<Header, "fixed" | "salt" | "commitment">,
  context: EncryptionContext,
): Buffer {
  const { key, commitment } = derive(dataKey, header, context);
  if (timingSafeEqual(commitment, header.commitment)) return key;
  key.fill(0);
  throw new EncryptionError(
    "messageInvalid",
    "The message does not open: it was changed, or made with another data key or context",
  );
}

function derive(
  dataKey: Buffer,
  { fixed, salt }: Pick<Header, "fixed" | "salt">,
  context: EncryptionContext,
): Derived {
  if (dataKey.length !== DATA_KEY_BYTES) {
    const message = `A data key has ${dataKey.length} bytes, wanted ${DATA_KEY_BYTES}`;
    throw new EncryptionError("inputInvalid", message);
  }
  const info = lengthPrefixed([LABEL, fixed, contextHash(context)]);
  const bytes = Buffer.from(hkdfSync("sha256", dataKey, salt, info, KEY_BYTES + COMMITMENT_BYTES));
  return { key: bytes.subarray(0, KEY_BYTES), commitment: bytes.subarray(KEY_BYTES) };
}
