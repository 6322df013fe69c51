/**
 * What signs certificates, lists and answers. The key is somewhere else: whoever makes a signer
 * gives the function that signs, and nothing here ever holds a private key.
 */
import { AsnConvert } from "@peculiar/asn1-schema";
import { AlgorithmIdentifier, Certificate as AsnCertificate } from "@peculiar/asn1-x509";
import { readPem } from "./pem.ts";

export type AuthorityKeyAlgorithm = "EC-P-256" | "EC-P-384" | "SM2";

/** Signs a message: ECDSA over SHA-256 or SHA-384, SM2 over SM3; the signature is DER. */
export type Sign = (message: Buffer) => Promise<Buffer>;

export type Signature = { readonly algorithm: AuthorityKeyAlgorithm; readonly sign: Sign };

/** An authority: its certificate, and what signs for it. */
export type Signer = Signature & { readonly certificate: AsnCertificate };

/** RFC 5758 §3.2; SM2 with SM3 is GM/T 0006. All without parameters. */
const SIGNATURE_OIDS: Readonly<Record<AuthorityKeyAlgorithm, string>> = {
  "EC-P-256": "1.2.840.10045.4.3.2",
  "EC-P-384": "1.2.840.10045.4.3.3",
  SM2: "1.2.156.10197.1.501",
};

export function signatureAlgorithm(algorithm: AuthorityKeyAlgorithm): AlgorithmIdentifier {
  return new AlgorithmIdentifier({ algorithm: SIGNATURE_OIDS[algorithm] });
}

/** @throws Error when the text is no certificate. */
export function openSigner(certificatePem: string, signature: Signature): Signer {
  const [block] = readPem(certificatePem);
  if (block === undefined) throw new Error("The authority's certificate cannot be read");
  return { ...signature, certificate: AsnConvert.parse(block.der, AsnCertificate) };
}

export function arrayBufferOf(bytes: Buffer): ArrayBuffer {
  return new Uint8Array(bytes).buffer;
}

/** A positive INTEGER's content from hex (X.690 §8.3). */
export function integerContent(hex: string): ArrayBuffer {
  const octets = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, "hex");
  const positive = (octets[0] ?? 0) < 0x80;
  return arrayBufferOf(positive ? octets : Buffer.concat([Buffer.from([0]), octets]));
}
