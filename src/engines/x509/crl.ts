/** Certificate revocation lists (RFC 5280 §5). */
import type { Signer } from "./issue.ts";
import { x509 } from "./webcrypto.ts";

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
  const crl = await x509.X509CrlGenerator.create({
    issuer: signer.certificate.subjectName,
    thisUpdate: new Date(list.thisUpdateMs),
    nextUpdate: new Date(list.nextUpdateMs),
    signingAlgorithm: signer.algorithm,
    signingKey: signer.key,
    entries: list.entries.map(({ serialNumber, revokeTimeMs, reason }) => ({
      serialNumber,
      revocationDate: new Date(revokeTimeMs),
      // RFC 5280 §5.3.1: "unspecified" is said by saying nothing.
      ...(reason === "unspecified" ? {} : { reason: revocationReasons[reason] }),
    })),
    extensions: [
      await x509.AuthorityKeyIdentifierExtension.create(signer.certificate),
      new x509.Extension(CRL_NUMBER, false, derInteger(list.number)),
    ],
  });
  return Buffer.from(crl.rawData);
}

/** DER INTEGER of a number that is not negative. */
function derInteger(value: number): Buffer {
  const hex = value.toString(16);
  const even = hex.length % 2 === 0 ? hex : `0${hex}`;
  const octets = Buffer.from(even, "hex");
  const padded = (octets[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.from([0]), octets]) : octets;
  return Buffer.concat([Buffer.from([0x02, padded.length]), padded]);
}
