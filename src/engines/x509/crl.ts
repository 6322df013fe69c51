/** Certificate revocation lists (RFC 5280 §5). */
import { AsnConvert, OctetString } from "@peculiar/asn1-schema";
import {
  CertificateList,
  Extension,
  RevokedCertificate,
  TBSCertList,
  Time,
  Version,
} from "@peculiar/asn1-x509";
import { authorityKeyExtension } from "./issue.ts";
import { arrayBufferOf, integerContent, type Signer, signatureAlgorithm } from "./signer.ts";

/** Reasons a certificate can be revoked for (RFC 5280 §5.3.1); the numbers are the RFC's. */
export const revocationReasons = {
  unspecified: 0,
  keyCompromise: 1,
  affiliationChanged: 3,
  superseded: 4,
  cessationOfOperation: 5,
} as const;
export type RevocationReason = keyof typeof revocationReasons;

/** The name of a reason's number, or undefined when it is none an owner may give. */
export function revocationReason(code: number): RevocationReason | undefined {
  const found = Object.entries(revocationReasons).find(([, number]) => number === code);
  return found?.[0] as RevocationReason | undefined;
}

export type RevokedEntry = {
  readonly serialNumber: string;
  readonly revokeTimeMs: number;
  readonly reason: RevocationReason;
};

const CRL_NUMBER = "2.5.29.20";
const CRL_REASON = "2.5.29.21";
const ENUMERATED = 0x0a;

/** A complete list, DER. `number` must grow from list to list (RFC 5280 §5.2.3). */
export async function issueCrl(
  signer: Signer,
  list: {
    readonly number: number;
    readonly thisUpdateMs: number;
    readonly nextUpdateMs: number;
    readonly entries: readonly RevokedEntry[];
  },
): Promise<Buffer> {
  const algorithm = signatureAlgorithm(signer.algorithm);
  const tbsCertList = new TBSCertList({
    version: Version.v2,
    signature: algorithm,
    issuer: signer.certificate.tbsCertificate.subject,
    thisUpdate: new Time(new Date(list.thisUpdateMs)),
    nextUpdate: new Time(new Date(list.nextUpdateMs)),
    // RFC 5280 §5.1.2.6: no entries are no list at all, rather than an empty one.
    ...(list.entries.length === 0 ? {} : { revokedCertificates: list.entries.map(entryOf) }),
    crlExtensions: [
      authorityKeyExtension(signer),
      new Extension({
        extnID: CRL_NUMBER,
        extnValue: new OctetString(arrayBufferOf(derInteger(list.number))),
      }),
    ],
  });
  const bytes = await signer.sign(Buffer.from(AsnConvert.serialize(tbsCertList)));
  const crl = new CertificateList({
    tbsCertList,
    signatureAlgorithm: algorithm,
    signature: arrayBufferOf(bytes),
  });
  return Buffer.from(AsnConvert.serialize(crl));
}

function entryOf({ serialNumber, revokeTimeMs, reason }: RevokedEntry): RevokedCertificate {
  const code = Buffer.from([ENUMERATED, 1, revocationReasons[reason]]);
  const extension = new Extension({
    extnID: CRL_REASON,
    extnValue: new OctetString(arrayBufferOf(code)),
  });
  return new RevokedCertificate({
    userCertificate: integerContent(serialNumber),
    revocationDate: new Time(new Date(revokeTimeMs)),
    // RFC 5280 §5.3.1: "unspecified" is said by saying nothing.
    ...(reason === "unspecified" ? {} : { crlEntryExtensions: [extension] }),
  });
}

/** DER INTEGER of a number that is not negative. */
function derInteger(value: number): Buffer {
  const hex = value.toString(16);
  const even = hex.length % 2 === 0 ? hex : `0${hex}`;
  const octets = Buffer.from(even, "hex");
  const padded = (octets[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.from([0]), octets]) : octets;
  return Buffer.concat([Buffer.from([0x02, padded.length]), padded]);
}
