/**
 * Cordon's own certificate authority: certificates for the console, for sites until real ones are
 * bound, and for the nodes of the fleet. Its key is a file in the data folder that only the
 * operating user can read.
 */
import { hkdfSync, webcrypto } from "node:crypto";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
// The library builds on decorators that need this polyfill before anything of it is loaded.
import "reflect-metadata";
import * as x509 from "@peculiar/x509";

x509.cryptoProvider.set(webcrypto);

/** P-256 with SHA-256: small, and verified by everything that speaks TLS 1.2. */
const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
const DAY_MS = 86_400_000;
const AUTHORITY_DAYS = 3_650;
/** CA/Browser Forum's limit when this was written is shorter; internal names may keep a year. */
const LEAF_DAYS = 365;
/** A node renews its own in time; a lost one ends soon. */
const NODE_LIFETIME_MS = 30 * DAY_MS;

export type IssuedCertificate = {
  readonly certificatePem: string;
  readonly privateKeyPem: string;
  readonly expireTimeMs: number;
};

export type CertificateAuthority = {
  readonly certificatePem: string;
  /** A server certificate for these DNS names and IP addresses, with a new key. */
  issueServer(names: readonly string[]): Promise<IssuedCertificate>;
  /** A client certificate for a key that the node made itself. */
  issueClient(subject: string, requestPem: string): Promise<{ certificatePem: string }>;
  /**
   * 32 bytes for one purpose, the same from every control plane that has this authority's key
   * (HKDF, RFC 5869). Hex; nothing about the key or another purpose's secret follows from it.
   */
  secretFor(purpose: string): string;
};

/** Opens the authority in `folder`, making it at the first start. */
export async function openAuthority(
  folder: string,
  clock: () => number,
  options: { nodeLifetimeMs?: number } = {},
): Promise<CertificateAuthority> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const certificateFile = join(folder, "authority.pem");
  const keyFile = join(folder, "authority.key");
  const known = await readPair(certificateFile, keyFile);
  const { certificatePem, privateKeyPem } = known ?? (await createAuthority(clock()));
  if (known === undefined) {
    await writeAtomically(keyFile, privateKeyPem);
    await writeAtomically(certificateFile, certificatePem);
  }
  const authority = new x509.X509Certificate(certificatePem);
  const signingKey = await importPrivateKey(privateKeyPem);
  const issuer = { subject: authority.subject, signingKey, certificate: authority };
  return {
    certificatePem,
    issueServer: (names) => issueServer(issuer, names, clock()),
    issueClient: (subject, requestPem) =>
      issueClient(issuer, {
        subject,
        requestPem,
        nowMs: clock(),
        lifetimeMs: options.nodeLifetimeMs ?? NODE_LIFETIME_MS,
      }),
    secretFor: (purpose) =>
      Buffer.from(hkdfSync("sha256", privateKeyPem, "", `cordon ${purpose}`, 32)).toString("hex"),
  };
}

async function readPair(certificateFile: string, keyFile: string) {
  try {
    const certificatePem = await readFile(certificateFile, "utf8");
    const privateKeyPem = await readFile(keyFile, "utf8");
    return { certificatePem, privateKeyPem };
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}

async function writeAtomically(file: string, text: string): Promise<void> {
  await writeFile(`${file}.new`, text, { mode: 0o600, flush: true });
  await rename(`${file}.new`, file);
}

async function createAuthority(nowMs: number) {
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: newSerialNumber(),
    name: "CN=Cordon internal CA,O=Cordon",
    notBefore: new Date(nowMs - DAY_MS),
    notAfter: new Date(nowMs + AUTHORITY_DAYS * DAY_MS),
    signingAlgorithm: ALGORITHM,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(
        x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign,
        true,
      ),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return {
    certificatePem: certificate.toString("pem"),
    privateKeyPem: await exportPrivateKey(keys.privateKey),
  };
}

type Issuer = {
  readonly subject: string;
  readonly signingKey: webcrypto.CryptoKey;
  readonly certificate: x509.X509Certificate;
};

async function issueServer(
  issuer: Issuer,
  names: readonly string[],
  nowMs: number,
): Promise<IssuedCertificate> {
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
  const expireTimeMs = nowMs + LEAF_DAYS * DAY_MS;
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: newSerialNumber(),
    subject: `CN=${(names[0] ?? "").slice(0, 64)}`,
    issuer: issuer.subject,
    notBefore: new Date(nowMs - DAY_MS),
    notAfter: new Date(expireTimeMs),
    signingAlgorithm: ALGORITHM,
    publicKey: keys.publicKey,
    signingKey: issuer.signingKey,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(
        names.map((name) => ({ type: /^[\d.]+$|:/.test(name) ? "ip" : "dns", value: name })),
      ),
      await x509.AuthorityKeyIdentifierExtension.create(issuer.certificate),
    ],
  });
  const certificatePem = `${certificate.toString("pem")}\n${issuer.certificate.toString("pem")}\n`;
  return { certificatePem, privateKeyPem: await exportPrivateKey(keys.privateKey), expireTimeMs };
}

async function issueClient(
  issuer: Issuer,
  given: { subject: string; requestPem: string; nowMs: number; lifetimeMs: number },
): Promise<{ certificatePem: string }> {
  const { subject, requestPem, nowMs, lifetimeMs } = given;
  const request = new x509.Pkcs10CertificateRequest(requestPem);
  if (!(await request.verify()))
    throw new Error("The certificate request is not signed by its key");
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: newSerialNumber(),
    subject: `CN=${subject}`,
    issuer: issuer.subject,
    // Clocks differ; a certificate that is not valid yet would look like a broken one.
    notBefore: new Date(nowMs - Math.min(DAY_MS, lifetimeMs / 10)),
    notAfter: new Date(nowMs + lifetimeMs),
    signingAlgorithm: ALGORITHM,
    publicKey: request.publicKey,
    signingKey: issuer.signingKey,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth]),
      await x509.AuthorityKeyIdentifierExtension.create(issuer.certificate),
    ],
  });
  return { certificatePem: certificate.toString("pem") };
}

/** A key and a request for a certificate over it (PKCS #10, RFC 2986), made on the node itself. */
export async function createCertificateRequest(subject: string) {
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name: `CN=${subject}`,
    keys,
    signingAlgorithm: ALGORITHM,
  });
  return {
    requestPem: request.toString("pem"),
    privateKeyPem: await exportPrivateKey(keys.privateKey),
  };
}

/** 127 random bits: positive and unique (RFC 5280 §4.1.2.2). */
function newSerialNumber(): string {
  const bytes = Buffer.from(webcrypto.getRandomValues(new Uint8Array(16)));
  bytes[0] = (bytes[0] ?? 0) & 0x7f;
  return bytes.toString("hex");
}

async function exportPrivateKey(key: webcrypto.CryptoKey): Promise<string> {
  const bytes = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", key));
  return x509.PemConverter.encode(bytes, "PRIVATE KEY");
}

async function importPrivateKey(pem: string): Promise<webcrypto.CryptoKey> {
  const bytes = x509.PemConverter.decodeFirst(pem);
  return await webcrypto.subtle.importKey("pkcs8", bytes, ALGORITHM, false, ["sign"]);
}
