/**
 * Makes certificates of an authority: root, intermediate and server certificates (RFC 5280, with
 * the profile of the CA/Browser Forum's baseline requirements where it applies to private ones).
 */
import { createHash } from "node:crypto";
import { AsnConvert } from "@peculiar/asn1-schema";
import {
  Certificate as AsnCertificate,
  Extension as AsnExtension,
  Validity as AsnValidity,
  Extensions,
  Name,
  SubjectPublicKeyInfo,
  TBSCertificate,
  Version,
} from "@peculiar/asn1-x509";
import { writePem } from "./pem.ts";
import {
  arrayBufferOf,
  integerContent,
  type Signature,
  type Signer,
  signatureAlgorithm,
} from "./signer.ts";
import { x509 } from "./webcrypto.ts";

export type Validity = { readonly notBeforeMs: number; readonly notAfterMs: number };

/** Where relying parties find what belongs to an issuer; absent without a public address. */
export type IssuerUrls = { readonly crl: string; readonly ocsp: string; readonly issuer: string };

/**
 * What a certificate's key is for. The two halves of an SM2 pair (GB/T 38636) have a key each:
 * one signs, the other decrypts.
 */
export type LeafUse = "server" | "sm2Signing" | "sm2Encryption";

const SUBJECT_KEY_ID = "2.5.29.14";
const RSA_ENCRYPTION = "1.2.840.113549.1.1.1";
const KEY_USAGES = x509.KeyUsageFlags;

export type AuthorityRequest = Validity & {
  readonly commonName: string;
  readonly organization: string;
  /** SubjectPublicKeyInfo in DER. */
  readonly spki: Buffer;
  readonly serialNumber: string;
};

/** A self-signed root, PEM. */
export function issueRoot(signature: Signature, request: AuthorityRequest): Promise<string> {
  const subject = authorityName(request);
  return signed(signature, {
    ...request,
    issuer: subject,
    subject,
    extensions: [
      new x509.BasicConstraintsExtension(true, 1, true),
      new x509.KeyUsagesExtension(KEY_USAGES.keyCertSign | KEY_USAGES.cRLSign, true),
      new x509.SubjectKeyIdentifierExtension(keyIdOf(request.spki)),
    ],
  });
}

/** An intermediate that may sign leaves only, PEM. */
export function issueIntermediate(
  signer: Signer,
  request: AuthorityRequest,
  urls: IssuerUrls | undefined,
): Promise<string> {
  return signed(signer, {
    ...request,
    issuer: signer.certificate.tbsCertificate.subject,
    subject: authorityName(request),
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(KEY_USAGES.keyCertSign | KEY_USAGES.cRLSign, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectKeyIdentifierExtension(keyIdOf(request.spki)),
      new x509.AuthorityKeyIdentifierExtension(keyIdOfSigner(signer)),
      ...urlExtensions(urls),
    ],
  });
}

/** A server certificate over the key of a checked request, PEM. */
export function issueLeaf(
  signer: Signer,
  request: Validity & {
    readonly names: readonly string[];
    readonly spki: Buffer;
    readonly serialNumber: string;
    readonly use?: LeafUse;
  },
  urls: IssuerUrls | undefined,
): Promise<string> {
  const commonName = request.names.find((name) => name.length <= 64);
  const subject = commonName === undefined ? [] : [{ CN: [commonName] }];
  return signed(signer, {
    ...request,
    issuer: signer.certificate.tbsCertificate.subject,
    subject: nameOf(subject),
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(leafUsages(request.use ?? "server", request.spki), true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      // Without a subject the alternative name is critical (RFC 5280 §4.2.1.6).
      new x509.SubjectAlternativeNameExtension(
        request.names.map((value) => ({ type: "dns" as const, value })),
        commonName === undefined,
      ),
      new x509.SubjectKeyIdentifierExtension(keyIdOf(request.spki)),
      new x509.AuthorityKeyIdentifierExtension(keyIdOfSigner(signer)),
      ...urlExtensions(urls),
    ],
  });
}

function leafUsages(use: LeafUse, spki: Buffer): number {
  const { digitalSignature, nonRepudiation, keyEncipherment, dataEncipherment } = KEY_USAGES;
  if (use === "sm2Signing") return digitalSignature | nonRepudiation;
  if (use === "sm2Encryption") return keyEncipherment | dataEncipherment | KEY_USAGES.keyAgreement;
  const { algorithm } = AsnConvert.parse(spki, SubjectPublicKeyInfo).algorithm;
  // TLS 1.2 with RSA key transport needs the second bit; for EC keys it would be false.
  return digitalSignature | (algorithm === RSA_ENCRYPTION ? keyEncipherment : 0);
}

type Fields = Validity & {
  readonly serialNumber: string;
  readonly issuer: Name;
  readonly subject: Name;
  readonly spki: Buffer;
  readonly extensions: readonly InstanceType<typeof x509.Extension>[];
};

async function signed(signature: Signature, fields: Fields): Promise<string> {
  const algorithm = signatureAlgorithm(signature.algorithm);
  const tbsCertificate = new TBSCertificate({
    version: Version.v3,
    serialNumber: integerContent(fields.serialNumber),
    signature: algorithm,
    issuer: fields.issuer,
    validity: new AsnValidity({
      notBefore: new Date(fields.notBeforeMs),
      notAfter: new Date(fields.notAfterMs),
    }),
    subject: fields.subject,
    subjectPublicKeyInfo: AsnConvert.parse(fields.spki, SubjectPublicKeyInfo),
    extensions: new Extensions(
      fields.extensions.map(({ rawData }) => AsnConvert.parse(rawData, AsnExtension)),
    ),
  });
  const bytes = await signature.sign(Buffer.from(AsnConvert.serialize(tbsCertificate)));
  const certificate = new AsnCertificate({
    tbsCertificate,
    signatureAlgorithm: algorithm,
    signatureValue: arrayBufferOf(bytes),
  });
  return writePem("CERTIFICATE", Buffer.from(AsnConvert.serialize(certificate))).trimEnd();
}

function authorityName({ commonName, organization }: AuthorityRequest): Name {
  return nameOf([{ CN: [commonName] }, { O: [organization] }]);
}

function nameOf(parts: ConstructorParameters<typeof x509.Name>[0]): Name {
  return AsnConvert.parse(new x509.Name(parts).toArrayBuffer(), Name);
}

/** RFC 5280 §4.2.1.2, method 1: SHA-1 of the public key's bits. */
function keyIdOf(spki: Buffer): string {
  const { subjectPublicKey } = AsnConvert.parse(spki, SubjectPublicKeyInfo);
  return createHash("sha1").update(Buffer.from(subjectPublicKey)).digest("hex");
}

function keyIdOfSigner({ certificate }: Signer): string {
  const { extensions = [], subjectPublicKeyInfo } = certificate.tbsCertificate;
  const own = extensions.find(({ extnID }) => extnID === SUBJECT_KEY_ID);
  // An OCTET STRING in an OCTET STRING: two octets of head.
  if (own !== undefined) return Buffer.from(own.extnValue.buffer).subarray(2).toString("hex");
  return keyIdOf(Buffer.from(AsnConvert.serialize(subjectPublicKeyInfo)));
}

/** The extension that names a signer's key, for lists. */
export function authorityKeyExtension(signer: Signer): AsnExtension {
  const extension = new x509.AuthorityKeyIdentifierExtension(keyIdOfSigner(signer));
  return AsnConvert.parse(extension.rawData, AsnExtension);
}

function urlExtensions(urls: IssuerUrls | undefined) {
  if (urls === undefined) return [];
  return [
    new x509.CRLDistributionPointsExtension([urls.crl]),
    new x509.AuthorityInfoAccessExtension({ ocsp: urls.ocsp, caIssuers: urls.issuer }),
  ];
}
