/** Using keys: encrypting, data keys, signatures, codes, key agreement. */

import type { CiphertextAlgorithm } from "../../engines/keys/blob.ts";
import { algorithmsOf, isKeySpec } from "../../engines/keys/specs.ts";
import { ITEMS_MAX } from "../../kernel/keyd/frame.ts";
import { KeydError, type KeydReason } from "../../kernel/keyd/protocol.ts";
import {
  decapsulated,
  decryptAsymmetric,
  encapsulated,
  encryptAsymmetric,
  sharedSecret,
} from "./asymmetric.ts";
import { openKey, withKey } from "./key-operations.ts";
import type { KeyVersion } from "./key-versions.ts";
import type { Keyd } from "./keyd.ts";
import { dropMaterial, generateMaterial, holdMaterial, isSymmetric } from "./material.ts";
import { takeRandom } from "./random-pool.ts";
import {
  bindingOf,
  contextOf,
  type Fields,
  fieldsOf,
  integerOf,
  type Operation,
  optionalText,
  partOf,
  refusedInput,
} from "./request.ts";
import { macMatches, macOf, signMessage, verifyMessage } from "./signature.ts";
import { decryptBlob, encryptBlob } from "./symmetric.ts";

const DATA_KEY_BYTES_MAX = 1_024;
const CIPHERTEXT_NAMES = new Map<string, CiphertextAlgorithm>(
  (["SYMMETRIC_DEFAULT", "SM4_GCM", "SM4_CBC", "SM4_CTR"] as const).map((name) => [name, name]),
);
const INVALID = new KeydError("ciphertextInvalid", "The ciphertext does not open");

export function useOperations(keyd: Keyd): Readonly<Record<string, Operation>> {
  return {
    ...cipherOperations(keyd),
    ...dataKeyOperations(keyd),
    ...signatureOperations(keyd),
    ...agreementOperations(keyd),
  };
}

function cipherOperations(keyd: Keyd): Readonly<Record<string, Operation>> {
  return {
    encrypt: (request) =>
      withKey(keyd, request, (version) => ({
        parts: [encryptWith(version, request.header, partOf(request, 1))],
      })),
    decrypt: (request) =>
      withKey(keyd, request, (version) => ({
        parts: [decryptWith(version, request.header, partOf(request, 1))],
      })),
    encryptMany: (request) =>
      withKey(keyd, request, (version) => {
        const items = itemsOf(request.parts);
        version.uses += items.length - 1;
        const encrypt = encryptor(version, request.header);
        return { parts: items.map(encrypt) };
      }),
    decryptMany: (request) =>
      withKey(keyd, request, (version) => {
        const decrypt = decryptor(version, request.header);
        const errors: (KeydReason | null)[] = [];
        const parts = itemsOf(request.parts).map((item) => {
          const plaintext = decrypt(item);
          errors.push(plaintext === undefined ? "ciphertextInvalid" : null);
          return plaintext ?? Buffer.alloc(0);
        });
        return { header: { errors }, parts };
      }),
    reEncrypt: async (request) => {
      const { header } = request;
      const ciphertext = partOf(request, 2);
      const from = await openKey(keyd, bindingOf(header), partOf(request, 0));
      const plaintext = decryptWith(from, fieldsOf(header, "fromOptions"), ciphertext);
      try {
        const to = await openKey(keyd, bindingOf(header, "to"), partOf(request, 1));
        return { parts: [encryptWith(to, fieldsOf(header, "toOptions"), plaintext)] };
      } finally {
        plaintext.fill(0);
      }
    },
  };
}

function itemsOf(parts: readonly Buffer[]): readonly Buffer[] {
  const items = parts.slice(1);
  if (items.length > 0 && items.length <= ITEMS_MAX) return items;
  throw refusedInput(`A batch has 1 to ${ITEMS_MAX} items, not ${items.length}`);
}

function encryptWith(version: KeyVersion, options: Fields, plaintext: Buffer): Buffer {
  return encryptor(version, options)(plaintext);
}

function decryptWith(version: KeyVersion, options: Fields, ciphertext: Buffer): Buffer {
  const plaintext = decryptor(version, options)(ciphertext);
  if (plaintext === undefined) throw INVALID;
  return plaintext;
}

function encryptor(version: KeyVersion, options: Fields): (plaintext: Buffer) => Buffer {
  const algorithm = algorithmFor(version, options, "ENCRYPT_DECRYPT");
  const { symmetric, material } = version;
  if (symmetric === undefined) {
    return (plaintext) => encryptAsymmetric(material, algorithm, plaintext);
  }
  const context = contextOf(options);
  const name = CIPHERTEXT_NAMES.get(algorithm);
  if (name === undefined) throw new KeydError("algorithmInvalid", `No "${algorithm}" here`);
  return (plaintext) => encryptBlob(symmetric, name, { context, plaintext });
}

function decryptor(
  version: KeyVersion,
  options: Fields,
): (ciphertext: Buffer) => Buffer | undefined {
  const algorithm = algorithmFor(version, options, "ENCRYPT_DECRYPT");
  const { symmetric, material } = version;
  if (symmetric === undefined) {
    return (ciphertext) => decryptAsymmetric(material, algorithm, ciphertext);
  }
  const context = contextOf(options);
  return (ciphertext) => decryptBlob(symmetric, { context, ciphertext });
}

/** The algorithm asked for, or the key's default; nothing that the usage does not allow. */
function algorithmFor(version: KeyVersion, options: Fields, usage: KeyVersion["binding"]["usage"]) {
  const { binding } = version;
  if (binding.usage !== usage) {
    throw new KeydError("algorithmInvalid", `The key is for ${binding.usage}, not ${usage}`);
  }
  const known = algorithmsOf(binding.algorithm, usage);
  const algorithm = optionalText(options, "algorithm") ?? known[0] ?? "";
  if (!known.includes(algorithm)) {
    throw new KeydError("algorithmInvalid", `A key of ${binding.algorithm} has no "${algorithm}"`);
  }
  if (algorithm === "RSAES_PKCS1_V1_5" && options.allowPkcs1v15 !== true) {
    throw new KeydError("algorithmUnavailable", "PKCS #1 v1.5 encryption is not switched on");
  }
  return algorithm;
}

function dataKeyOperations(keyd: Keyd): Readonly<Record<string, Operation>> {
  return {
    dataKey: (request) =>
      withKey(keyd, request, (version) => {
        const { header } = request;
        const bytes = integerOf(header, "bytes", { min: 1, max: DATA_KEY_BYTES_MAX });
        const encrypt = symmetricEncryptor(version, header);
        const plaintext = takeRandom(bytes);
        const ciphertext = encrypt(plaintext);
        if (header.withoutPlaintext !== true) return { parts: [plaintext, ciphertext] };
        plaintext.fill(0);
        return { parts: [ciphertext] };
      }),
    dataKeyPair: async (request) => {
      const { header } = request;
      const pairSpec = optionalText(header, "pairSpec") ?? "";
      if (!isKeySpec(pairSpec) || isSymmetric(pairSpec)) {
        throw refusedInput(`There are no key pairs of "${pairSpec}"`);
      }
      keyd.provider();
      const plaintext = await generateMaterial(pairSpec);
      const version = await openKey(keyd, bindingOf(header), partOf(request, 0));
      const ciphertext = symmetricEncryptor(version, header)(plaintext);
      const material = holdMaterial(pairSpec, Buffer.from(plaintext));
      const publicKey = Buffer.from(material.spki ?? []);
      dropMaterial(material);
      if (header.withoutPlaintext !== true) return { parts: [publicKey, ciphertext, plaintext] };
      plaintext.fill(0);
      return { parts: [publicKey, ciphertext] };
    },
  };
}

function symmetricEncryptor(version: KeyVersion, header: Fields) {
  if (version.symmetric !== undefined) return encryptor(version, header);
  throw new KeydError("algorithmInvalid", "Data keys are made under symmetric keys only");
}

function signatureOperations(keyd: Keyd): Readonly<Record<string, Operation>> {
  const signing = (version: KeyVersion, header: Fields) => {
    const messageType = optionalText(header, "messageType") ?? "RAW";
    if (messageType !== "RAW" && messageType !== "DIGEST") {
      throw new KeydError("algorithmUnavailable", `Messages of type ${messageType} are not signed`);
    }
    return { algorithm: algorithmFor(version, header, "SIGN_VERIFY"), messageType };
  };
  return {
    sign: (request) =>
      withKey(keyd, request, (version) => {
        const how = signing(version, request.header);
        return { parts: [signMessage(version.material, how, partOf(request, 1))] };
      }),
    verify: (request) =>
      withKey(keyd, request, (version) => {
        const how = signing(version, request.header);
        const [message, signature] = [partOf(request, 1), partOf(request, 2)];
        return { header: { valid: verifyMessage(version.material, how, { message, signature }) } };
      }),
    mac: (request) =>
      withKey(keyd, request, (version) => {
        algorithmFor(version, request.header, "GENERATE_VERIFY_MAC");
        return { parts: [macOf(version.material, partOf(request, 1))] };
      }),
    verifyMac: (request) =>
      withKey(keyd, request, (version) => {
        algorithmFor(version, request.header, "GENERATE_VERIFY_MAC");
        const [message, mac] = [partOf(request, 1), partOf(request, 2)];
        return { header: { valid: macMatches(version.material, message, mac) } };
      }),
  };
}

function agreementOperations(keyd: Keyd): Readonly<Record<string, Operation>> {
  return {
    deriveSharedSecret: (request) =>
      withKey(keyd, request, (version) => {
        algorithmFor(version, {}, "KEY_AGREEMENT");
        return { parts: [sharedSecret(version.material, partOf(request, 1))] };
      }),
    encapsulate: (request) =>
      withKey(keyd, request, (version) => {
        algorithmFor(version, {}, "ENCAPSULATE_DECAPSULATE");
        const { sharedKey, ciphertext } = encapsulated(version.material);
        return { parts: [sharedKey, ciphertext] };
      }),
    decapsulate: (request) =>
      withKey(keyd, request, (version) => {
        algorithmFor(version, {}, "ENCAPSULATE_DECAPSULATE");
        const secret = decapsulated(version.material, partOf(request, 1));
        if (secret === undefined) throw INVALID;
        return { parts: [secret] };
      }),
  };
}
