/** What the package offers; everything else is its own affair. */
export type { EncryptionContext } from "./canonical.ts";
export { type CacheLimits, cacheLimitsDefault } from "./data-key-cache.ts";
export { createEncryption, type Encryption, type EncryptionOptions } from "./encryption.ts";
export { EncryptionError, type EncryptionReason, KmsError } from "./errors.ts";
export {
  createFieldKey,
  type Deterministic,
  type FieldKey,
  type Fields,
  type FormatPreserving,
  openFields,
  rewrapFieldKey,
} from "./fields.ts";
export { openFileSource } from "./file-source.ts";
export { HEADER_BYTES_MAX, messageKeyId } from "./header.ts";
export { type Credential, type DataKey, httpKms, type Kms, type KmsOptions } from "./kms.ts";
export type { RandomAccess, Source } from "./random-access.ts";
export type { AccessKey } from "./signature.ts";
