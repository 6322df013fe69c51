/**
 * Puts what an operator pasted into order: one leaf, its chain in the order TLS sends it, and the
 * key that belongs to it. What does not fit together is refused with the reason.
 */
import { type CertificateFacts, certificateFacts, isIssuedBy } from "./certificate.ts";
import { X509Fault } from "./fault.ts";
import { readPem, writePem } from "./pem.ts";
import { isPrivateKeyLabel, type PrivateKey, readPrivateKey } from "./private-key.ts";

export type Bundle = {
  readonly leaf: CertificateFacts;
  /** Issuers in order, the leaf's first; a self-signed root is left out (RFC 8446 §4.4.2). */
  readonly issuers: readonly CertificateFacts[];
  /** Subject of the authority the chain ends at. */
  readonly anchor: string;
  /** True when the file had the root itself, so that the chain is proved to its end. */
  readonly rootSeen: boolean;
  readonly key: PrivateKey | undefined;
  /** Weaknesses of leaf and issuers. */
  readonly weaknesses: readonly string[];
};

/**
 * Reads certificates and at most one private key from PEM texts.
 *
 * @throws X509Fault with every code of this folder.
 */
export function readBundle(texts: readonly string[], passphrase?: string): Bundle {
  const blocks = texts.flatMap((text) => readPem(text));
  const keys = blocks.filter(({ label }) => isPrivateKeyLabel(label));
  if (keys.length > 1) throw new X509Fault("keyInvalid", "More than one private key was given");
  const [keyBlock] = keys;
  const certificates = blocks
    .filter(({ label }) => /^(?:X509 |TRUSTED )?CERTIFICATE$/.test(label))
    .map(({ der }) => certificateFacts(der));
  if (certificates.length === 0) {
    throw new X509Fault("certificateMissing", "There is no CERTIFICATE block in what was given");
  }
  const key = keyBlock === undefined ? undefined : readPrivateKey(keyBlock, passphrase);
  const leaf = leafOf(certificates, key);
  return { leaf, key, ...chainOf(leaf, certificates) };
}

function leafOf(certificates: readonly CertificateFacts[], key: PrivateKey | undefined) {
  if (key !== undefined) {
    const own = certificates.find((one) => one.keyFingerprint === key.facts.fingerprint);
    if (own === undefined) {
      throw new X509Fault("keyMismatch", "The private key belongs to none of the certificates");
    }
    return own;
  }
  const [first] = certificates;
  if (first === undefined) throw new X509Fault("certificateMissing", "There is no certificate");
  const leaves = certificates.filter(
    (one) => !certificates.some((other) => other !== one && isIssuedBy(other, one)),
  );
  return leaves.includes(first) ? first : (leaves[0] ?? first);
}

function chainOf(leaf: CertificateFacts, certificates: readonly CertificateFacts[]) {
  const left = new Set(certificates.filter(({ fingerprint }) => fingerprint !== leaf.fingerprint));
  const issuers: CertificateFacts[] = [];
  let last = leaf;
  let rootSeen = leaf.isSelfIssued;
  while (!last.isSelfIssued) {
    const issuer = [...left].find((candidate) => isIssuedBy(last, candidate));
    if (issuer === undefined) break;
    left.delete(issuer);
    if (issuer.isSelfIssued) rootSeen = true;
    else issuers.push(issuer);
    last = issuer;
  }
  const [stray] = left;
  if (stray !== undefined) {
    throw new X509Fault(
      "chainBroken",
      `"${stray.subject}" did not issue any certificate of this chain`,
    );
  }
  const weaknesses = [...new Set([leaf, ...issuers].flatMap((one) => one.weaknesses))];
  const anchor = last.isSelfIssued ? last.subject : last.issuer;
  return { issuers, anchor, rootSeen, weaknesses };
}

/** Leaf and issuers as PEM, in the order a server sends them. */
export function fullChainPem({ leaf, issuers }: Pick<Bundle, "leaf" | "issuers">): string {
  return [leaf, ...issuers].map(({ der }) => writePem("CERTIFICATE", der)).join("");
}
