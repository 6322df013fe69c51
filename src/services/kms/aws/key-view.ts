/** Keys of ours in the words of the protocol. */
import type { Key, KeyState } from "../resources.ts";
import { type AwsCall, accountNumber, given, keyArn, seconds } from "./call.ts";

const STATES: Readonly<Record<KeyState, string>> = {
  enabled: "Enabled",
  disabled: "Disabled",
  pendingImport: "PendingImport",
  pendingDeletion: "PendingDeletion",
  pendingReplicaDeletion: "PendingReplicaDeletion",
};

const ALGORITHM_FIELDS: Readonly<Record<Key["usage"], string>> = {
  ENCRYPT_DECRYPT: "EncryptionAlgorithms",
  SIGN_VERIFY: "SigningAlgorithms",
  GENERATE_VERIFY_MAC: "MacAlgorithms",
  KEY_AGREEMENT: "KeyAgreementAlgorithms",
  ENCAPSULATE_DECAPSULATE: "EncapsulationAlgorithms",
};

export function stateName(state: KeyState): string {
  return STATES[state];
}

/** The field that lists what a key of this usage works with. */
export function algorithmsView(
  key: Pick<Key, "usage"> & { readonly algorithms: readonly string[] },
) {
  return { [ALGORITHM_FIELDS[key.usage]]: [...key.algorithms] };
}

export function keyMetadata(call: AwsCall, key: Key): Record<string, unknown> {
  const arn = (region: string) => keyArn(call, { id: key.sharedKeyId, region });
  const { materialExpireTime, deleteTime } = key;
  const expires = materialExpireTime !== null;
  const waiting = key.state === "pendingReplicaDeletion";
  return given({
    AWSAccountId: accountNumber(call.accountId),
    KeyId: key.sharedKeyId,
    Arn: arn(key.region),
    CreationDate: seconds(key.createTime),
    Enabled: key.state === "enabled",
    Description: key.description,
    KeyUsage: key.usage,
    KeyState: STATES[key.state],
    DeletionDate: deleteTime === null || waiting ? undefined : seconds(deleteTime),
    ValidTo: expires ? seconds(materialExpireTime) : undefined,
    Origin: key.origin === "EXTERNAL" ? "EXTERNAL" : "AWS_KMS",
    ExpirationModel: expiration(key),
    KeyManager: "CUSTOMER",
    KeySpec: key.spec,
    CustomerMasterKeySpec: key.spec,
    ...algorithmsView(key),
    MultiRegion: key.multiRegion !== "none",
    MultiRegionConfiguration: key.multiRegion === "none" ? undefined : regionsOf(key, arn),
  });
}

function expiration({ origin, state, materialExpireTime }: Key): string | undefined {
  if (origin !== "EXTERNAL" || state === "pendingImport") return undefined;
  return materialExpireTime === null ? "KEY_MATERIAL_DOES_NOT_EXPIRE" : "KEY_MATERIAL_EXPIRES";
}

function regionsOf(key: Key, arn: (region: string) => string) {
  const named = (region: string) => ({ Arn: arn(region), Region: region });
  return {
    MultiRegionKeyType: key.multiRegion === "primary" ? "PRIMARY" : "REPLICA",
    PrimaryKey: named(key.primaryRegion),
    ReplicaKeys: key.replicaRegions.map(named),
  };
}
