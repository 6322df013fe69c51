/**
 * Whether another authority has revoked a certificate: what to ask (RFC 6960, RFC 5280 §5), and
 * whether to believe the answer. Nothing is fetched here.
 */
import { createHash, X509Certificate as NodeCertificate, verify } from "node:crypto";
import {
  BasicOCSPResponse,
  CertID,
  id_pkix_ocsp_basic,
  OCSPRequest,
  OCSPResponse,
  OCSPResponseStatus,
  Request,
  type SingleResponse,
  TBSRequest,
} from "@peculiar/asn1-ocsp";
import { AsnConvert, OctetString } from "@peculiar/asn1-schema";
import {
  AlgorithmIdentifier,
  Certificate as AsnCertificate,
  CertificateList,
} from "@peculiar/asn1-x509";
import { arrayBufferOf } from "./signer.ts";
import { x509 } from "./webcrypto.ts";

export type RevocationStatus =
  | { readonly kind: "good" }
  | { readonly kind: "unknown" }
  | { readonly kind: "revoked"; readonly revokeTimeMs: number };

/** The leaf that is asked about, and who issued it; DER. */
export type Asked = { readonly leaf: Buffer; readonly issuer: Buffer; readonly nowMs: number };

/** An answer that is not to be believed; the message says why. */
export class StatusFault extends Error {
  override readonly name = "StatusFault";
}

const SHA1 = "1.3.14.3.2.26";
/** Clocks of responders differ. */
const SKEW_MS = 300_000;
/** SHA-2 only: an answer over SHA-1 could be forged. */
const HASHES: Readonly<Record<string, string | null>> = {
  "1.2.840.113549.1.1.11": "sha256",
  "1.2.840.113549.1.1.12": "sha384",
  "1.2.840.113549.1.1.13": "sha512",
  "1.2.840.10045.4.3.2": "sha256",
  "1.2.840.10045.4.3.3": "sha384",
  "1.2.840.10045.4.3.4": "sha512",
  "1.3.101.112": null,
};
const OCSP_SIGNING = "1.3.6.1.5.5.7.3.9";

/** A question about one certificate, DER. Its SHA-1 hashes only name the issuer. */
export function writeOcspQuestion({ leaf, issuer }: Omit<Asked, "nowMs">): Buffer {
  const reqCert = certIdOf({ leaf, issuer });
  const tbsRequest = new TBSRequest({ requestList: [new Request({ reqCert })] });
  return Buffer.from(AsnConvert.serialize(new OCSPRequest({ tbsRequest })));
}

function certIdOf({ leaf, issuer }: Omit<Asked, "nowMs">): CertID {
  const upper = AsnConvert.parse(issuer, AsnCertificate).tbsCertificate;
  const digest = (bytes: ArrayBuffer) =>
    new OctetString(arrayBufferOf(createHash("sha1").update(Buffer.from(bytes)).digest()));
  return new CertID({
    hashAlgorithm: new AlgorithmIdentifier({ algorithm: SHA1, parameters: null }),
    issuerNameHash: digest(AsnConvert.serialize(upper.subject)),
    issuerKeyHash: digest(upper.subjectPublicKeyInfo.subjectPublicKey),
    serialNumber: AsnConvert.parse(leaf, AsnCertificate).tbsCertificate.serialNumber,
  });
}

/**
 * What a responder says, once its signature, its certificate and its dates were found right.
 *
 * @throws StatusFault.
 */
export function readOcspAnswer(bytes: Buffer, asked: Asked): RevocationStatus {
  return asFault(() => {
    const answer = AsnConvert.parse(bytes, OCSPResponse);
    if (answer.responseStatus !== OCSPResponseStatus.successful) {
      throw new StatusFault(`the responder refused with status ${answer.responseStatus}`);
    }
    if (answer.responseBytes?.responseType !== id_pkix_ocsp_basic) {
      throw new StatusFault("the answer is not of the basic type");
    }
    const basic = AsnConvert.parse(answer.responseBytes.response, BasicOCSPResponse);
    const signed = Buffer.from(AsnConvert.serialize(basic.tbsResponseData));
    requireSigned(signed, basic, responderOf(basic, asked));
    const wanted = certIdOf(asked);
    const one = basic.tbsResponseData.responses.find(({ certID }) => sameId(certID, wanted));
    if (one === undefined) throw new StatusFault("the answer is about another certificate");
    requireCurrent(asked.nowMs, one.thisUpdate, one.nextUpdate);
    return statusIn(one);
  });
}

function statusIn({ certStatus }: SingleResponse): RevocationStatus {
  if (certStatus.revoked !== undefined) {
    return { kind: "revoked", revokeTimeMs: certStatus.revoked.revocationTime.getTime() };
  }
  return certStatus.good === undefined ? { kind: "unknown" } : { kind: "good" };
}

function sameId(left: CertID, right: CertID): boolean {
  const same = (one: ArrayBuffer, other: ArrayBuffer) =>
    Buffer.from(one).equals(Buffer.from(other));
  return (
    left.hashAlgorithm.algorithm === SHA1 &&
    same(left.issuerNameHash.buffer, right.issuerNameHash.buffer) &&
    same(left.issuerKeyHash.buffer, right.issuerKeyHash.buffer) &&
    same(left.serialNumber, right.serialNumber)
  );
}

/** The issuer itself, or one that it has made for answers alone (RFC 6960 §4.2.2.2). */
function responderOf(basic: BasicOCSPResponse, asked: Asked): NodeCertificate {
  const issuer = new NodeCertificate(asked.issuer);
  for (const given of basic.certs ?? []) {
    const der = Buffer.from(AsnConvert.serialize(given));
    const delegate = new NodeCertificate(der);
    if (delegate.raw.equals(issuer.raw)) continue;
    const usages = new x509.X509Certificate(der).getExtension(x509.ExtendedKeyUsageExtension);
    const valid =
      delegate.validFromDate.getTime() <= asked.nowMs + SKEW_MS &&
      delegate.validToDate.getTime() > asked.nowMs - SKEW_MS;
    const made = delegate.issuer === issuer.subject && delegate.verify(issuer.publicKey);
    if (made && valid && usages?.usages.includes(OCSP_SIGNING) === true) return delegate;
  }
  return issuer;
}

function requireSigned(
  signed: Buffer,
  by: { readonly signatureAlgorithm: AlgorithmIdentifier; readonly signature: ArrayBuffer },
  { publicKey }: NodeCertificate,
): void {
  const hash = HASHES[by.signatureAlgorithm.algorithm];
  if (hash === undefined) throw new StatusFault("the answer is signed by a weak algorithm");
  if (verify(hash, signed, publicKey, Buffer.from(by.signature))) return;
  throw new StatusFault("the signature of the answer is wrong");
}

function requireCurrent(nowMs: number, from: Date, until: Date | undefined): void {
  if (from.getTime() > nowMs + SKEW_MS) throw new StatusFault("the answer is of the future");
  if (until !== undefined && until.getTime() < nowMs - SKEW_MS) {
    throw new StatusFault("the answer has expired");
  }
}

/**
 * What a revocation list says, once it was found to be the issuer's and of today.
 *
 * @throws StatusFault.
 */
export function readCrlAnswer(bytes: Buffer, asked: Asked): RevocationStatus {
  return asFault(() => {
    const list = AsnConvert.parse(bytes, CertificateList);
    const { tbsCertList } = list;
    const issuer = AsnConvert.parse(asked.issuer, AsnCertificate).tbsCertificate;
    const name = (value: object) => Buffer.from(AsnConvert.serialize(value));
    if (!name(tbsCertList.issuer).equals(name(issuer.subject))) {
      throw new StatusFault("the list is of another authority");
    }
    const signed = Buffer.from(AsnConvert.serialize(tbsCertList));
    requireSigned(signed, list, new NodeCertificate(asked.issuer));
    const until = tbsCertList.nextUpdate?.getTime();
    requireCurrent(asked.nowMs, tbsCertList.thisUpdate.getTime(), until);
    const leaf = AsnConvert.parse(asked.leaf, AsnCertificate).tbsCertificate;
    const serial = Buffer.from(leaf.serialNumber);
    const entry = tbsCertList.revokedCertificates?.find(({ userCertificate }) =>
      Buffer.from(userCertificate).equals(serial),
    );
    if (entry === undefined) return { kind: "good" };
    return { kind: "revoked", revokeTimeMs: entry.revocationDate.getTime().getTime() };
  });
}

function asFault<Result>(read: () => Result): Result {
  try {
    return read();
  } catch (error) {
    if (error instanceof StatusFault) throw error;
    throw new StatusFault("the answer cannot be read");
  }
}
