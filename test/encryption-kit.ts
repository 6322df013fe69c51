/** The encryption client's key service for one test file: the real operations, no listener. */
import type { EncryptionContext, Kms } from "../packages/encryption-client/src/index.ts";
import { KmsError } from "../packages/encryption-client/src/index.ts";
import type { KmsKit } from "./kms-kit.ts";

export type CountedKms = Kms & { readonly calls: string[] };

/** Calls of the kit's key service, each noted by its verb. */
export function kmsOf(kit: KmsKit, bearer?: string): CountedKms {
  const calls: string[] = [];
  const post = async (keyId: string, verb: string, body: object) => {
    calls.push(verb);
    const { result, error } = await kit.post(`/keys/${keyId}:${verb}`, body, bearer);
    if (error !== undefined) throw new KmsError(error.reason, `${verb} was refused`, {});
    return result;
  };
  const bytes = (text: string) => Buffer.from(text, "base64");
  return {
    calls,
    async generateDataKey(keyId, encryptionContext) {
      const made = await post(keyId, "generateDataKey", { bytes: 32, encryptionContext });
      return { plaintext: bytes(made.plaintext), encryptedDataKey: bytes(made.ciphertext) };
    },
    async decrypt(keyId, encryptedDataKey, encryptionContext: EncryptionContext) {
      const ciphertext = encryptedDataKey.toString("base64");
      return bytes((await post(keyId, "decrypt", { ciphertext, encryptionContext })).plaintext);
    },
    async reEncrypt({ keyId, encryptedDataKey, context, destinationKeyId }) {
      const made = await post(keyId, "reEncrypt", {
        ciphertext: encryptedDataKey.toString("base64"),
        encryptionContext: context,
        destinationEncryptionContext: context,
        destinationKeyId,
      });
      return bytes(made.ciphertext);
    },
  };
}

/** Why it is refused: the reason of either error; "" when it is not. */
export async function refusal(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return "";
  } catch (error) {
    if (error instanceof Error && "reason" in error) return String(error.reason);
    throw error;
  }
}
