/** Online status of certificates: requests read, responses made (RFC 6960, nonce of RFC 9654). */
import { createHash } from "node:crypto";
import {
  BasicOCSPResponse,
  type CertID,
  CertStatus,
  id_pkix_ocsp_basic,
  id_pkix_ocsp_nonce,
  KeyHash,
  OCSPRequest,
  OCSPResponse,
  OCSPResponseStatus,
  ResponderID,
  ResponseBytes,
  ResponseData,
  RevokedInfo,
  SingleResponse,
} from "@peculiar/asn1-ocsp";
import { AsnConvert, OctetString } from "@peculiar/asn1-schema";
import { CRLReason, type Extension } from "@peculiar/asn1-x509";
import { type RevokedEntry, revocationReasons } from "./crl.ts";
import { x509Limits } from "./limits.ts";
import { type Signer, signatureAlgorithm } from "./signer.ts";

export type OcspEntry = {
  /** Hex without leading zero octets. */
  readonly serialNumber: string;
  readonly id: CertID;
};

export type OcspQuestion = {
  readonly entries: readonly OcspEntry[];
  /** The extension as it came; it is sent back unchanged. */
  readonly nonce: Extension | undefined;
};

/** `unknown`: this authority never issued it. */
export type OcspStatus =
  | { readonly kind: "good" }
  | { readonly kind: "unknown" }
  | { readonly kind: "revoked"; readonly entry: RevokedEntry };

const HASHES: Readonly<Record<string, string>> = {
  "1.3.14.3.2.26": "sha1",
  "2.16.840.1.101.3.4.2.1": "sha256",
  "2.16.840.1.101.3.4.2.2": "sha384",
};

/** A request in DER; undefined when it is none, or asks for too much at once. */
export function readOcspRequest(bytes: Buffer): OcspQuestion | undefined {
  if (bytes.length > x509Limits.ocspRequestBytesMax) return undefined;
  try {
    const { tbsRequest } = AsnConvert.parse(bytes, OCSPRequest);
    const entries = tbsRequest.requestList.map(({ reqCert }) => ({
      serialNumber: hexOf(reqCert.serialNumber),
      id: reqCert,
    }));
    const nonce = tbsRequest.requestExtensions?.find(({ extnID }) => extnID === id_pkix_ocsp_nonce);
    const tooLong = (nonce?.extnValue.byteLength ?? 0) > x509Limits.ocspNonceBytesMax;
    if (entries.length === 0 || entries.length > x509Limits.ocspRequestEntriesMax || tooLong) {
      return undefined;
    }
    return { entries, nonce };
  } catch {
    return undefined;
  }
}

function hexOf(bytes: ArrayBuffer): string {
  return Buffer.from(bytes)
    .toString("hex")
    .replace(/^(?:00)+(?=.)/, "");
}

/** Whether the question is about a certificate of this authority: hashes of name and key. */
export function asksAbout(signer: Signer, { id }: OcspEntry): boolean {
  const hash = HASHES[id.hashAlgorithm.algorithm];
  if (hash === undefined) return false;
  const { tbsCertificate } = signer.certificate;
  const digest = (bytes: ArrayBuffer) => createHash(hash).update(Buffer.from(bytes)).digest();
  const name = digest(AsnConvert.serialize(tbsCertificate.subject));
  const key = digest(tbsCertificate.subjectPublicKeyInfo.subjectPublicKey);
  return (
    name.equals(Buffer.from(id.issuerNameHash.buffer)) &&
    key.equals(Buffer.from(id.issuerKeyHash.buffer))
  );
}

/** A signed response, DER. */
export async function writeOcspResponse(
  signer: Signer,
  answer: {
    readonly statuses: readonly { readonly id: CertID; readonly status: OcspStatus }[];
    readonly nonce: Extension | undefined;
    readonly thisUpdateMs: number;
    readonly nextUpdateMs: number;
  },
): Promise<Buffer> {
  const { tbsCertificate } = signer.certificate;
  const publicKey = Buffer.from(tbsCertificate.subjectPublicKeyInfo.subjectPublicKey);
  const keyHash = createHash("sha1").update(publicKey).digest();
  const data = new ResponseData({
    responderID: new ResponderID({ byKey: new KeyHash(arrayBufferOf(keyHash)) }),
    producedAt: wholeSeconds(answer.thisUpdateMs),
    responses: answer.statuses.map(
      ({ id, status }) =>
        new SingleResponse({
          certID: id,
          certStatus: statusOf(status),
          thisUpdate: wholeSeconds(answer.thisUpdateMs),
          nextUpdate: wholeSeconds(answer.nextUpdateMs),
        }),
    ),
    ...(answer.nonce === undefined ? {} : { responseExtensions: [answer.nonce] }),
  });
  const signed = Buffer.from(AsnConvert.serialize(data));
  const signature = await signer.sign(signed);
  const basic = new BasicOCSPResponse({
    tbsResponseData: data,
    signatureAlgorithm: signatureAlgorithm(signer.algorithm),
    signature: arrayBufferOf(signature),
  });
  const response = new OctetString(AsnConvert.serialize(basic));
  return encode(OCSPResponseStatus.successful, response);
}

/** An answer without content, such as `malformedRequest` (RFC 6960 §2.3). */
export function ocspRefusal(status: "malformedRequest" | "unauthorized" | "tryLater"): Buffer {
  return encode(OCSPResponseStatus[status], undefined);
}

function encode(status: OCSPResponseStatus, response: OctetString | undefined): Buffer {
  const bytes = new OCSPResponse({
    responseStatus: status,
    ...(response === undefined
      ? {}
      : { responseBytes: new ResponseBytes({ responseType: id_pkix_ocsp_basic, response }) }),
  });
  return Buffer.from(AsnConvert.serialize(bytes));
}

function statusOf(status: OcspStatus): CertStatus {
  if (status.kind === "good") return new CertStatus({ good: null });
  if (status.kind === "unknown") return new CertStatus({ unknown: null });
  const { revokeTimeMs, reason } = status.entry;
  return new CertStatus({
    revoked: new RevokedInfo({
      revocationTime: wholeSeconds(revokeTimeMs),
      ...(reason === "unspecified"
        ? {}
        : { revocationReason: new CRLReason(revocationReasons[reason]) }),
    }),
  });
}

/** GeneralizedTime here has no fraction (RFC 6960 §4.2.2.1 by RFC 5280 §4.1.2.5.2). */
const wholeSeconds = (ms: number) => new Date(Math.floor(ms / 1000) * 1000);

function arrayBufferOf(bytes: Buffer): ArrayBuffer {
  const copy = new ArrayBuffer(bytes.length);
  new Uint8Array(copy).set(bytes);
  return copy;
}
