/**
 * What each kind of file of Project Wycheproof means for the key management API: which key is
 * brought in, what is asked of it, and why a kind or a group cannot be asked.
 */
export type Fields = Readonly<Record<string, unknown>>;

export type VectorTest = Fields & { readonly tcId: number; readonly result: string };
export type VectorGroup = Fields & { readonly tests: readonly VectorTest[] };
export type VectorFile = Fields & { readonly testGroups: readonly VectorGroup[] };

/** How the key of a test comes in. */
export type Material =
  | { readonly form: "public"; readonly spki: Buffer }
  | { readonly form: "raw" | "pkcs8"; readonly bytes: Buffer }
  /** Already wrapped by this AES key: the wrapping itself is what is tested. */
  | { readonly form: "wrapped"; readonly wrapping: Buffer; readonly wrapped: Buffer };

export type Question = {
  readonly spec: string;
  readonly usage: string;
  readonly material: Material;
  /** Verb of the operation and its input; the import alone is asked when there is none. */
  readonly verb?: string;
  readonly input?: Fields;
  /** Field of the answer, and what it must be as base64. */
  readonly answer?: { readonly field: string; readonly wanted: string };
};

export type Case = Question | { readonly notApplicable: string };

export const hex = (value: unknown): Buffer => Buffer.from(String(value ?? ""), "hex");
const base64 = (bytes: Buffer): string => bytes.toString("base64");
const not = (reason: string): Case => ({ notApplicable: reason });

const WHOLE_TAGS = "codes are whole; shortened ones are never accepted";
const SIZES = "the spec has keys of one size";

/** The case of one test. */
export function caseOf(group: VectorGroup, test: VectorTest): Case {
  switch (group.type) {
    case "EcdsaVerify":
      return ecdsaCase(group, test);
    case "EddsaVerify":
      return verifyCase(group, test, {
        spec: "ECC_NIST_EDWARDS25519",
        algorithm: "ED25519_SHA_512",
      });
    case "MlDsaVerify":
      return mlDsaCase(group, test);
    case "MlDsaSign":
      return mlDsaSignCase(group, test);
    case "RsassaPkcs1Verify":
      return rsaCase(group, test, "RSASSA_PKCS1_V1_5");
    case "RsassaPssVerify":
      return rsaCase(group, test, "RSASSA_PSS");
    case "RsaesOaepDecrypt":
      return oaepCase(group, test);
    case "EcdhTest":
      return ecdhCase(group, test);
    case "MacTest":
      return macCase(group, test);
    case "MLKEMTest":
      return mlKemCase(group, test);
    case "KeywrapTest":
      return keyWrapCase(group, test);
    default:
      return not(REASONS[String(group.type)] ?? `there is no operation for ${String(group.type)}`);
  }
}

const REASONS: Readonly<Record<string, string>> = {
  AeadTest: "ciphertexts have a format of their own with derived keys; no nonce is taken",
  HkdfTest: "key derivation is not an operation",
  EcdsaP1363Verify: "signatures are DER; the other form is not taken",
  MLKEMEncapsTest: "encapsulation takes its randomness itself",
};

type Signed = { readonly spec: string; readonly algorithm: string };

function verifyCase(group: VectorGroup, test: VectorTest, { spec, algorithm }: Signed): Case {
  const input = { algorithm, message: base64(hex(test.msg)), signature: base64(hex(test.sig)) };
  const material = { form: "public", spki: hex(group.publicKeyDer) } as const;
  return { spec, usage: "SIGN_VERIFY", material, verb: "verify", input };
}

const CURVES: Readonly<Record<string, Signed & { readonly sha: string }>> = {
  secp256r1: { spec: "ECC_NIST_P256", algorithm: "ECDSA_SHA_256", sha: "SHA-256" },
  secp384r1: { spec: "ECC_NIST_P384", algorithm: "ECDSA_SHA_384", sha: "SHA-384" },
  secp521r1: { spec: "ECC_NIST_P521", algorithm: "ECDSA_SHA_512", sha: "SHA-512" },
  secp256k1: { spec: "ECC_SECG_P256K1", algorithm: "ECDSA_SHA_256", sha: "SHA-256" },
};

function fieldsOf(value: unknown): Fields {
  return typeof value === "object" && value !== null ? { ...value } : {};
}

function ecdsaCase(group: VectorGroup, test: VectorTest): Case {
  const curve = CURVES[String(fieldsOf(group.publicKey).curve)];
  if (curve === undefined) return not("there are no keys on this curve");
  if (curve.sha !== group.sha) return not("each curve signs with one hash");
  return verifyCase(group, test, curve);
}

const ML_DSA_SPECS: Readonly<Record<number, string>> = {
  1312: "ML_DSA_44",
  1952: "ML_DSA_65",
  2592: "ML_DSA_87",
};
const ML_DSA_BYTES: Readonly<Record<number, string>> = {
  17: "ML_DSA_44",
  18: "ML_DSA_65",
  19: "ML_DSA_87",
};

function mlDsaCase(group: VectorGroup, test: VectorTest): Case {
  if (hex(test.ctx).length > 0) return not("messages are signed without a context");
  if (test.msg === undefined) return not("messages are signed, not their internal form");
  const raw = hex(group.publicKey);
  const der = hex(group.publicKeyDer);
  // A key of a wrong length has its spec in the object identifier only: 2.16.840.1.101.3.4.3.x.
  const spec =
    ML_DSA_SPECS[raw.length] ??
    ML_DSA_BYTES[der[der.indexOf("6086480165030403", 0, "hex") + 8] ?? 0];
  if (spec === undefined || der.length === 0) return not("the group has no encoded public key");
  return verifyCase(group, test, { spec, algorithm: "ML_DSA_SHAKE_256" });
}

function mlDsaSignCase(group: VectorGroup, test: VectorTest): Case {
  if (hex(test.ctx).length > 0) return not("messages are signed without a context");
  if (test.msg === undefined || test.msg === null) {
    return not("messages are signed, not their internal form");
  }
  const bytes = hex(group.privateKeyPkcs8);
  const spec = ML_DSA_BYTES[bytes[bytes.indexOf("6086480165030403", 0, "hex") + 8] ?? 0];
  if (spec === undefined) return not("the group has no encoded private key");
  const input = { message: base64(hex(test.msg)), signature: base64(hex(test.sig)) };
  return { spec, usage: "SIGN_VERIFY", material: { form: "pkcs8", bytes }, verb: "verify", input };
}

const RSA_EXPONENT_MIN = 65_537;

function rsaSpec({ keySize }: VectorGroup): string | undefined {
  return [2048, 3072, 4096].includes(Number(keySize)) ? `RSA_${String(keySize)}` : undefined;
}

function rsaCase(group: VectorGroup, test: VectorTest, scheme: string): Case {
  const spec = rsaSpec(group);
  const sha = /^SHA-(256|384|512)$/.exec(String(group.sha))?.[1];
  if (spec === undefined) return not("RSA keys have 2048, 3072 or 4096 bits");
  const exponent = fieldsOf(group.publicKey).publicExponent;
  if (exponent !== undefined && Number.parseInt(String(exponent), 16) < RSA_EXPONENT_MIN) {
    return not("RSA keys with an exponent below 65,537 are refused");
  }
  if (sha === undefined) return not("RSA signs with SHA-256, SHA-384 or SHA-512");
  if (scheme === "RSASSA_PSS") {
    if (group.mgfSha !== group.sha) return not("the mask is made with the signature's hash");
    if (Number(group.sLen) !== Number(sha) / 8) return not("the salt is as long as the hash");
  }
  return verifyCase(group, test, { spec, algorithm: `${scheme}_SHA_${sha}` });
}

function oaepCase(group: VectorGroup, test: VectorTest): Case {
  const spec = rsaSpec(group);
  if (spec === undefined) return not("RSA keys have 2048, 3072 or 4096 bits");
  if (group.sha !== "SHA-256" && group.sha !== "SHA-1") return not("OAEP is with SHA-256 or SHA-1");
  if (group.mgfSha !== group.sha) return not("the mask is made with the same hash");
  if (hex(test.label).length > 0) return not("OAEP has no label here");
  return {
    ...{ spec, usage: "ENCRYPT_DECRYPT", verb: "decrypt" },
    material: { form: "pkcs8", bytes: hex(group.privateKeyPkcs8) },
    input: {
      algorithm: `RSAES_OAEP_${String(group.sha).replace("-", "_")}`,
      ciphertext: base64(hex(test.ct)),
    },
    answer: { field: "plaintext", wanted: base64(hex(test.msg)) },
  };
}

const SCALARS: Readonly<Record<string, { spec: string; bytes: number; oid: string }>> = {
  secp256r1: { spec: "ECC_NIST_P256", bytes: 32, oid: "06082a8648ce3d030107" },
  secp384r1: { spec: "ECC_NIST_P384", bytes: 48, oid: "06052b81040022" },
  secp521r1: { spec: "ECC_NIST_P521", bytes: 66, oid: "06052b81040023" },
};

function ecdhCase(group: VectorGroup, test: VectorTest): Case {
  const curve = SCALARS[String(group.curve)];
  if (curve === undefined) return not("there are no keys for agreement on this curve");
  if (group.encoding !== "asn") return not("public keys are SubjectPublicKeyInfo");
  const digits = String(test.private)
    .padStart(curve.bytes * 2, "0")
    .slice(-curve.bytes * 2);
  return {
    ...{ spec: curve.spec, usage: "KEY_AGREEMENT", verb: "deriveSharedSecret" },
    material: { form: "pkcs8", bytes: ecPkcs8(Buffer.from(digits, "hex"), curve.oid) },
    input: { publicKey: base64(hex(test.public)) },
    answer: { field: "sharedSecret", wanted: base64(hex(test.shared)) },
  };
}

/** PKCS #8 of a scalar (RFC 5915) on a named curve. */
function ecPkcs8(scalar: Buffer, oid: string): Buffer {
  const key = der(0x30, Buffer.from([2, 1, 1]), der(0x04, scalar));
  const identifier = der(0x30, hex("06072a8648ce3d0201"), hex(oid));
  return der(0x30, Buffer.from([2, 1, 0]), identifier, der(0x04, key));
}

function der(tag: number, ...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  const { length } = body;
  const head = length < 128 ? [tag, length] : [tag, 0x81, length];
  return Buffer.concat([Buffer.from(head), body]);
}

const MACS: Readonly<Record<string, { spec: string; bits: number }>> = {
  HMACSHA224: { spec: "HMAC_224", bits: 224 },
  HMACSHA256: { spec: "HMAC_256", bits: 256 },
  HMACSHA384: { spec: "HMAC_384", bits: 384 },
  HMACSHA512: { spec: "HMAC_512", bits: 512 },
  HMACSM3: { spec: "HMAC_SM3", bits: 256 },
};

function macCase(group: VectorGroup, test: VectorTest): Case {
  const mac = MACS[String(group.algorithm)];
  if (mac === undefined) return not("there is no such code");
  if (Number(group.keySize) !== mac.bits) return not(SIZES);
  if (Number(group.tagSize) !== mac.bits) return not(WHOLE_TAGS);
  return {
    ...{ spec: mac.spec, usage: "GENERATE_VERIFY_MAC", verb: "verifyMac" },
    material: { form: "raw", bytes: hex(test.key) },
    input: { message: base64(hex(test.msg)), mac: base64(hex(test.tag)) },
  };
}

const ML_KEM_OIDS: Readonly<Record<string, number>> = {
  "ML-KEM-512": 1,
  "ML-KEM-768": 2,
  "ML-KEM-1024": 3,
};

function mlKemCase(group: VectorGroup, test: VectorTest): Case {
  const set = String(group.parameterSet);
  const last = ML_KEM_OIDS[set];
  if (last === undefined) return not("there is no such parameter set");
  const identifier = der(
    0x30,
    der(0x06, Buffer.concat([hex("6086480165030404"), Buffer.from([last])])),
  );
  const seed = der(0x04, der(0x80, hex(test.seed)));
  return {
    ...{ spec: set.replaceAll("-", "_"), usage: "ENCAPSULATE_DECAPSULATE", verb: "decapsulate" },
    material: { form: "pkcs8", bytes: der(0x30, Buffer.from([2, 1, 0]), identifier, seed) },
    input: { ciphertext: base64(hex(test.c)) },
    answer: { field: "sharedSecret", wanted: base64(hex(test.K)) },
  };
}

const WRAPPED_SPECS: Readonly<Record<number, string>> = {
  28: "HMAC_224",
  32: "HMAC_256",
  48: "HMAC_384",
  64: "HMAC_512",
};

/** The wrapping of an import is AES-256 key wrap with padding (RFC 5649). */
function keyWrapCase(group: VectorGroup, test: VectorTest): Case {
  if (group.algorithm !== "AES-KWP") return not("material is wrapped with padding (RFC 5649) only");
  if (Number(group.keySize) !== 256) return not("material is wrapped under AES-256");
  const message = hex(test.msg);
  const spec = WRAPPED_SPECS[message.length];
  if (spec === undefined && test.result !== "invalid") return not(SIZES);
  const material = { form: "wrapped", wrapping: hex(test.key), wrapped: hex(test.ct) } as const;
  if (material.wrapped.length === 0) return not("nothing is wrapped");
  return { spec: spec ?? "HMAC_256", usage: "GENERATE_VERIFY_MAC", material };
}
