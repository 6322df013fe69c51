/** Reads a certificate request (PKCS #10, RFC 2986) of a stranger, and makes our own. */
import { wholeSequence } from "./der.ts";
import { asDerFault, X509Fault } from "./fault.ts";
import { x509Limits } from "./limits.ts";
import { publicHalf } from "./private-key.ts";
import { type PublicKeyFacts, publicKeyFacts } from "./public-key.ts";
import { webcrypto, x509 } from "./webcrypto.ts";

export type CertificateRequest = {
  /** DNS names of the common name and the alternative names, lower case, sorted, each once. */
  readonly names: readonly string[];
  readonly spki: Buffer;
  readonly key: PublicKeyFacts;
};

/**
 * Checks the request's own signature and its key, and gives its names.
 *
 * @throws X509Fault derInvalid, requestInvalid, explicitCurve, curveNotAllowed, weak.
 */
export async function readRequest(der: Buffer): Promise<CertificateRequest> {
  wholeSequence(der);
  const { request, spki, key, names } = asDerFault(
    "The certificate request cannot be read (RFC 2986 §4)",
    () => openRequest(der),
  );
  const [weakness] = key.weaknesses;
  if (weakness !== undefined) throw new X509Fault("weak", `The request's key is weak: ${weakness}`);
  const signed = await request.verify().catch(() => false);
  if (!signed) throw new X509Fault("requestInvalid", "The request is not signed by its own key");
  return { names, spki, key };
}

function openRequest(der: Buffer) {
  const request = new x509.Pkcs10CertificateRequest(der);
  const spki = Buffer.from(request.publicKey.rawData);
  return { request, spki, key: publicKeyFacts(spki), names: requestedNames(request) };
}

function requestedNames(request: InstanceType<typeof x509.Pkcs10CertificateRequest>): string[] {
  const items = request.extensions.flatMap((extension) =>
    extension instanceof x509.SubjectAlternativeNameExtension ? extension.names.items : [],
  );
  const other = items.find(({ type }) => type !== "dns");
  if (other !== undefined) {
    throw new X509Fault("requestInvalid", `A name of type "${other.type}" is not issued here`);
  }
  const commonNames = request.subjectName.getField("CN");
  const names = new Set([...commonNames, ...items.map(({ value }) => value)].map(lower));
  if (names.size === 0) throw new X509Fault("requestInvalid", "The request has no name");
  if (names.size > x509Limits.namesMax) {
    throw new X509Fault("requestInvalid", `At most ${x509Limits.namesMax} names are issued`);
  }
  return [...names].sort();
}

const lower = (name: string) => name.toLowerCase();

export type LeafKeyAlgorithm = "EC-P-256" | "EC-P-384" | "RSA-2048" | "RSA-3072";

/** What WebCrypto calls an algorithm. */
function generation(algorithm: LeafKeyAlgorithm) {
  const [, size = ""] = /^(?:EC-|RSA-)(.*)$/.exec(algorithm) ?? [];
  if (algorithm.startsWith("EC-")) {
    const hash = algorithm === "EC-P-256" ? "SHA-256" : "SHA-384";
    return { name: "ECDSA", namedCurve: size, hash };
  }
  const publicExponent = new Uint8Array([1, 0, 1]);
  const modulusLength = Number(size);
  return { name: "RSASSA-PKCS1-v1_5", modulusLength, publicExponent, hash: "SHA-256" };
}

/** A new private key as PKCS #8. */
export async function newLeafKey(algorithm: LeafKeyAlgorithm): Promise<Buffer> {
  const keys = await webcrypto.subtle.generateKey(generation(algorithm), true, ["sign", "verify"]);
  if (!("privateKey" in keys)) throw new Error("A key pair was expected");
  return Buffer.from(await webcrypto.subtle.exportKey("pkcs8", keys.privateKey));
}

/** A request over this key for these DNS names, in DER; the first is the common name. */
export async function writeRequest(pkcs8: Buffer, names: readonly string[]): Promise<Buffer> {
  const facts = publicKeyFacts(publicHalf(pkcs8));
  const algorithm = generation(
    facts.algorithm.startsWith("RSA") ? "RSA-2048" : (facts.algorithm as LeafKeyAlgorithm),
  );
  const privateKey = await webcrypto.subtle.importKey("pkcs8", pkcs8, algorithm, true, ["sign"]);
  const publicKey = await webcrypto.subtle.importKey("spki", publicHalf(pkcs8), algorithm, true, [
    "verify",
  ]);
  const commonName = names.find((name) => name.length <= 64);
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    ...(commonName === undefined ? {} : { name: [{ CN: [commonName] }] }),
    keys: { privateKey, publicKey },
    signingAlgorithm: algorithm,
    extensions: [
      new x509.SubjectAlternativeNameExtension(names.map((value) => ({ type: "dns", value }))),
    ],
  });
  return Buffer.from(request.rawData);
}
