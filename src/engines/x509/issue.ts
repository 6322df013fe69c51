/**
 * Makes certificates of an authority: root, intermediate and server certificates (RFC 5280, with
 * the profile of the CA/Browser Forum's baseline requirements where it applies to private ones).
 */
import { publicHalf } from "./private-key.ts";
import { publicKeyFacts } from "./public-key.ts";
import { webcrypto, x509 } from "./webcrypto.ts";

export type AuthorityKeyAlgorithm = "EC-P-256" | "EC-P-384";

/** What signs: an authority's certificate and its key. */
export type Signer = {
  readonly certificate: InstanceType<typeof x509.X509Certificate>;
  readonly key: webcrypto.CryptoKey;
  readonly algorithm: {
    readonly name: "ECDSA";
    readonly namedCurve: string;
    readonly hash: string;
  };
};

export type Validity = { readonly notBeforeMs: number; readonly notAfterMs: number };

/** Where relying parties find what belongs to an issuer; absent without a public address. */
export type IssuerUrls = { readonly crl: string; readonly ocsp: string; readonly issuer: string };

const signingAlgorithm = (algorithm: AuthorityKeyAlgorithm) =>
  ({
    name: "ECDSA",
    namedCurve: algorithm.slice(3),
    hash: algorithm === "EC-P-256" ? "SHA-256" : "SHA-384",
  }) as const;

/** A new key pair of an authority; the private half as PKCS #8. */
export async function newAuthorityKey(algorithm: AuthorityKeyAlgorithm): Promise<Buffer> {
  const wanted = signingAlgorithm(algorithm);
  const keys = await webcrypto.subtle.generateKey(wanted, true, ["sign", "verify"]);
  return Buffer.from(await webcrypto.subtle.exportKey("pkcs8", keys.privateKey));
}

/** Opens an authority; its key stays inside WebCrypto and cannot be exported again. */
export async function openSigner(certificatePem: string, pkcs8: Buffer): Promise<Signer> {
  const certificate = new x509.X509Certificate(certificatePem);
  const isP256 = publicKeyFacts(publicHalf(pkcs8)).algorithm === "EC-P-256";
  const algorithm = signingAlgorithm(isP256 ? "EC-P-256" : "EC-P-384");
  const key = await webcrypto.subtle.importKey("pkcs8", pkcs8, algorithm, false, ["sign"]);
  return { certificate, key, algorithm };
}

async function publicKeyOf(pkcs8: Buffer, algorithm: AuthorityKeyAlgorithm) {
  const wanted = signingAlgorithm(algorithm);
  return webcrypto.subtle.importKey("spki", publicHalf(pkcs8), wanted, true, ["verify"]);
}

const authorityUsages = () =>
  new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true);

export type AuthorityRequest = Validity & {
  readonly commonName: string;
  readonly organization: string;
  readonly pkcs8: Buffer;
  readonly algorithm: AuthorityKeyAlgorithm;
  readonly serialNumber: string;
};

const subjectOf = ({ commonName, organization }: AuthorityRequest) => [
  { CN: [commonName] },
  { O: [organization] },
];

/** A self-signed root, PEM. */
export async function issueRoot(request: AuthorityRequest): Promise<string> {
  const algorithm = signingAlgorithm(request.algorithm);
  const privateKey = await webcrypto.subtle.importKey("pkcs8", request.pkcs8, algorithm, false, [
    "sign",
  ]);
  const publicKey = await publicKeyOf(request.pkcs8, request.algorithm);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: request.serialNumber,
    name: subjectOf(request),
    notBefore: new Date(request.notBeforeMs),
    notAfter: new Date(request.notAfterMs),
    signingAlgorithm: algorithm,
    keys: { privateKey, publicKey },
    extensions: [
      new x509.BasicConstraintsExtension(true, 1, true),
      authorityUsages(),
      await x509.SubjectKeyIdentifierExtension.create(publicKey),
    ],
  });
  return certificate.toString("pem");
}

/** An intermediate that may sign leaves only, PEM. */
export async function issueIntermediate(
  signer: Signer,
  request: AuthorityRequest,
  urls: IssuerUrls | undefined,
): Promise<string> {
  const publicKey = await publicKeyOf(request.pkcs8, request.algorithm);
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: request.serialNumber,
    subject: subjectOf(request),
    issuer: signer.certificate.subjectName,
    notBefore: new Date(request.notBeforeMs),
    notAfter: new Date(request.notAfterMs),
    signingAlgorithm: signer.algorithm,
    publicKey,
    signingKey: signer.key,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      authorityUsages(),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      await x509.SubjectKeyIdentifierExtension.create(publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(signer.certificate),
      ...urlExtensions(urls),
    ],
  });
  return certificate.toString("pem");
}

/** A server certificate over the key of a checked request, PEM. */
export async function issueLeaf(
  signer: Signer,
  request: Validity & {
    readonly names: readonly string[];
    readonly spki: Buffer;
    readonly serialNumber: string;
  },
  urls: IssuerUrls | undefined,
): Promise<string> {
  const publicKey = new x509.PublicKey(request.spki);
  const isRsa = publicKey.algorithm.name.startsWith("RSA");
  const { digitalSignature, keyEncipherment } = x509.KeyUsageFlags;
  const commonName = request.names.find((name) => name.length <= 64);
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: request.serialNumber,
    subject: commonName === undefined ? [] : [{ CN: [commonName] }],
    issuer: signer.certificate.subjectName,
    notBefore: new Date(request.notBeforeMs),
    notAfter: new Date(request.notAfterMs),
    signingAlgorithm: signer.algorithm,
    publicKey,
    signingKey: signer.key,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      // TLS 1.2 with RSA key transport needs the second bit; for EC keys it would be false.
      new x509.KeyUsagesExtension(digitalSignature | (isRsa ? keyEncipherment : 0), true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      // Without a subject the alternative name is critical (RFC 5280 §4.2.1.6).
      new x509.SubjectAlternativeNameExtension(
        request.names.map((value) => ({ type: "dns" as const, value })),
        commonName === undefined,
      ),
      await x509.SubjectKeyIdentifierExtension.create(publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(signer.certificate),
      ...urlExtensions(urls),
    ],
  });
  return certificate.toString("pem");
}

function urlExtensions(urls: IssuerUrls | undefined) {
  if (urls === undefined) return [];
  return [
    new x509.CRLDistributionPointsExtension([urls.crl]),
    new x509.AuthorityInfoAccessExtension({ ocsp: urls.ocsp, caIssuers: urls.issuer }),
  ];
}
