/** Reads a private key and matches it with a certificate. The key leaves as PKCS #8 only. */
import { createPrivateKey, createPublicKey, type KeyObject } from "node:crypto";
import { derTag, wholeSequence } from "./der.ts";
import { X509Fault } from "./fault.ts";
import type { PemBlock } from "./pem.ts";
import { type PublicKeyFacts, publicKeyFacts, refuseExplicitCurve } from "./public-key.ts";

export type PrivateKey = {
  readonly pkcs8: Buffer;
  readonly facts: PublicKeyFacts;
};

export const isPrivateKeyLabel = (label: string): boolean => label.endsWith("PRIVATE KEY");

/**
 * The private key of a PEM block (PKCS #8, PKCS #1, SEC 1; encrypted with a passphrase).
 *
 * @throws X509Fault keyInvalid, keyEncrypted, explicitCurve, curveNotAllowed.
 */
export function readPrivateKey(block: PemBlock, passphrase?: string): PrivateKey {
  // Before any library reads the key: a curve of the sender's own is never computed on.
  if (block.label === "EC PRIVATE KEY" && !block.text.includes("Proc-Type")) {
    refuseExplicitSec1(block.der);
  }
  const key = openKey(block, passphrase);
  const pkcs8 = key.export({ type: "pkcs8", format: "der" });
  const [, algorithm] = wholeSequence(pkcs8);
  if (algorithm !== undefined) refuseExplicitCurve(algorithm.content);
  const spki = createPublicKey(key).export({ type: "spki", format: "der" });
  return { pkcs8, facts: publicKeyFacts(spki) };
}

function openKey(block: PemBlock, passphrase: string | undefined): KeyObject {
  const isEncrypted = block.label.startsWith("ENCRYPTED") || block.text.includes("ENCRYPTED");
  if (isEncrypted && passphrase === undefined) {
    throw new X509Fault("keyEncrypted", "The private key is encrypted; give its passphrase");
  }
  try {
    return createPrivateKey({ key: block.text, ...(isEncrypted ? { passphrase } : {}) });
  } catch {
    const why = isEncrypted ? "cannot be opened with this passphrase" : "cannot be read";
    throw new X509Fault(isEncrypted ? "keyEncrypted" : "keyInvalid", `The private key ${why}`);
  }
}

/** SEC 1 §C.4: version, key, [0] parameters, [1] public key. */
function refuseExplicitSec1(der: Buffer): void {
  const parameters = wholeSequence(der).find(({ tag }) => tag === derTag.context0);
  if (parameters !== undefined && parameters.content[0] !== derTag.objectIdentifier) {
    throw new X509Fault(
      "explicitCurve",
      "The key gives curve parameters instead of a curve's name",
    );
  }
}

/** SubjectPublicKeyInfo of a private key. */
export function publicHalf(pkcs8: Buffer): Buffer {
  const key = createPrivateKey({ key: pkcs8, format: "der", type: "pkcs8" });
  return createPublicKey(key).export({ type: "spki", format: "der" });
}
