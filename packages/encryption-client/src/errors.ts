/** What this library refuses with. Messages never hold plaintext, keys or the context's values. */

export type EncryptionReason =
  /** Not a message of this format, or of a version or suite that this library does not know. */
  | "messageUnknown"
  /** Changed, cut, reordered, joined with another, or opened with another context. */
  | "messageInvalid"
  /** The message names a key that the caller did not say may open messages. */
  | "keyRefused"
  /** The context, a field's value or an option is not one that can be used. */
  | "inputInvalid";

export class EncryptionError extends Error {
  override readonly name = "EncryptionError";
  readonly reason: EncryptionReason;
  constructor(reason: EncryptionReason, message: string) {
    super(message);
    this.reason = reason;
  }
}

/** The key service refused or could not be reached. */
export class KmsError extends Error {
  override readonly name = "KmsError";
  /** Stable: such as `kms.keyNotFound`; `unreachable` when there was no answer. */
  readonly reason: string;
  readonly fix: string;
  constructor(reason: string, message: string, { fix, cause }: { fix?: string; cause?: unknown }) {
    super(message, { cause });
    this.reason = reason;
    this.fix = fix ?? "";
  }
}
