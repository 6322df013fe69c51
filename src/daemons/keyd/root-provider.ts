/**
 * The root of trust as an interface: it wraps the key-encryption keys of accounts and nothing
 * else. It is asked when an account is first used, not on the path of every operation.
 */

export type RootKeyProvider = {
  readonly name: "software" | "pkcs11";
  /** How it opens, in words for an operator. */
  readonly protection: string;
  wrap(plaintext: Buffer, aad: Buffer): Promise<Buffer>;
  /** Undefined when the bytes were not wrapped by this root, or were changed. */
  unwrap(wrapped: Buffer, aad: Buffer): Promise<Buffer | undefined>;
  random(bytes: number): Promise<Buffer>;
  /** @throws KeydError when it cannot be used now. */
  health(): Promise<void>;
  close(): void;
};
