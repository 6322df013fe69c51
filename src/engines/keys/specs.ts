/**
 * What keys there are, by the names of the AWS key management protocol (with SM4 and HMAC_SM3
 * beside them): sizes, usages and the algorithms each may be used with. Data, no cryptography.
 */

export type KeyUsage =
  | "ENCRYPT_DECRYPT"
  | "SIGN_VERIFY"
  | "GENERATE_VERIFY_MAC"
  | "KEY_AGREEMENT"
  | "ENCAPSULATE_DECAPSULATE";

export type KeyFamily =
  | "aes"
  | "sm4"
  | "hmac"
  | "rsa"
  | "ec"
  | "ed25519"
  | "sm2"
  | "ml-dsa"
  | "ml-kem";

export type SpecFacts = {
  readonly family: KeyFamily;
  /** Bytes of a symmetric key; bits of an RSA modulus; 0 where the name says it. */
  readonly size: number;
  /** Node's name of the curve, hash or parameter set. */
  readonly parameter: string;
  readonly usages: readonly KeyUsage[];
};

const ASYMMETRIC_EC: readonly KeyUsage[] = ["SIGN_VERIFY", "KEY_AGREEMENT"];
const RSA: readonly KeyUsage[] = ["ENCRYPT_DECRYPT", "SIGN_VERIFY"];
const MAC: readonly KeyUsage[] = ["GENERATE_VERIFY_MAC"];
const SIGN: readonly KeyUsage[] = ["SIGN_VERIFY"];
const KEM: readonly KeyUsage[] = ["ENCAPSULATE_DECAPSULATE"];
const ENCRYPT: readonly KeyUsage[] = ["ENCRYPT_DECRYPT"];

const spec = (
  family: KeyFamily,
  size: number,
  parameter: string,
  usages: readonly KeyUsage[],
): SpecFacts => ({ family, size, parameter, usages });

/** Every key spec. The curve names are OpenSSL's. */
export const KEY_SPECS = {
  SYMMETRIC_DEFAULT: spec("aes", 32, "aes-256-gcm", ENCRYPT),
  SM4: spec("sm4", 16, "sm4", ENCRYPT),
  RSA_2048: spec("rsa", 2048, "", RSA),
  RSA_3072: spec("rsa", 3072, "", RSA),
  RSA_4096: spec("rsa", 4096, "", RSA),
  ECC_NIST_P256: spec("ec", 0, "prime256v1", ASYMMETRIC_EC),
  ECC_NIST_P384: spec("ec", 0, "secp384r1", ASYMMETRIC_EC),
  ECC_NIST_P521: spec("ec", 0, "secp521r1", ASYMMETRIC_EC),
  ECC_SECG_P256K1: spec("ec", 0, "secp256k1", SIGN),
  ECC_NIST_EDWARDS25519: spec("ed25519", 0, "ed25519", SIGN),
  SM2: spec("sm2", 0, "SM2", ["ENCRYPT_DECRYPT", "SIGN_VERIFY"]),
  HMAC_224: spec("hmac", 28, "sha224", MAC),
  HMAC_256: spec("hmac", 32, "sha256", MAC),
  HMAC_384: spec("hmac", 48, "sha384", MAC),
  HMAC_512: spec("hmac", 64, "sha512", MAC),
  HMAC_SM3: spec("hmac", 32, "sm3", MAC),
  ML_DSA_44: spec("ml-dsa", 44, "ml-dsa-44", SIGN),
  ML_DSA_65: spec("ml-dsa", 65, "ml-dsa-65", SIGN),
  ML_DSA_87: spec("ml-dsa", 87, "ml-dsa-87", SIGN),
  ML_KEM_512: spec("ml-kem", 512, "ml-kem-512", KEM),
  ML_KEM_768: spec("ml-kem", 768, "ml-kem-768", KEM),
  ML_KEM_1024: spec("ml-kem", 1024, "ml-kem-1024", KEM),
} as const satisfies Record<string, SpecFacts>;

export type KeySpec = keyof typeof KEY_SPECS;

const FACTS: ReadonlyMap<string, SpecFacts> = new Map(Object.entries(KEY_SPECS));

/** The facts of a spec; undefined for a name that is none. */
export function factsOf(name: string): SpecFacts | undefined {
  return FACTS.get(name);
}

/** True for the name of a key spec. */
export function isKeySpec(name: string): name is KeySpec {
  return FACTS.has(name);
}

const SHA2 = ["SHA_256", "SHA_384", "SHA_512"] as const;
const RSA_SIGN = SHA2.flatMap((hash) => [`RSASSA_PSS_${hash}`, `RSASSA_PKCS1_V1_5_${hash}`]);

/** Algorithms a key of this spec and usage works with; the first is the default. */
export function algorithmsOf(name: KeySpec, usage: KeyUsage): readonly string[] {
  const facts = KEY_SPECS[name];
  switch (facts.family) {
    case "aes":
      return ["SYMMETRIC_DEFAULT"];
    case "sm4":
      return ["SM4_GCM", "SM4_CBC", "SM4_CTR"];
    case "hmac":
      return [`HMAC_${facts.parameter === "sm3" ? "SM3" : facts.parameter.replace("sha", "SHA_")}`];
    case "rsa":
      return usage === "SIGN_VERIFY"
        ? RSA_SIGN
        : ["RSAES_OAEP_SHA_256", "RSAES_OAEP_SHA_1", "RSAES_PKCS1_V1_5"];
    case "ec":
      return usage === "KEY_AGREEMENT" ? ["ECDH"] : [ecdsaOf(name)];
    case "ed25519":
      return ["ED25519_SHA_512"];
    case "sm2":
      return usage === "SIGN_VERIFY" ? ["SM2DSA"] : ["SM2PKE"];
    case "ml-dsa":
      return ["ML_DSA_SHAKE_256"];
    case "ml-kem":
      return ["ML_KEM"];
  }
}

function ecdsaOf(name: KeySpec): string {
  if (name === "ECC_NIST_P384") return "ECDSA_SHA_384";
  return name === "ECC_NIST_P521" ? "ECDSA_SHA_512" : "ECDSA_SHA_256";
}
