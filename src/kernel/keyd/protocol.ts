/**
 * What is said between keyd and its clients: names of operations, types and why something is
 * refused. The bytes are `frame.ts`; the functions to call are `client.ts`.
 */
import { join } from "node:path";
import type { KeyBinding } from "../../engines/keys/binding.ts";
import type { EncryptionContext } from "../../engines/keys/canonical.ts";
import type { Config } from "../config.ts";

export function keydSocket(config: Config): string {
  return config.keydSocket ?? join(config.folders.run, "keyd.sock");
}

/** Why keyd refused, as stable words. A ciphertext is never told apart from a wrong context. */
export type KeydReason =
  /** It does not run or does not answer now; try again. */
  | "unavailable"
  /** It runs without its root: an operator must unseal it. */
  | "sealed"
  /** The wrapped key does not belong to this binding, or was changed. */
  | "wrappedKeyInvalid"
  /** The ciphertext, tag, key or context is wrong; nothing says which. */
  | "ciphertextInvalid"
  /** Key material to import is not what its spec says, or uses explicit curve parameters. */
  | "materialInvalid"
  /** The import token was used, has expired, or belongs to another key. */
  | "importTokenInvalid"
  /** The spec, algorithm or message type does not fit the key. */
  | "algorithmInvalid"
  /** Right, but this machine or this switch position does not offer it. */
  | "algorithmUnavailable"
  /** The caller knows an older or another state than keyd's record. */
  | "rolledBack"
  /** The passphrase or the recovery shares do not open the root. */
  | "unsealRefused"
  | "inputInvalid"
  | "internal";

const REASONS: ReadonlySet<string> = new Set<KeydReason>([
  "unavailable",
  "sealed",
  "wrappedKeyInvalid",
  "ciphertextInvalid",
  "materialInvalid",
  "importTokenInvalid",
  "algorithmInvalid",
  "algorithmUnavailable",
  "rolledBack",
  "unsealRefused",
  "inputInvalid",
  "internal",
]);

export function isKeydReason(text: unknown): text is KeydReason {
  return typeof text === "string" && REASONS.has(text);
}

/** Thrown by the client, and by keyd's own code for what it refuses. Holds no secret. */
export class KeydError extends Error {
  override readonly name = "KeydError";
  readonly reason: KeydReason;
  constructor(reason: KeydReason, message: string) {
    super(message);
    this.reason = reason;
  }
}

/** A key version as the caller keeps it: what it is bound to, and its wrapped material. */
export type KeyHandle = { readonly binding: KeyBinding; readonly wrapped: Buffer };

/** `publicKey` is SPKI in DER, present for asymmetric keys. */
export type NewKey = { readonly wrapped: Buffer; readonly publicKey: Buffer | undefined };

export type WrappingAlgorithm =
  | "RSAES_OAEP_SHA_1"
  | "RSAES_OAEP_SHA_256"
  | "RSA_AES_KEY_WRAP_SHA_1"
  | "RSA_AES_KEY_WRAP_SHA_256";

export type CipherOptions = {
  /** Default: the first of the key spec. */
  readonly algorithm?: string;
  /** Only for symmetric keys. */
  readonly context?: EncryptionContext;
  /** RSAES_PKCS1_V1_5 is refused without this: its padding answers are an oracle. */
  readonly allowPkcs1v15?: boolean;
};

export type SignOptions = {
  readonly algorithm?: string;
  /** RAW: keyd hashes the message. DIGEST: the caller did. Default RAW. */
  readonly messageType?: "RAW" | "DIGEST";
};

/** One item's outcome in decryptMany. */
export type ItemResult = { readonly plaintext: Buffer } | { readonly error: KeydReason };

/** The state of an account's keys that a database claims: a counter and a hash chain's head. */
export type Head = { readonly epoch: number; readonly hash: string };

export type KeydHealth = {
  /** `unavailable`: the root is a device that does not answer now. */
  /** `rolledBack`: the keys folder is older than the device's counter. */
  readonly state: "ready" | "sealed" | "unavailable" | "rolledBack";
  /** Why it is not ready; empty when it is. */
  readonly stateReason: string;
  /** `software`, `pkcs11` or `tpm`. */
  readonly root: string;
  /** How the root opens, in words for an operator. */
  readonly rootProtection: string;
  /**
   * What counts beside the data folder, in words; empty when an older folder together with an
   * older database would not be noticed.
   */
  readonly rollbackProtection: string;
  /** False where the library of the SM algorithms could not be loaded. */
  readonly smAlgorithms: boolean;
  /** What this process could and could not switch off or lock, in words. */
  readonly hardening: readonly string[];
  readonly uses: number;
  readonly cachedKeys: number;
};
