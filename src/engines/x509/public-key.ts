/**
 * What a public key is and whether it may be used: named curves only, since explicit parameters
 * let a stranger choose the generator (CVE-2020-0601), and no RSA below 2048 bits.
 */
import { createHash, createPublicKey, type KeyObject } from "node:crypto";
import { derChildren, derTag, wholeSequence } from "./der.ts";
import { X509Fault } from "./fault.ts";
import { x509Limits } from "./limits.ts";

export type PublicKeyFacts = {
  /** Such as `RSA-2048`, `EC-P-256`, `Ed25519`. */
  readonly algorithm: string;
  /** SHA-256 of the SubjectPublicKeyInfo, hex: the same for every certificate over this key. */
  readonly fingerprint: string;
  readonly weaknesses: readonly string[];
};

const ID_EC_PUBLIC_KEY = Buffer.from([0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01]);

/** id-ecPublicKey on sm2p256v1 (GM/T 0006). */
const SM2_IDENTIFIER = "06072a8648ce3d020106082a811ccf5501822d";
const SM2_ALGORITHM = Buffer.from(SM2_IDENTIFIER, "hex");

const CURVES: Readonly<Record<string, string>> = {
  prime256v1: "EC-P-256",
  secp384r1: "EC-P-384",
  secp521r1: "EC-P-521",
};

/**
 * Refuses an EC AlgorithmIdentifier whose parameters are anything but a name (RFC 5480 §2.1.1).
 *
 * @param algorithm content of the AlgorithmIdentifier.
 * @throws X509Fault explicitCurve.
 */
export function refuseExplicitCurve(algorithm: Buffer): void {
  const [oid, parameters] = derChildren(algorithm);
  if (oid === undefined || !oid.content.equals(ID_EC_PUBLIC_KEY)) return;
  if (parameters?.tag !== derTag.objectIdentifier) {
    throw new X509Fault(
      "explicitCurve",
      "The key gives curve parameters instead of a curve's name",
    );
  }
}

/**
 * Reads a SubjectPublicKeyInfo. SM2 is taken only where it is asked for: the gateway serves none.
 *
 * @throws X509Fault derInvalid, explicitCurve, curveNotAllowed.
 */
export function publicKeyFacts(
  spki: Buffer,
  { allowSm2 = false }: { allowSm2?: boolean } = {},
): PublicKeyFacts {
  const [algorithm] = wholeSequence(spki);
  if (algorithm === undefined) throw new X509Fault("derInvalid", "The public key is empty");
  refuseExplicitCurve(algorithm.content);
  const fingerprint = createHash("sha256").update(spki).digest("hex");
  if (allowSm2 && algorithm.content.equals(SM2_ALGORITHM)) {
    return { fingerprint, algorithm: "SM2", weaknesses: [] };
  }
  return { fingerprint, ...factsOf(openKey(spki)) };
}

function openKey(spki: Buffer): KeyObject {
  try {
    return createPublicKey({ key: spki, format: "der", type: "spki" });
  } catch {
    throw new X509Fault("derInvalid", "The public key cannot be read");
  }
}

function factsOf(key: KeyObject): Pick<PublicKeyFacts, "algorithm" | "weaknesses"> {
  const kind = key.asymmetricKeyType;
  const {
    modulusLength = 0,
    publicExponent = 0n,
    namedCurve = "",
  } = key.asymmetricKeyDetails ?? {};
  if (kind === "rsa" || kind === "rsa-pss") {
    const weaknesses = rsaWeaknesses(modulusLength, publicExponent);
    return { algorithm: `RSA-${modulusLength}`, weaknesses };
  }
  if (kind === "ed25519") return { algorithm: "Ed25519", weaknesses: [] };
  if (kind === "ed448") return { algorithm: "Ed448", weaknesses: [] };
  const named = kind === "ec" ? CURVES[namedCurve] : undefined;
  if (named !== undefined) return { algorithm: named, weaknesses: [] };
  const what = kind === "ec" ? `curve "${namedCurve}"` : `key type "${kind ?? "unknown"}"`;
  throw new X509Fault(
    "curveNotAllowed",
    `The ${what} is not served by TLS here; use RSA, P-256, P-384, P-521, Ed25519 or Ed448`,
  );
}

function rsaWeaknesses(bits: number, exponent: bigint): string[] {
  const weaknesses: string[] = [];
  if (bits < x509Limits.rsaBitsMin) weaknesses.push("rsaTooShort");
  if (bits > x509Limits.rsaBitsMax) weaknesses.push("rsaTooLong");
  // FIPS 186-5 §A.1.1: odd and above 2^16; 3 has been enough to forge padding.
  if (exponent < 65_537n || exponent % 2n === 0n) weaknesses.push("rsaExponent");
  return weaknesses;
}
