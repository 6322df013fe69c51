/** Commands that bring key material in, and those of key stores outside Cordon. */
import { Problem } from "../../../kernel/problem.ts";
import type { KeyVersion } from "../resources.ts";
import { type AwsCall, type Fields, seconds } from "./call.ts";
import { type AwsCommand, command, refuse, usedArn, withKey } from "./declare.ts";

type Parameters = { importToken: string; publicKey: string; expireTime: string };

export const importCommands: Readonly<Record<string, AwsCommand>> = {
  GetParametersForImport: command<Parameters>({
    native: "kms.getImportParameters",
    input(call) {
      const { WrappingAlgorithm, WrappingKeySpec } = call.body;
      return withKey(call, {
        wrappingAlgorithm: WrappingAlgorithm,
        wrappingKeySpec: WrappingKeySpec,
      });
    },
    answer: ({ importToken, publicKey, expireTime }, call) => ({
      KeyId: usedArn(call),
      ImportToken: importToken,
      PublicKey: publicKey,
      ParametersValidTo: seconds(expireTime),
    }),
  }),
  ImportKeyMaterial: command<KeyVersion>({
    native: "kms.importKeyMaterial",
    input(call) {
      const { body } = call;
      refuse(body, ["KeyMaterialId"]);
      return withKey(call, {
        importToken: body.ImportToken,
        encryptedMaterial: body.EncryptedKeyMaterial,
        expireTime: expireTime(body),
        importType: body.ImportType === "NEW_KEY_MATERIAL" ? "new" : undefined,
        materialDescription: body.KeyMaterialDescription,
      });
    },
    answer: ({ materialId }, call) => ({ KeyId: usedArn(call), KeyMaterialId: materialId }),
  }),
  DeleteImportedKeyMaterial: command<unknown>({
    native: "kms.deleteKeyMaterial",
    input(call) {
      refuse(call.body, ["KeyMaterialId"]);
      return withKey(call);
    },
    answer: (_result, call: AwsCall) => ({ KeyId: usedArn(call) }),
  }),
};

/** The protocol's default is that material expires, and then it must say when. */
function expireTime({ ExpirationModel: model, ValidTo: time }: Fields): string | undefined {
  if (model === "KEY_MATERIAL_DOES_NOT_EXPIRE") {
    if (time === undefined) return undefined;
    throw invalid("must not be given for material that does not expire");
  }
  if (typeof time !== "number") throw invalid("must say when the material expires");
  return new Date(time * 1_000).toISOString();
}

function invalid(message: string): Problem {
  return new Problem("kernel.inputInvalid", { details: [{ path: "/ValidTo", message }] });
}

const STORES = "key stores outside Cordon are not connected; a device can be the root of trust";

/** What the protocol has and Cordon has not. */
export const unsupportedCommands: Readonly<Record<string, AwsCommand>> = {
  CreateCustomKeyStore: { unsupported: STORES },
  ConnectCustomKeyStore: { unsupported: STORES },
  DisconnectCustomKeyStore: { unsupported: STORES },
  UpdateCustomKeyStore: { unsupported: STORES },
  DeleteCustomKeyStore: { unsupported: STORES },
  DescribeCustomKeyStores: { unsupported: STORES },
};
