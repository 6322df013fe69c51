/** RSA and SM2 encryption, ECDH and key encapsulation with key versions. */
import {
  constants,
  createPublicKey,
  decapsulate,
  diffieHellman,
  encapsulate,
  privateDecrypt,
  publicEncrypt,
} from "node:crypto";
import { spkiNamesCurve } from "../../engines/keys/named-curve.ts";
import { KeydError } from "../../kernel/keyd/protocol.ts";
import { type Material, nativeOf } from "./material.ts";
import { sm2Decrypt, sm2Encrypt } from "./sm2.ts";

const SM2_PLAINTEXT_BYTES_MAX = 1_024;
const SPKI_BYTES_MAX = 1_024;

const OAEP_HASH: Readonly<Record<string, string>> = {
  RSAES_OAEP_SHA_1: "sha1",
  RSAES_OAEP_SHA_256: "sha256",
};

function paddingOf(algorithm: string) {
  if (algorithm === "RSAES_PKCS1_V1_5") return { padding: constants.RSA_PKCS1_PADDING };
  const oaepHash = OAEP_HASH[algorithm];
  if (oaepHash === undefined) throw new KeydError("algorithmInvalid", `No "${algorithm}" here`);
  return { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash };
}

/** @throws KeydError inputInvalid when the plaintext is too long for the key. */
export function encryptAsymmetric(material: Material, algorithm: string, plaintext: Buffer) {
  if (material.facts.family === "sm2") {
    const small = plaintext.length > 0 && plaintext.length <= SM2_PLAINTEXT_BYTES_MAX;
    const ciphertext = small ? sm2Encrypt(nativeOf(material), plaintext) : undefined;
    if (ciphertext !== undefined) return ciphertext;
    throw tooLong(`1 to ${SM2_PLAINTEXT_BYTES_MAX} bytes`);
  }
  if (material.publicKey === undefined) throw notThisKey();
  try {
    return publicEncrypt({ key: material.publicKey, ...paddingOf(algorithm) }, plaintext);
  } catch (error) {
    if (error instanceof KeydError) throw error;
    throw tooLong("a plaintext that fits in the modulus with its padding");
  }
}

/** Undefined for every ciphertext that is not right; nothing tells in which way. */
export function decryptAsymmetric(
  material: Material,
  algorithm: string,
  ciphertext: Buffer,
): Buffer | undefined {
  if (material.facts.family === "sm2") return sm2Decrypt(nativeOf(material), ciphertext);
  if (material.privateKey === undefined) throw notThisKey();
  const padding = paddingOf(algorithm);
  try {
    return privateDecrypt({ key: material.privateKey, ...padding }, ciphertext);
  } catch {
    return undefined;
  }
}

/** The x-coordinate of the common point (NIST SP 800-56A §5.7.1.2). */
export function sharedSecret({ privateKey, facts }: Material, spki: Buffer): Buffer {
  if (privateKey === undefined) throw notThisKey();
  if (spki.length > SPKI_BYTES_MAX || !spkiNamesCurve(spki)) throw foreignKey();
  try {
    const publicKey = createPublicKey({ key: spki, type: "spki", format: "der" });
    if (publicKey.asymmetricKeyDetails?.namedCurve !== facts.parameter) throw foreignKey();
    return diffieHellman({ privateKey, publicKey });
  } catch (error) {
    if (error instanceof KeydError) throw error;
    throw foreignKey();
  }
}

export function encapsulated({ publicKey }: Material): { sharedKey: Buffer; ciphertext: Buffer } {
  if (publicKey === undefined) throw notThisKey();
  return encapsulate(publicKey);
}

/** A wrong ciphertext of the right size gives another secret (implicit rejection, FIPS 203). */
export function decapsulated({ privateKey }: Material, ciphertext: Buffer): Buffer | undefined {
  if (privateKey === undefined) throw notThisKey();
  try {
    return decapsulate(privateKey, ciphertext);
  } catch {
    return undefined;
  }
}

function tooLong(wanted: string): KeydError {
  return new KeydError("inputInvalid", `Cannot encrypt: the key takes ${wanted}`);
}

function foreignKey(): KeydError {
  return new KeydError("inputInvalid", "Cannot agree: no public key on the same named curve");
}

function notThisKey(): KeydError {
  return new KeydError("algorithmInvalid", "The key cannot do that");
}
