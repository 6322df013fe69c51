/** Handlers of signatures, authentication codes, key agreement and encapsulation. */
import type { Context } from "../../kernel/context.ts";
import { Problem } from "../../kernel/problem.ts";
import type { Handlers } from "../../kernel/service.ts";
import type { kmsContract } from "./contract.ts";
import { isSymmetricSpec, offeredAlgorithms } from "./domain.ts";
import { asked } from "./keyd-problem.ts";
import { bytesOf, type UseParts, usingKey } from "./use.ts";
import { limits } from "./use-contract.ts";

type All = Handlers<typeof kmsContract>;

export function signatureHandlers(
  parts: UseParts,
): Pick<All, "sign" | "verify" | "generateMac" | "verifyMac"> {
  const { keyd } = parts;
  const signing = (context: Context, wanted: Parameters<All["sign"]>[1], operation: string) =>
    usingKey(parts, context, { wanted, usage: "SIGN_VERIFY", operation });
  const coding = (context: Context, wanted: Parameters<All["generateMac"]>[1], operation: string) =>
    usingKey(parts, context, { wanted, usage: "GENERATE_VERIFY_MAC", operation });
  return {
    async sign(context, wanted) {
      const message = bytesOf(wanted.message, "/message", limits.messageBytesMax);
      const { handle, algorithm, told } = await signing(context, wanted, "Sign");
      const options = { algorithm, messageType: wanted.messageType ?? "RAW", message };
      const signature = await asked(keyd.sign(handle, options));
      return { ...told, signature: signature.toString("base64"), algorithm };
    },
    async verify(context, wanted) {
      const message = bytesOf(wanted.message, "/message", limits.messageBytesMax);
      const signature = bytesOf(wanted.signature, "/signature", limits.signatureBytesMax);
      const { handle, algorithm, told } = await signing(context, wanted, "Verify");
      const messageType = wanted.messageType ?? "RAW";
      const options = { algorithm, messageType, message, signature };
      const valid = await asked(keyd.verify(handle, options));
      if (!valid) throw new Problem("kms.signatureInvalid");
      return { ...told, valid, algorithm };
    },
    async generateMac(context, wanted) {
      const message = bytesOf(wanted.message, "/message", limits.messageBytesMax);
      const { handle, algorithm, told } = await coding(context, wanted, "GenerateMac");
      const mac = await asked(keyd.mac(handle, { algorithm, message }));
      return { ...told, mac: mac.toString("base64"), algorithm };
    },
    async verifyMac(context, wanted) {
      const message = bytesOf(wanted.message, "/message", limits.messageBytesMax);
      const mac = bytesOf(wanted.mac, "/mac", limits.macBytesMax);
      const { handle, algorithm, told } = await coding(context, wanted, "VerifyMac");
      const valid = await asked(keyd.verifyMac(handle, { algorithm, message, mac }));
      if (!valid) throw new Problem("kms.macInvalid");
      return { ...told, valid, algorithm };
    },
  };
}

export function agreementHandlers(
  parts: UseParts,
): Pick<All, "deriveSharedSecret" | "encapsulate" | "decapsulate" | "getPublicKey"> {
  const { keyd } = parts;
  const encapsulating = { usage: "ENCAPSULATE_DECAPSULATE" } as const;
  return {
    async deriveSharedSecret(context, wanted) {
      const publicKey = bytesOf(wanted.publicKey, "/publicKey", limits.publicKeyBytesMax);
      const operation = "DeriveSharedSecret";
      const using = await usingKey(parts, context, { wanted, usage: "KEY_AGREEMENT", operation });
      const answer = keyd.deriveSharedSecret(using.handle, publicKey);
      const secret = await asked(answer, { inputInvalid: "kms.publicKeyInvalid" });
      return { ...using.told, sharedSecret: secret.toString("base64") };
    },
    async encapsulate(context, wanted) {
      const how = { ...encapsulating, wanted, operation: "Encapsulate" };
      const { handle, told } = await usingKey(parts, context, how);
      const made = await asked(keyd.encapsulate(handle));
      return {
        ...told,
        sharedSecret: made.sharedSecret.toString("base64"),
        ciphertext: made.ciphertext.toString("base64"),
      };
    },
    async decapsulate(context, wanted) {
      const ciphertext = bytesOf(wanted.ciphertext, "/ciphertext", limits.ciphertextBytesMax);
      const how = { ...encapsulating, wanted, operation: "Decapsulate" };
      const { handle, told } = await usingKey(parts, context, how);
      const answer = keyd.decapsulate(handle, ciphertext);
      const secret = await asked(answer, { inputInvalid: "kms.ciphertextInvalid" });
      return { ...told, sharedSecret: secret.toString("base64") };
    },
    async getPublicKey(context, { keyId, version }) {
      const record = await parts.directory.find(context.accountId, keyId, context.nowMs);
      if (record === undefined) throw new Problem("kms.keyNotFound");
      const { spec, usage } = record.key;
      if (isSymmetricSpec(spec)) throw new Problem("kms.keyUsageInvalid");
      const wanted = { keyId, version };
      const using = await usingKey(parts, context, { wanted, usage, operation: "GetPublicKey" });
      const der = using.version.publicKey;
      if (der === null) throw new Problem("kms.keyStateInvalid");
      const lines = der.toString("base64").match(/.{1,64}/g) ?? [];
      return {
        ...using.told,
        publicKey: der.toString("base64"),
        publicKeyPem: ["-----BEGIN PUBLIC KEY-----", ...lines, "-----END PUBLIC KEY-----", ""].join(
          "\n",
        ),
        spec,
        usage,
        algorithms: offeredAlgorithms(spec, usage),
      };
    },
  };
}
