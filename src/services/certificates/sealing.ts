/**
 * Private keys are sealed before they reach the database and opened only to be used. What seals is
 * passed in; this file checks that what was opened is the key that the row is about.
 */
import { createPrivateKey } from "node:crypto";
import { publicHalf } from "../../engines/x509/private-key.ts";
import { publicKeyFacts } from "../../engines/x509/public-key.ts";
import { KeydError } from "../../kernel/keyd/protocol.ts";
import { Problem } from "../../kernel/problem.ts";

/** Seals bytes for one purpose and one account; what was sealed for another does not open. */
export type KeySealer = {
  seal(purpose: string, accountId: string, plaintext: Buffer): Promise<Buffer>;
  open(purpose: string, accountId: string, sealed: Buffer): Promise<Buffer>;
};

export const purposes = {
  privateKey: "certificates.privateKey",
  authorityKey: "certificates.authorityKey",
  accountKey: "certificates.acmeAccountKey",
  externalMac: "certificates.externalMac",
  dnsSecret: "certificates.dnsSecret",
} as const;
export type Purpose = (typeof purposes)[keyof typeof purposes];

class KeyMismatch extends Error {
  override readonly name = "KeyMismatch";
}

/** True when a sealed key will never open: it was sealed for something else, or was changed. */
export function isBeyondOpening(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined;
  if (cause instanceof KeyMismatch) return true;
  return cause instanceof KeydError && cause.reason === "ciphertextInvalid";
}

/** @throws Problem certificates.keydUnavailable. */
export async function sealSecret(
  sealer: KeySealer,
  { purpose, accountId }: { purpose: Purpose; accountId: string },
  plaintext: Buffer,
): Promise<Buffer> {
  try {
    return await sealer.seal(purpose, accountId, plaintext);
  } catch (error) {
    throw new Problem("certificates.keydUnavailable", { cause: error });
  }
}

/** @throws Problem certificates.keydUnavailable. */
export async function openSecret(
  sealer: KeySealer,
  { purpose, accountId }: { purpose: Purpose; accountId: string },
  sealed: Buffer,
): Promise<Buffer> {
  try {
    return await sealer.open(purpose, accountId, sealed);
  } catch (error) {
    throw new Problem("certificates.keydUnavailable", { cause: error });
  }
}

/**
 * The private key of a row as PKCS #8 in DER. The caller clears it with `fill(0)` after use.
 *
 * @throws Problem certificates.keydUnavailable, also when a sealed key of another row was put here.
 */
export async function openPrivateKey(
  sealer: KeySealer,
  accountId: string,
  row: { readonly keySealed: Buffer; readonly keyFingerprint: string },
): Promise<Buffer> {
  const key = { purpose: purposes.privateKey, accountId };
  const pkcs8 = await openSecret(sealer, key, row.keySealed);
  if (publicKeyFacts(publicHalf(pkcs8), { allowSm2: true }).fingerprint !== row.keyFingerprint) {
    pkcs8.fill(0);
    const cause = new KeyMismatch("the opened key does not match the certificate of its row");
    throw new Problem("certificates.keydUnavailable", { cause });
  }
  return pkcs8;
}

/** PKCS #8 as PEM text. */
export function privateKeyPem(pkcs8: Buffer): string {
  const key = createPrivateKey({ key: pkcs8, format: "der", type: "pkcs8" });
  return key.export({ type: "pkcs8", format: "pem" }).toString();
}
