/**
 * Operations that use keys. They open no transaction and are recorded before they answer; what is
 * secret never enters the record, and the encryption context enters it as a hash.
 */
import Type, { type TSchema } from "typebox";
import { input, operation } from "../../kernel/operation.ts";
import {
  AlgorithmName,
  base64Bytes,
  Context,
  KeyId,
  KeySpecName,
  KeyUsageName,
  Version,
} from "./resources.ts";

export const limits = {
  /** Of one encrypt call; longer data are encrypted under a data key. */
  plaintextBytesMax: 4_096,
  ciphertextBytesMax: 6_144,
  messageBytesMax: 4_096,
  dataKeyBytesMax: 1_024,
  signatureBytesMax: 6_144,
  macBytesMax: 64,
  publicKeyBytesMax: 8_192,
  importTokenBytesMax: 6_144,
  materialBytesMax: 16_384,
  batchItemsMax: 500,
  batchBytesMax: 524_288,
} as const;

const Plaintext = base64Bytes({ max: limits.plaintextBytesMax });
const Ciphertext = base64Bytes({ max: limits.ciphertextBytesMax });
const Message = base64Bytes({ min: 0, max: limits.messageBytesMax });
const Bytes = Type.String();
const MessageType = Type.Enum(["RAW", "DIGEST"]);
const USE = [
  "kms.keyNotFound",
  "kms.keyDisabled",
  "kms.keyStateInvalid",
  "kms.versionStateInvalid",
  "kms.keyUsageInvalid",
  "kms.algorithmInvalid",
  "kms.algorithmUnavailable",
  "kms.contextTooLarge",
  "kms.dataTooLarge",
  "kms.dryRun",
  "kms.rolledBack",
  "kms.keydUnavailable",
];
const CIPHER = [...USE, "kms.ciphertextInvalid", "kms.keyIncorrect"];
const PER_MINUTE = 1_200_000;

/** Every use has these: which key, that it is a dry run, and nothing changed. */
function use<Fields extends Record<string, TSchema>>(fields: Fields) {
  return input({ keyId: KeyId, dryRun: Type.Optional(Type.Boolean()), ...fields });
}

const common = {
  method: "POST",
  resource: "key/{keyId}",
  transaction: "none",
  limits: { perMinute: PER_MINUTE },
} as const;
const used = { keyId: KeyId, version: Version };
const hashedInput = ["encryptionContext", "ciphertext"];

const cipherInput = {
  algorithm: Type.Optional(AlgorithmName),
  encryptionContext: Type.Optional(Context),
};

export const cipherOperations = {
  encrypt: operation({
    ...common,
    name: "kms.encrypt",
    summary: "Encrypt up to 4 KiB",
    path: "/keys/{keyId}:encrypt",
    action: "kms:Encrypt",
    input: use({ ...cipherInput, plaintext: Plaintext }),
    output: Type.Object({ ...used, ciphertext: Bytes, algorithm: Type.String() }),
    problems: USE,
    secretInput: ["plaintext"],
    hashedInput,
  }),
  decrypt: operation({
    ...common,
    name: "kms.decrypt",
    summary: "Decrypt a ciphertext",
    path: "/keys/{keyId}:decrypt",
    action: "kms:Decrypt",
    input: use({ ...cipherInput, ciphertext: Ciphertext, version: Type.Optional(Version) }),
    output: Type.Object({ ...used, plaintext: Bytes, algorithm: Type.String() }),
    problems: CIPHER,
    secretOutput: ["plaintext"],
    hashedInput,
  }),
  encryptBatch: operation({
    ...common,
    name: "kms.encryptBatch",
    summary: "Encrypt many values under one key and context",
    path: "/keys/{keyId}:encryptBatch",
    action: "kms:Encrypt",
    input: use({
      ...cipherInput,
      plaintexts: Type.Array(Plaintext, { minItems: 1, maxItems: limits.batchItemsMax }),
    }),
    output: Type.Object({
      ...used,
      ciphertexts: Type.Array(Bytes),
      algorithm: Type.String(),
    }),
    problems: USE,
    secretInput: ["plaintexts"],
    hashedInput,
  }),
  decryptBatch: operation({
    ...common,
    name: "kms.decryptBatch",
    summary: "Decrypt many ciphertexts of one key, version and context",
    path: "/keys/{keyId}:decryptBatch",
    action: "kms:Decrypt",
    input: use({
      ...cipherInput,
      ciphertexts: Type.Array(Ciphertext, { minItems: 1, maxItems: limits.batchItemsMax }),
    }),
    /** One for each ciphertext: its plaintext, or the reason why there is none. */
    output: Type.Object({
      keyId: KeyId,
      items: Type.Array(
        Type.Object({ plaintext: Type.Optional(Bytes), reason: Type.Optional(Type.String()) }),
      ),
    }),
    problems: CIPHER,
    secretOutput: ["items"],
    hashedInput: ["encryptionContext", "ciphertexts"],
  }),
  reEncrypt: operation({
    ...common,
    name: "kms.reEncrypt",
    summary: "Encrypt a ciphertext under another key or context; its plaintext stays in keyd",
    path: "/keys/{keyId}:reEncrypt",
    action: "kms:ReEncryptFrom",
    also: [{ action: "kms:ReEncryptTo", resource: "key/{destinationKeyId}" }],
    input: use({
      ...cipherInput,
      ciphertext: Ciphertext,
      version: Type.Optional(Version),
      destinationKeyId: KeyId,
      destinationAlgorithm: Type.Optional(AlgorithmName),
      destinationEncryptionContext: Type.Optional(Context),
    }),
    output: Type.Object({
      ...used,
      ciphertext: Bytes,
      sourceKeyId: KeyId,
      sourceVersion: Version,
      sourceAlgorithm: Type.String(),
      algorithm: Type.String(),
    }),
    problems: CIPHER,
    hashedInput: [...hashedInput, "destinationEncryptionContext"],
  }),
};

const dataKeyInput = use({
  bytes: Type.Optional(Type.Integer({ minimum: 1, maximum: limits.dataKeyBytesMax })),
  encryptionContext: Type.Optional(Context),
});
const pairInput = use({ pairSpec: KeySpecName, encryptionContext: Type.Optional(Context) });
const pairOutput = {
  ...used,
  pairSpec: KeySpecName,
  publicKey: Bytes,
  privateKeyCiphertext: Bytes,
};

export const dataKeyOperations = {
  generateDataKey: operation({
    ...common,
    name: "kms.generateDataKey",
    summary: "Make a data key, in clear and under the key",
    path: "/keys/{keyId}:generateDataKey",
    action: "kms:GenerateDataKey",
    input: dataKeyInput,
    output: Type.Object({ ...used, plaintext: Bytes, ciphertext: Bytes }),
    problems: USE,
    secretOutput: ["plaintext"],
    hashedInput,
  }),
  generateDataKeyWithoutPlaintext: operation({
    ...common,
    name: "kms.generateDataKeyWithoutPlaintext",
    summary: "Make a data key, under the key only",
    path: "/keys/{keyId}:generateDataKeyWithoutPlaintext",
    action: "kms:GenerateDataKeyWithoutPlaintext",
    input: dataKeyInput,
    output: Type.Object({ ...used, ciphertext: Bytes }),
    problems: USE,
    hashedInput,
  }),
  generateDataKeyPair: operation({
    ...common,
    name: "kms.generateDataKeyPair",
    summary: "Make a key pair whose private key is in clear and under the key",
    path: "/keys/{keyId}:generateDataKeyPair",
    action: "kms:GenerateDataKeyPair",
    input: pairInput,
    output: Type.Object({ ...pairOutput, privateKeyPlaintext: Bytes }),
    problems: USE,
    secretOutput: ["privateKeyPlaintext"],
    hashedInput,
  }),
  generateDataKeyPairWithoutPlaintext: operation({
    ...common,
    name: "kms.generateDataKeyPairWithoutPlaintext",
    summary: "Make a key pair whose private key is under the key only",
    path: "/keys/{keyId}:generateDataKeyPairWithoutPlaintext",
    action: "kms:GenerateDataKeyPairWithoutPlaintext",
    input: pairInput,
    output: Type.Object(pairOutput),
    problems: USE,
    hashedInput,
  }),
  generateRandom: operation({
    name: "kms.generateRandom",
    summary: "Make random bytes",
    method: "POST",
    path: "/random:generate",
    action: "kms:GenerateRandom",
    resource: "random",
    transaction: "none",
    limits: { perMinute: PER_MINUTE },
    input: input({ bytes: Type.Integer({ minimum: 1, maximum: limits.dataKeyBytesMax }) }),
    output: Type.Object({ bytes: Bytes }),
    problems: ["kms.keydUnavailable"],
    secretOutput: ["bytes"],
  }),
};

const signInput = {
  message: Message,
  messageType: Type.Optional(MessageType),
  algorithm: Type.Optional(AlgorithmName),
};
const macInput = { message: Message, algorithm: Type.Optional(AlgorithmName) };

export const signatureOperations = {
  sign: operation({
    ...common,
    name: "kms.sign",
    summary: "Sign a message or its digest",
    path: "/keys/{keyId}:sign",
    action: "kms:Sign",
    input: use(signInput),
    output: Type.Object({ ...used, signature: Bytes, algorithm: Type.String() }),
    problems: USE,
    secretInput: ["message"],
  }),
  verify: operation({
    ...common,
    name: "kms.verify",
    summary: "Verify a signature; a wrong one is a refusal",
    path: "/keys/{keyId}:verify",
    action: "kms:Verify",
    input: use({
      ...signInput,
      signature: base64Bytes({ max: limits.signatureBytesMax }),
      version: Type.Optional(Version),
    }),
    output: Type.Object({ ...used, valid: Type.Boolean(), algorithm: Type.String() }),
    problems: [...USE, "kms.signatureInvalid"],
    secretInput: ["message"],
    hashedInput: ["signature"],
  }),
  generateMac: operation({
    ...common,
    name: "kms.generateMac",
    summary: "Make the authentication code of a message",
    path: "/keys/{keyId}:generateMac",
    action: "kms:GenerateMac",
    input: use(macInput),
    output: Type.Object({ ...used, mac: Bytes, algorithm: Type.String() }),
    problems: USE,
    secretInput: ["message"],
  }),
  verifyMac: operation({
    ...common,
    name: "kms.verifyMac",
    summary: "Verify an authentication code; a wrong one is a refusal",
    path: "/keys/{keyId}:verifyMac",
    action: "kms:VerifyMac",
    input: use({
      ...macInput,
      mac: base64Bytes({ max: limits.macBytesMax }),
      version: Type.Optional(Version),
    }),
    output: Type.Object({ ...used, valid: Type.Boolean(), algorithm: Type.String() }),
    problems: [...USE, "kms.macInvalid"],
    secretInput: ["message"],
    hashedInput: ["mac"],
  }),
};

export const agreementOperations = {
  deriveSharedSecret: operation({
    ...common,
    name: "kms.deriveSharedSecret",
    summary: "Agree on a secret with another's public key (ECDH)",
    path: "/keys/{keyId}:deriveSharedSecret",
    action: "kms:DeriveSharedSecret",
    input: use({ publicKey: base64Bytes({ max: limits.publicKeyBytesMax }) }),
    output: Type.Object({ ...used, sharedSecret: Bytes }),
    problems: [...USE, "kms.publicKeyInvalid"],
    secretOutput: ["sharedSecret"],
  }),
  encapsulate: operation({
    ...common,
    name: "kms.encapsulate",
    summary: "Make a secret that only the key can take out again (ML-KEM)",
    path: "/keys/{keyId}:encapsulate",
    action: "kms:Encapsulate",
    input: use({}),
    output: Type.Object({ ...used, sharedSecret: Bytes, ciphertext: Bytes }),
    problems: USE,
    secretOutput: ["sharedSecret"],
  }),
  decapsulate: operation({
    ...common,
    name: "kms.decapsulate",
    summary: "Take a secret out of its encapsulation (ML-KEM)",
    path: "/keys/{keyId}:decapsulate",
    action: "kms:Decapsulate",
    input: use({ ciphertext: Ciphertext, version: Type.Optional(Version) }),
    output: Type.Object({ ...used, sharedSecret: Bytes }),
    problems: CIPHER,
    secretOutput: ["sharedSecret"],
    hashedInput,
  }),
  getPublicKey: operation({
    name: "kms.getPublicKey",
    summary: "Get the public half of a key",
    method: "GET",
    path: "/keys/{keyId}/publicKey",
    action: "kms:GetPublicKey",
    resource: "key/{keyId}",
    transaction: "none",
    input: input({ keyId: KeyId, version: Type.Optional(Version) }),
    output: Type.Object({
      ...used,
      publicKey: Bytes,
      publicKeyPem: Type.String(),
      spec: KeySpecName,
      usage: KeyUsageName,
      algorithms: Type.Array(Type.String()),
    }),
    problems: ["kms.keyNotFound", "kms.keyDisabled", "kms.keyStateInvalid", "kms.keyUsageInvalid"],
  }),
};
