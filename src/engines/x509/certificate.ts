/** Reads one certificate (RFC 5280) into the plain facts that an inventory keeps. */
import { createHash, X509Certificate as NodeCertificate } from "node:crypto";
import { AsnConvert } from "@peculiar/asn1-schema";
import { Certificate as AsnCertificate } from "@peculiar/asn1-x509";
import { wholeSequence } from "./der.ts";
import { asDerFault, X509Fault } from "./fault.ts";
import { x509Limits } from "./limits.ts";
import { publicKeyFacts } from "./public-key.ts";
import { x509 } from "./webcrypto.ts";

export type CertificateFacts = {
  readonly der: Buffer;
  readonly subject: string;
  readonly issuer: string;
  /** Hex without a leading zero octet. */
  readonly serialNumber: string;
  /** DNS names and IP addresses of the subject alternative name. */
  readonly names: readonly string[];
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  readonly keyAlgorithm: string;
  readonly keyFingerprint: string;
  /** SHA-256 of the certificate, hex. */
  readonly fingerprint: string;
  readonly isAuthority: boolean;
  readonly isSelfIssued: boolean;
  /** Key identifier of the issuer, hex; empty when the certificate does not say. */
  readonly authorityKeyId: string;
  readonly weaknesses: readonly string[];
  readonly ocspUrls: readonly string[];
  readonly crlUrls: readonly string[];
};

/** Object identifiers of signatures over MD2, MD5 and SHA-1. */
const WEAK_SIGNATURES: Readonly<Record<string, string>> = {
  "1.2.840.113549.1.1.2": "md2Signature",
  "1.2.840.113549.1.1.4": "md5Signature",
  "1.2.840.113549.1.1.5": "sha1Signature",
  "1.2.840.10040.4.3": "sha1Signature",
  "1.2.840.10045.4.1": "sha1Signature",
};
const RSASSA_PSS = "1.2.840.113549.1.1.10";
/** 2.16.840.1.101.3.4.2: the arc of SHA-2 and SHA-3. PSS without it means SHA-1 (RFC 4055 §3.1). */
const SHA2_ARC = Buffer.from([0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02]);

/**
 * The facts of a certificate in DER.
 *
 * @throws X509Fault derInvalid, explicitCurve, curveNotAllowed.
 */
export function certificateFacts(
  der: Buffer,
  options: { readonly allowSm2?: boolean } = {},
): CertificateFacts {
  wholeSequence(der);
  // The library reads extensions only when they are asked for, so faults come from everywhere.
  return asDerFault("The certificate cannot be read (RFC 5280 §4.1)", () =>
    readFacts(der, options),
  );
}

function readFacts(der: Buffer, options: { readonly allowSm2?: boolean }): CertificateFacts {
  const parsed = new x509.X509Certificate(der);
  const asn = AsnConvert.parse(der, AsnCertificate);
  const spki = Buffer.from(AsnConvert.serialize(asn.tbsCertificate.subjectPublicKeyInfo));
  const key = publicKeyFacts(spki, options);
  const isAuthority = parsed.getExtension(x509.BasicConstraintsExtension)?.ca === true;
  const isSelfIssued = parsed.subject === parsed.issuer;
  const { algorithm, parameters } = asn.signatureAlgorithm;
  // A root is trusted for itself; what signs it says nothing.
  const signature = isSelfIssued && isAuthority ? [] : weakSignature(algorithm, parameters);
  return {
    der,
    subject: parsed.subject,
    issuer: parsed.issuer,
    serialNumber: parsed.serialNumber.toLowerCase().replace(/^(?:00)+(?=.)/, ""),
    names: namesOf(parsed),
    notBeforeMs: parsed.notBefore.getTime(),
    notAfterMs: parsed.notAfter.getTime(),
    keyAlgorithm: key.algorithm,
    keyFingerprint: key.fingerprint,
    fingerprint: createHash("sha256").update(der).digest("hex"),
    isAuthority,
    isSelfIssued,
    authorityKeyId: parsed.getExtension(x509.AuthorityKeyIdentifierExtension)?.keyId ?? "",
    weaknesses: [...key.weaknesses, ...signature],
    ...revocationUrls(parsed),
  };
}

function weakSignature(oid: string, parameters: ArrayBuffer | null | undefined): string[] {
  if (oid === RSASSA_PSS) {
    const isStrong = Buffer.from(parameters ?? new ArrayBuffer(0)).includes(SHA2_ARC);
    return isStrong ? [] : ["sha1Signature"];
  }
  const weakness = WEAK_SIGNATURES[oid];
  return weakness === undefined ? [] : [weakness];
}

function namesOf(certificate: InstanceType<typeof x509.X509Certificate>): string[] {
  const extension = certificate.getExtension(x509.SubjectAlternativeNameExtension);
  const names = (extension?.names.items ?? [])
    .filter(({ type }) => type === "dns" || type === "ip")
    .map(({ value }) => value.toLowerCase());
  if (names.length > x509Limits.namesMax) {
    throw new X509Fault(
      "derInvalid",
      `The certificate has ${names.length} names, at most ${x509Limits.namesMax} are kept`,
    );
  }
  return names;
}

function revocationUrls(certificate: InstanceType<typeof x509.X509Certificate>) {
  const access = certificate.getExtension(x509.AuthorityInfoAccessExtension);
  const points = certificate.getExtension(x509.CRLDistributionPointsExtension);
  const crlUrls = (points?.distributionPoints ?? []).flatMap(({ distributionPoint }) =>
    (distributionPoint?.fullName ?? []).flatMap(({ uniformResourceIdentifier: url }) => url ?? []),
  );
  return { ocspUrls: (access?.ocsp ?? []).map(({ value }) => value), crlUrls };
}

/** Whether `issuer` signed `certificate` and is an authority; names and signature, not dates. */
export function isIssuedBy(certificate: CertificateFacts, issuer: CertificateFacts): boolean {
  if (certificate.issuer !== issuer.subject || !issuer.isAuthority) return false;
  const signer = new NodeCertificate(issuer.der);
  return new NodeCertificate(certificate.der).verify(signer.publicKey);
}

/** Whether the certificate is for this host name; a wildcard covers one label (RFC 6125 §6.4.3). */
export function coversHost(names: readonly string[], host: string): boolean {
  const lower = host.toLowerCase();
  if (names.includes(lower)) return true;
  const parent = lower.slice(lower.indexOf(".") + 1);
  return lower.includes(".") && !lower.startsWith("*.") && names.includes(`*.${parent}`);
}
