/** Commands that use keys. */
import { Problem } from "../../../kernel/problem.ts";
import type { Key } from "../resources.ts";
import { type AwsCall, type Fields, given, keyArn, keyOf, keyOfBlob } from "./call.ts";
import { type AwsCommand, command, refuse, usedArn, withKey } from "./declare.ts";
import { algorithmsView } from "./key-view.ts";

/** Answers sealed to an attested enclave are not made here. */
const RECIPIENT = ["Recipient"];

const cipherFields = ({ EncryptionAlgorithm, EncryptionContext, DryRun }: Fields) => ({
  algorithm: EncryptionAlgorithm,
  encryptionContext: EncryptionContext,
  dryRun: DryRun,
});

type Encrypted = { ciphertext: string; algorithm: string };
type Decrypted = { plaintext: string; algorithm: string };
type ReEncrypted = Encrypted & { keyId: string; sourceAlgorithm: string };

/** The key that is named, or else the one that the ciphertext names. */
async function opening(call: AwsCall, name: unknown): Promise<string> {
  const { CiphertextBlob: blob } = call.body;
  call.reference = name === undefined ? await keyOfBlob(call, blob) : await keyOf(call, name);
  return call.reference.keyId;
}

export const cipherCommands: Readonly<Record<string, AwsCommand>> = {
  Encrypt: command<Encrypted>({
    native: "kms.encrypt",
    input: (call) => withKey(call, { ...cipherFields(call.body), plaintext: call.body.Plaintext }),
    answer: ({ ciphertext, algorithm }, call) => ({
      CiphertextBlob: ciphertext,
      KeyId: usedArn(call),
      EncryptionAlgorithm: algorithm,
    }),
  }),
  Decrypt: command<Decrypted>({
    native: "kms.decrypt",
    async input(call) {
      const { body } = call;
      refuse(body, [...RECIPIENT, "DryRunModifiers"]);
      const keyId = await opening(call, body.KeyId);
      return given({ keyId, ...cipherFields(body), ciphertext: body.CiphertextBlob });
    },
    answer: ({ plaintext, algorithm }, call) => ({
      KeyId: usedArn(call),
      Plaintext: plaintext,
      EncryptionAlgorithm: algorithm,
    }),
  }),
  ReEncrypt: command<ReEncrypted>({
    native: "kms.reEncrypt",
    async input(call) {
      const { body } = call;
      refuse(body, ["DryRunModifiers"]);
      const keyId = await opening(call, body.SourceKeyId);
      const destination = await keyOf(call, body.DestinationKeyId);
      call.destination = destination;
      return given({
        keyId,
        ciphertext: body.CiphertextBlob,
        algorithm: body.SourceEncryptionAlgorithm,
        encryptionContext: body.SourceEncryptionContext,
        destinationKeyId: destination.keyId,
        destinationAlgorithm: body.DestinationEncryptionAlgorithm,
        destinationEncryptionContext: body.DestinationEncryptionContext,
        dryRun: body.DryRun,
      });
    },
    answer: (result, call) => ({
      CiphertextBlob: result.ciphertext,
      SourceKeyId: usedArn(call),
      KeyId: call.destination && keyArn(call, call.destination),
      SourceEncryptionAlgorithm: result.sourceAlgorithm,
      DestinationEncryptionAlgorithm: result.algorithm,
    }),
  }),
};

const BYTES: Readonly<Record<string, number>> = { AES_256: 32, AES_128: 16 };

function dataKeyFields({ KeySpec, NumberOfBytes, EncryptionContext, DryRun }: Fields): Fields {
  if ((KeySpec === undefined) === (NumberOfBytes === undefined)) {
    const message = "must be given, or NumberOfBytes, and not both";
    throw new Problem("kernel.inputInvalid", { details: [{ path: "/KeySpec", message }] });
  }
  const bytes = typeof KeySpec === "string" ? BYTES[KeySpec] : NumberOfBytes;
  if (bytes === undefined) {
    const message = "must be AES_256 or AES_128";
    throw new Problem("kernel.inputInvalid", { details: [{ path: "/KeySpec", message }] });
  }
  return { bytes, encryptionContext: EncryptionContext, dryRun: DryRun };
}

type DataKey = { plaintext?: string; ciphertext: string };
type Pair = { publicKey: string; privateKeyCiphertext: string; privateKeyPlaintext?: string };

function dataKeyCommand(native: string): AwsCommand {
  return command<DataKey>({
    native,
    input(call) {
      refuse(call.body, RECIPIENT);
      return withKey(call, dataKeyFields(call.body));
    },
    answer: ({ plaintext, ciphertext }, call) =>
      given({ CiphertextBlob: ciphertext, Plaintext: plaintext, KeyId: usedArn(call) }),
  });
}

function pairCommand(native: string): AwsCommand {
  return command<Pair>({
    native,
    input(call) {
      refuse(call.body, RECIPIENT);
      const { KeyPairSpec, EncryptionContext, DryRun } = call.body;
      const fields = {
        pairSpec: KeyPairSpec,
        encryptionContext: EncryptionContext,
        dryRun: DryRun,
      };
      return withKey(call, fields);
    },
    answer: (pair, call) =>
      given({
        PrivateKeyCiphertextBlob: pair.privateKeyCiphertext,
        PrivateKeyPlaintext: pair.privateKeyPlaintext,
        PublicKey: pair.publicKey,
        KeyId: usedArn(call),
        KeyPairSpec: call.body.KeyPairSpec,
      }),
  });
}

export const dataKeyCommands: Readonly<Record<string, AwsCommand>> = {
  GenerateDataKey: dataKeyCommand("kms.generateDataKey"),
  GenerateDataKeyWithoutPlaintext: dataKeyCommand("kms.generateDataKeyWithoutPlaintext"),
  GenerateDataKeyPair: pairCommand("kms.generateDataKeyPair"),
  GenerateDataKeyPairWithoutPlaintext: pairCommand("kms.generateDataKeyPairWithoutPlaintext"),
  GenerateRandom: command<{ bytes: string }>({
    native: "kms.generateRandom",
    input({ body }) {
      refuse(body, [...RECIPIENT, "CustomKeyStoreId"]);
      return given({ bytes: body.NumberOfBytes });
    },
    answer: ({ bytes }) => ({ Plaintext: bytes }),
  }),
};

const signFields = ({ Message, MessageType, SigningAlgorithm, DryRun }: Fields) => ({
  message: Message,
  messageType: MessageType,
  algorithm: SigningAlgorithm,
  dryRun: DryRun,
});
const macFields = ({ Message, MacAlgorithm, DryRun }: Fields) => ({
  message: Message,
  algorithm: MacAlgorithm,
  dryRun: DryRun,
});

export const signatureCommands: Readonly<Record<string, AwsCommand>> = {
  Sign: command<{ signature: string; algorithm: string }>({
    native: "kms.sign",
    input: (call) => withKey(call, signFields(call.body)),
    answer: ({ signature, algorithm }, call) => ({
      KeyId: usedArn(call),
      Signature: signature,
      SigningAlgorithm: algorithm,
    }),
  }),
  Verify: command<{ valid: boolean; algorithm: string }>({
    native: "kms.verify",
    input: (call) => withKey(call, { ...signFields(call.body), signature: call.body.Signature }),
    answer: ({ valid, algorithm }, call) => ({
      KeyId: usedArn(call),
      SignatureValid: valid,
      SigningAlgorithm: algorithm,
    }),
  }),
  GenerateMac: command<{ mac: string; algorithm: string }>({
    native: "kms.generateMac",
    input: (call) => withKey(call, macFields(call.body)),
    answer: ({ mac, algorithm }, call) => ({
      KeyId: usedArn(call),
      Mac: mac,
      MacAlgorithm: algorithm,
    }),
  }),
  VerifyMac: command<{ valid: boolean; algorithm: string }>({
    native: "kms.verifyMac",
    input: (call) => withKey(call, { ...macFields(call.body), mac: call.body.Mac }),
    answer: ({ valid, algorithm }, call) => ({
      KeyId: usedArn(call),
      MacValid: valid,
      MacAlgorithm: algorithm,
    }),
  }),
};

type PublicKey = Pick<Key, "spec" | "algorithms"> & { publicKey: string };
type Agreed = { sharedSecret: string; ciphertext?: string };

export const agreementCommands: Readonly<Record<string, AwsCommand>> = {
  DeriveSharedSecret: command<Agreed>({
    native: "kms.deriveSharedSecret",
    input(call) {
      refuse(call.body, RECIPIENT);
      mustBe(call.body, "KeyAgreementAlgorithm", "ECDH");
      return withKey(call, { publicKey: call.body.PublicKey, dryRun: call.body.DryRun });
    },
    answer: ({ sharedSecret }, call) => ({
      KeyId: usedArn(call),
      SharedSecret: sharedSecret,
      KeyAgreementAlgorithm: "ECDH",
    }),
  }),
  Encapsulate: command<Agreed>({
    native: "kms.encapsulate",
    input(call) {
      mustBe(call.body, "EncapsulationAlgorithm", "ML_KEM");
      return withKey(call, { dryRun: call.body.DryRun });
    },
    answer: ({ sharedSecret, ciphertext }, call) => ({
      KeyId: usedArn(call),
      SharedSecret: sharedSecret,
      SharedSecretCiphertextBlob: ciphertext,
      EncapsulationAlgorithm: "ML_KEM",
    }),
  }),
  Decapsulate: command<Agreed>({
    native: "kms.decapsulate",
    input(call) {
      mustBe(call.body, "EncapsulationAlgorithm", "ML_KEM");
      const { SharedSecretCiphertextBlob: ciphertext, DryRun: dryRun } = call.body;
      return withKey(call, { ciphertext, dryRun });
    },
    answer: ({ sharedSecret }, call) => ({
      KeyId: usedArn(call),
      SharedSecret: sharedSecret,
      EncapsulationAlgorithm: "ML_KEM",
    }),
  }),
  GetPublicKey: command<PublicKey & { usage: Key["usage"] }>({
    native: "kms.getPublicKey",
    input: (call) => withKey(call),
    answer: (result, call) => ({
      KeyId: usedArn(call),
      PublicKey: result.publicKey,
      KeySpec: result.spec,
      CustomerMasterKeySpec: result.spec,
      KeyUsage: result.usage,
      ...algorithmsView(result),
    }),
  }),
};

function mustBe(body: Fields, name: string, wanted: string): void {
  if (body[name] === wanted) return;
  const details = [{ path: `/${name}`, message: `must be ${wanted}` }];
  throw new Problem("kernel.inputInvalid", { details });
}
