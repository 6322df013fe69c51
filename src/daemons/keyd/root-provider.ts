/**
 * The root of trust as an interface: it wraps the key-encryption keys of accounts and nothing
 * else. It is asked when an account is first used, not on the path of every operation.
 */

export type RootKind = "software" | "pkcs11" | "tpm";

/** A number kept where putting back the data folder does not put it back. */
export type MonotonicCounter = {
  /** In words for an operator. */
  readonly where: string;
  read(): Promise<number>;
  /** One more than before, for good. */
  increment(): Promise<void>;
};

export type RootKeyProvider = {
  readonly name: RootKind;
  /** How it opens, in words for an operator. */
  readonly protection: string;
  wrap(plaintext: Buffer, aad: Buffer): Promise<Buffer>;
  /** Undefined when the bytes were not wrapped by this root, or were changed. */
  unwrap(wrapped: Buffer, aad: Buffer): Promise<Buffer | undefined>;
  random(bytes: number): Promise<Buffer>;
  /** @throws KeydError when it cannot be used now. */
  health(): Promise<void>;
  /** Tries a device again after an operator's help, such as a corrected PIN. */
  retry?(): Promise<void>;
  /** Present where the device has something that counts. */
  readonly counter?: MonotonicCounter;
  close(): void;
};
