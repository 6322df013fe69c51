/**
 * Key material in clear: how it is made, checked when it comes from outside, and held while it is
 * used. Symmetric material is raw bytes, private keys are PKCS #8 in DER.
 */
import {
  createPrivateKey,
  createPublicKey,
  createSecretKey,
  generateKeyPair,
  type KeyObject,
  randomBytes,
  sign,
  verify,
} from "node:crypto";
import { promisify } from "node:util";
import { pkcs8NamesCurve, spkiNamesCurve } from "../../engines/keys/named-curve.ts";
import { KEY_SPECS, type KeySpec, type SpecFacts } from "../../engines/keys/specs.ts";
import { KeydError } from "../../kernel/keyd/protocol.ts";
import { freeKey, generateSm2, isSm2, readPkcs8, writePkcs8, writeSpki } from "./native-key.ts";
import type { Pointer } from "./openssl.ts";
import { sm2Sign, sm2Verify } from "./sm2.ts";

export type Material = {
  readonly spec: KeySpec;
  readonly facts: SpecFacts;
  /** AES, SM4 and MAC keys. */
  readonly secret: Buffer | undefined;
  readonly secretKey: KeyObject | undefined;
  /** All private keys except SM2, which Node's crypto mistakes for ECDSA. */
  readonly privateKey: KeyObject | undefined;
  readonly publicKey: KeyObject | undefined;
  /** SPKI in DER. */
  readonly spki: Buffer | undefined;
  readonly pkcs8: Buffer | undefined;
  /** The key as OpenSSL holds it, loaded when first needed. */
  native: Pointer | undefined;
};

const RSA_EXPONENT = 65_537;
const PKCS8_BYTES_MAX = 8_192;
const SYMMETRIC = new Set(["aes", "sm4", "hmac"]);
const generatePair = promisify(generateKeyPair);
const DER = { type: "pkcs8", format: "der" } as const;

export function isSymmetric(spec: KeySpec): boolean {
  return SYMMETRIC.has(KEY_SPECS[spec].family);
}

/** New material of this spec, as it is wrapped. The caller clears it. */
export async function generateMaterial(spec: KeySpec): Promise<Buffer> {
  const { family, size, parameter }: SpecFacts = KEY_SPECS[spec];
  if (isSymmetric(spec)) return randomBytes(size);
  if (family === "sm2") {
    const key = generateSm2();
    try {
      return writePkcs8(key);
    } finally {
      freeKey(key);
    }
  }
  return (await generateOther(family, size, parameter)).export(DER);
}

async function generateOther(family: string, size: number, parameter: string): Promise<KeyObject> {
  if (family === "rsa") {
    const options = { modulusLength: size, publicExponent: RSA_EXPONENT };
    return (await generatePair("rsa", options)).privateKey;
  }
  if (family === "ec") return (await generatePair("ec", { namedCurve: parameter })).privateKey;
  switch (parameter) {
    case "ed25519":
      return (await generatePair("ed25519")).privateKey;
    case "ml-dsa-44":
      return (await generatePair("ml-dsa-44")).privateKey;
    case "ml-dsa-65":
      return (await generatePair("ml-dsa-65")).privateKey;
    case "ml-dsa-87":
      return (await generatePair("ml-dsa-87")).privateKey;
    case "ml-kem-512":
      return (await generatePair("ml-kem-512")).privateKey;
    case "ml-kem-768":
      return (await generatePair("ml-kem-768")).privateKey;
    case "ml-kem-1024":
      return (await generatePair("ml-kem-1024")).privateKey;
    default:
      throw new Error(`Cannot make a key with the parameter "${parameter}"`);
  }
}

/** Holds material for use; takes the buffer over. @throws KeydError materialInvalid. */
export function holdMaterial(spec: KeySpec, bytes: Buffer): Material {
  const facts: SpecFacts = KEY_SPECS[spec];
  const none = { secret: undefined, secretKey: undefined, privateKey: undefined };
  const noPair = { publicKey: undefined, spki: undefined, pkcs8: undefined, native: undefined };
  if (isSymmetric(spec)) {
    return { spec, facts, ...none, ...noPair, secret: bytes, secretKey: createSecretKey(bytes) };
  }
  if (facts.family === "sm2") {
    const native = readPkcs8(bytes);
    if (native === undefined || !isSm2(native)) throw refusedMaterial("it is no SM2 private key");
    return { spec, facts, ...none, ...noPair, pkcs8: bytes, native, spki: writeSpki(native) };
  }
  if (isSpki(bytes)) {
    const publicKey = createPublicKey({ key: bytes, type: "spki", format: "der" });
    return { spec, facts, ...none, ...noPair, publicKey, spki: bytes };
  }
  const privateKey = privateKeyOf(bytes);
  const publicKey = createPublicKey(privateKey);
  const spki = publicKey.export({ type: "spki", format: "der" });
  return { spec, facts, ...none, ...noPair, privateKey, publicKey, spki, pkcs8: bytes };
}

/** The key for OpenSSL's own functions. */
export function nativeOf(material: Material): Pointer {
  material.native ??= material.pkcs8 === undefined ? undefined : readPkcs8(material.pkcs8);
  if (material.native === undefined) throw new Error("Cannot load the key into OpenSSL");
  return material.native;
}

/** Clears what can be cleared; KeyObjects go with the garbage collector. */
export function dropMaterial(material: Material): void {
  material.secret?.fill(0);
  material.pkcs8?.fill(0);
  if (material.native !== undefined) freeKey(material.native);
  material.native = undefined;
}

/**
 * Checks material from outside against its spec and gives it in the one form that is wrapped.
 *
 * @throws KeydError materialInvalid: wrong size, curve, explicit parameters, halves that differ.
 */
export function checkedMaterial(spec: KeySpec, form: string, bytes: Buffer): Buffer {
  const facts: SpecFacts = KEY_SPECS[spec];
  if (isSymmetric(spec)) {
    if (form !== "raw") throw refusedMaterial(`${spec} is imported as raw bytes`);
    if (bytes.length !== facts.size) {
      throw refusedMaterial(`it has ${bytes.length} bytes, wanted ${facts.size}`);
    }
    return Buffer.from(bytes);
  }
  if (form === "spki") return checkedPublic(facts, bytes);
  if (form !== "pkcs8") throw refusedMaterial(`${spec} is imported as PKCS #8`);
  if (bytes.length > PKCS8_BYTES_MAX) throw refusedMaterial("it is too large");
  if (!pkcs8NamesCurve(bytes)) {
    throw refusedMaterial("it is no PKCS #8, or writes out its curve instead of naming it");
  }
  if (facts.family === "sm2") return checkedSm2(bytes);
  const key = privateKeyOf(bytes);
  checkFacts(key, facts);
  checkPair(key, facts);
  return key.export(DER);
}

/** Public keys begin with a sequence inside the sequence, private ones with their version. */
function isSpki(bytes: Buffer): boolean {
  const lengthBytes = (bytes[1] ?? 0) >= 0x80 ? (bytes[1] ?? 0) - 0x80 : 0;
  return bytes[0] === 0x30 && bytes[2 + lengthBytes] === 0x30;
}

/** A public key alone: it verifies, and encrypts for who has the other half. */
function checkedPublic(facts: SpecFacts, bytes: Buffer): Buffer {
  if (facts.family === "sm2" || bytes.length > PKCS8_BYTES_MAX || !spkiNamesCurve(bytes)) {
    throw refusedMaterial("it is no public key of this kind, or writes out its curve");
  }
  try {
    const key = createPublicKey({ key: bytes, type: "spki", format: "der" });
    checkFacts(key, facts);
    return key.export({ type: "spki", format: "der" });
  } catch (error) {
    if (error instanceof KeydError) throw error;
    throw refusedMaterial("it is no public key");
  }
}

function checkedSm2(bytes: Buffer): Buffer {
  const native = readPkcs8(bytes);
  if (native === undefined) throw refusedMaterial("it is no private key");
  try {
    if (!isSm2(native)) throw refusedMaterial("it is no SM2 private key");
    const message = randomBytes(16);
    if (!sm2Verify(native, { message, signature: sm2Sign(native, message) })) {
      throw refusedMaterial("its private and public halves differ");
    }
    return writePkcs8(native);
  } finally {
    freeKey(native);
  }
}

function privateKeyOf(bytes: Buffer): KeyObject {
  try {
    return createPrivateKey({ key: bytes, ...DER });
  } catch {
    throw refusedMaterial("it is no private key");
  }
}

const TYPES: Readonly<Record<string, string>> = { rsa: "rsa", ec: "ec", ed25519: "ed25519" };

function checkFacts(key: KeyObject, facts: SpecFacts): void {
  const wanted = TYPES[facts.family] ?? facts.parameter;
  if (key.asymmetricKeyType !== wanted) throw refusedMaterial(`it is no ${wanted} key`);
  const { modulusLength, publicExponent, namedCurve } = key.asymmetricKeyDetails ?? {};
  if (facts.family === "rsa") {
    if (modulusLength !== facts.size) throw refusedMaterial(`it has ${modulusLength} bits`);
    if (publicExponent === undefined || publicExponent < RSA_EXPONENT) {
      throw refusedMaterial(`its public exponent is below ${RSA_EXPONENT}`);
    }
  }
  if (facts.family === "ec" && namedCurve !== facts.parameter) {
    throw refusedMaterial(`it is on ${namedCurve}, wanted ${facts.parameter}`);
  }
}

/** A key whose halves differ would sign what nobody can verify, or leak by faulty signatures. */
function checkPair(key: KeyObject, { family }: SpecFacts): void {
  if (family === "ml-kem") return;
  const message = randomBytes(32);
  const hash = family === "rsa" || family === "ec" ? "sha256" : null;
  let valid = false;
  try {
    valid = verify(hash, message, createPublicKey(key), sign(hash, message, key));
  } catch {
    // Not a key that can sign: told below.
  }
  if (!valid) throw refusedMaterial("its private and public halves differ");
}

function refusedMaterial(why: string): KeydError {
  return new KeydError("materialInvalid", `Cannot take the key material: ${why}`);
}
