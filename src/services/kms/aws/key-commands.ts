/** Commands on keys. */
import type { Key, KeyVersion } from "../resources.ts";
import { type AwsCall, type Fields, given, keyArn, seconds } from "./call.ts";
import {
  type AwsCommand,
  arnAnswer,
  command,
  listAnswer,
  onKey,
  pageOf,
  refuse,
  tagsOf,
  usedArn,
  withKey,
} from "./declare.ts";
import { keyMetadata, stateName } from "./key-view.ts";
import { documentOf } from "./policy-form.ts";

const metadata = (key: Key, call: AwsCall) => ({ KeyMetadata: keyMetadata(call, key) });

export const keyCommands: Readonly<Record<string, AwsCommand>> = {
  CreateKey: command<Key>({
    native: "kms.createKey",
    input(call) {
      const { body } = call;
      refuse(body, ["CustomKeyStoreId", "XksKeyId"]);
      const hasPolicy = body.Policy !== undefined;
      return given({
        policy: hasPolicy ? documentOf(body.Policy, call) : undefined,
        policySourceText: body.Policy,
        confirmLockOut: body.BypassPolicyLockoutSafetyCheck,
        description: body.Description,
        spec: body.KeySpec ?? body.CustomerMasterKeySpec,
        usage: body.KeyUsage,
        origin: originOf(body.Origin),
        multiRegion: body.MultiRegion,
        tags: tagsOf(body.Tags, "/Tags"),
      });
    },
    answer: metadata,
  }),
  DescribeKey: onKey("kms.getKey", undefined, metadata),
  ListKeys: command<{ keys: Key[]; totalCount: number }>({
    native: "kms.listKeys",
    // A replica is a key of its own region only.
    input: (call) => ({
      ...pageOf(call),
      filters: [{ name: "multiRegion", values: ["replica"], operator: "ne" }],
    }),
    answer: ({ keys, totalCount }, call) => {
      const items = keys.map(({ sharedKeyId: id, region }) => ({
        KeyId: id,
        KeyArn: keyArn(call, { id, region }),
      }));
      return listAnswer(call, { name: "Keys", items, totalCount });
    },
  }),
  UpdateKeyDescription: onKey("kms.updateKey", ({ Description }) => ({ description: Description })),
  EnableKey: onKey("kms.enableKey"),
  DisableKey: onKey("kms.disableKey"),
  ScheduleKeyDeletion: onKey(
    "kms.scheduleKeyDeletion",
    ({ PendingWindowInDays }) => ({ pendingDays: PendingWindowInDays }),
    (key, call) =>
      given({
        KeyId: usedArn(call),
        DeletionDate: key.deleteTime === null ? undefined : seconds(key.deleteTime),
        KeyState: stateName(key.state),
        PendingWindowInDays: call.body.PendingWindowInDays ?? 30,
      }),
  ),
  CancelKeyDeletion: onKey("kms.cancelKeyDeletion", undefined, arnAnswer),
  TagResource: onKey("kms.tagKey", ({ Tags }) => ({ tags: tagsOf(Tags, "/Tags") ?? {} })),
  UntagResource: onKey("kms.untagKey", ({ TagKeys }) => ({ tagNames: TagKeys })),
  ListResourceTags: onKey("kms.getKey", undefined, ({ tags }) => ({
    Tags: Object.entries(tags).map(([TagKey, TagValue]) => ({ TagKey, TagValue })),
    Truncated: false,
  })),
  GetKeyLastUsage: onKey("kms.getKey", undefined, (key, call) =>
    given({
      KeyId: usedArn(call),
      KeyLastUsage:
        key.lastUseTime === null
          ? undefined
          : { Operation: key.lastUseOperation, Timestamp: seconds(key.lastUseTime) },
      TrackingStartDate: seconds(key.createTime),
      KeyCreationDate: seconds(key.createTime),
    }),
  ),
};

export const rotationCommands: Readonly<Record<string, AwsCommand>> = {
  EnableKeyRotation: onKey("kms.enableKeyRotation", ({ RotationPeriodInDays }) => ({
    rotationPeriodDays: RotationPeriodInDays,
  })),
  DisableKeyRotation: onKey("kms.disableKeyRotation"),
  GetKeyRotationStatus: onKey("kms.getKey", undefined, (key, call) =>
    given({
      KeyId: usedArn(call),
      KeyRotationEnabled: key.rotationPeriodDays !== null,
      RotationPeriodInDays: key.rotationPeriodDays ?? undefined,
      NextRotationDate: key.nextRotationTime === null ? undefined : seconds(key.nextRotationTime),
    }),
  ),
  RotateKeyOnDemand: onKey("kms.rotateKey", undefined, arnAnswer),
  ListKeyRotations: command<{ keyVersions: KeyVersion[]; totalCount: number }>({
    native: "kms.listKeyVersions",
    input: (call) => withKey(call, { ...pageOf(call), ...rotationsOnly(call.body) }),
    answer({ keyVersions, totalCount }, call) {
      const items = keyVersions.map((one) => rotationEntry(one, call));
      return listAnswer(call, { name: "Rotations", items, totalCount });
    },
  }),
  ReplicateKey: onKey(
    "kms.replicateKey",
    (body) => {
      refuse(body, ["Policy"]);
      const { ReplicaRegion: region, Description: description, Tags } = body;
      return { region, description, tags: tagsOf(Tags, "/Tags") };
    },
    (key, call) => ({
      ReplicaKeyMetadata: keyMetadata(call, key),
      ReplicaTags: Object.entries(key.tags).map(([TagKey, TagValue]) => ({ TagKey, TagValue })),
    }),
  ),
  UpdatePrimaryRegion: onKey("kms.setPrimaryRegion", ({ PrimaryRegion }) => ({
    region: PrimaryRegion,
  })),
};

function rotationsOnly({ IncludeKeyMaterial }: Fields): Fields {
  if (IncludeKeyMaterial === "ALL_KEY_MATERIAL") return {};
  return { filters: [{ name: "rotation", values: ["automatic", "onDemand"] }] };
}

function rotationEntry(version: KeyVersion, call: AwsCall) {
  const { expireTime, rotation, state, origin } = version;
  return given({
    KeyId: usedArn(call),
    KeyMaterialId: version.materialId,
    KeyMaterialDescription: version.materialDescription || undefined,
    KeyMaterialState: version.current ? "CURRENT" : "NON_CURRENT",
    ImportState:
      origin === "CORDON" ? undefined : state === "pendingImport" ? "PENDING_IMPORT" : "IMPORTED",
    ExpirationModel:
      origin === "CORDON"
        ? undefined
        : `KEY_MATERIAL_${expireTime === null ? "DOES_NOT_EXPIRE" : "EXPIRES"}`,
    ValidTo: expireTime === null ? undefined : seconds(expireTime),
    RotationDate: rotation === null ? undefined : seconds(version.createTime),
    RotationType:
      rotation === null ? undefined : rotation === "automatic" ? "AUTOMATIC" : "ON_DEMAND",
  });
}

function originOf(origin: unknown): unknown {
  if (origin === "AWS_KMS" || origin === undefined) return undefined;
  if (origin === "EXTERNAL") return "EXTERNAL";
  refuse({ Origin: origin }, ["Origin"]);
  return undefined;
}
