/** Handlers of key material that is brought in. */
import type { KeyBinding } from "../../engines/keys/binding.ts";
import { type Context, timeText } from "../../kernel/context.ts";
import type { NewKey } from "../../kernel/keyd/protocol.ts";
import { Problem } from "../../kernel/problem.ts";
import type { Handlers } from "../../kernel/service.ts";
import type { kmsContract } from "./contract.ts";
import {
  bindingOf,
  isSymmetricSpec,
  type KeyRecord,
  limits,
  stateFault,
  type VersionRow,
} from "./domain.ts";
import { WRAPPING_ALGORITHMS } from "./import-contract.ts";
import { type Changing, changeKeys, type KmsParts, lockedRecord, resealAll } from "./key-change.ts";
import { oneKey, versionView } from "./key-views.ts";
import { asked } from "./keyd-problem.ts";
import { event } from "./keys.ts";
import { keyStore, versionStore } from "./store.ts";
import { bytesOf } from "./use.ts";
import { limits as sizes } from "./use-contract.ts";

type All = Handlers<typeof kmsContract>;
type Algorithm = (typeof WRAPPING_ALGORITHMS)[number];

/** Before keyd's own token: which algorithm it is for (1 byte) and when it ends (6). */
const TOKEN_HEAD_BYTES = 7;

export function importHandlers(
  parts: KmsParts,
): Pick<
  All,
  "getImportParameters" | "importKeyMaterial" | "importPublicKey" | "deleteKeyMaterial"
> {
  return {
    async getImportParameters(context, { keyId, wrappingAlgorithm, wrappingKeySpec }) {
      const { key } = await importable(context, keyId);
      const expireTimeMs = context.nowMs + limits.importTokenMs;
      const target = { account: context.accountId, key: key.materialId };
      const request = { ...target, wrappingKeySpec, expireTimeMs };
      const made = await asked(parts.keyd.importParameters(request));
      const head = Buffer.alloc(TOKEN_HEAD_BYTES);
      head.writeUInt8(WRAPPING_ALGORITHMS.indexOf(wrappingAlgorithm), 0);
      head.writeUIntBE(expireTimeMs, 1, 6);
      return {
        keyId,
        importToken: Buffer.concat([head, made.token]).toString("base64"),
        publicKey: made.publicKey.toString("base64"),
        expireTime: timeText(expireTimeMs),
      };
    },
    async importKeyMaterial(context, given) {
      const { keyId } = given;
      const { expireTime } = given;
      if (expireTime !== undefined && Date.parse(expireTime) <= context.nowMs) {
        throw new Problem("kms.expireTimeInvalid");
      }
      const { token, wrappingAlgorithm } = readToken(given.importToken, context.nowMs);
      const material = bytesOf(
        given.encryptedMaterial,
        "/encryptedMaterial",
        sizes.materialBytesMax,
      );
      const wrapped = { token, material, wrappingAlgorithm };
      const version = await takeMaterial(parts, context, {
        keyId,
        isNew: given.importType === "new",
        description: given.materialDescription ?? "",
        expireTime: expireTime === undefined ? null : timeText(Date.parse(expireTime)),
        take: (binding) => parts.keyd.importWrapped(binding, wrapped),
      });
      await context.emit(event("kms.keyMaterialImported", keyId));
      return version;
    },
    async importPublicKey(context, { keyId, publicKey }) {
      const material = bytesOf(publicKey, "/publicKey", sizes.publicKeyBytesMax);
      return takeMaterial(parts, context, {
        ...{ keyId, isNew: false, description: "", expireTime: null },
        take: (binding) => parts.keyd.importKey(binding, { form: "spki", material }),
      });
    },
    async deleteKeyMaterial(context, { keyId, version }) {
      await changeKeys(parts, context, async () => {
        const record = await lockedRecord(context, keyId);
        const { key } = record;
        const fault = stateFault(key.state, "deleteMaterial");
        if (fault !== undefined) throw new Problem(fault);
        if (key.origin !== "EXTERNAL") throw new Problem("kms.keyUsageInvalid");
        const number = version ?? key.currentVersion;
        const row = record.versions.find((one) => one.version === number);
        if (row === undefined) throw new Problem("kms.keyVersionNotFound");
        await forgetMaterial(context, record, row);
      });
      await context.emit({ ...event("kms.keyMaterialDeleted", keyId), severityId: 3 });
      return oneKey(context, keyId);
    },
  };
}

/** Deletes the material of a version; the key waits for it then, with all that share it. */
export async function forgetMaterial(
  changing: Changing,
  { key }: KeyRecord,
  row: VersionRow,
): Promise<void> {
  const { sql, accountId } = changing;
  const gone = { wrapped: null, publicKey: null, expireTime: null };
  await versionStore(sql).put(accountId, { ...row, ...gone, state: "pendingImport" });
  for (const one of await keyStore(sql).sharing(accountId, key.materialId)) {
    const waits = one.currentVersion === row.version && ["enabled", "disabled"].includes(one.state);
    if (waits) await keyStore(sql).update(accountId, { ...one, state: "pendingImport" });
  }
  await resealAll(changing, key.materialId);
}

async function importable(context: Context, keyId: string): Promise<KeyRecord> {
  const record = await lockedRecord(context, keyId);
  const fault = stateFault(record.key.state, "import");
  if (fault !== undefined) throw new Problem(fault);
  const { origin, multiRegion } = record.key;
  if (origin !== "EXTERNAL" || multiRegion === "replica") throw new Problem("kms.keyUsageInvalid");
  return record;
}

/** @throws Problem kms.importTokenInvalid or kms.importTokenExpired; keyd judges it itself. */
function readToken(text: string, nowMs: number): { token: Buffer; wrappingAlgorithm: Algorithm } {
  const bytes = bytesOf(text, "/importToken", sizes.importTokenBytesMax);
  const wrappingAlgorithm = WRAPPING_ALGORITHMS[bytes[0] ?? 255];
  if (bytes.length <= TOKEN_HEAD_BYTES || wrappingAlgorithm === undefined) {
    throw new Problem("kms.importTokenInvalid");
  }
  if (bytes.readUIntBE(1, 6) <= nowMs) throw new Problem("kms.importTokenExpired");
  return { token: bytes.subarray(TOKEN_HEAD_BYTES), wrappingAlgorithm };
}

type Taking = {
  readonly keyId: string;
  readonly isNew: boolean;
  readonly description: string;
  readonly expireTime: string | null;
  readonly take: (binding: KeyBinding) => Promise<NewKey>;
};

async function takeMaterial(parts: KmsParts, context: Context, taking: Taking) {
  const { sql, accountId, nowMs } = context;
  return changeKeys(parts, context, async () => {
    const record = await importable(context, taking.keyId);
    const { key } = record;
    const before = versionFor(record, taking.isNew);
    const version = before?.version ?? (record.versions.at(-1)?.version ?? 0) + 1;
    const binding = bindingOf(record, version);
    const { wrapped, publicKey } = await asked(taking.take(binding), {
      inputInvalid: "kms.materialInvalid",
    });
    const mark = await asked(parts.keyd.materialMark({ binding, wrapped }));
    if (before !== undefined && before.materialMark !== null && before.materialMark !== mark) {
      throw new Problem("kms.materialDifferent");
    }
    const row: VersionRow = {
      ...{ materialId: key.materialId, version, state: "enabled", origin: "EXTERNAL", wrapped },
      rotation: before?.rotation ?? (version === 1 ? null : "onDemand"),
      publicKey: publicKey ?? null,
      materialMark: mark,
      materialDescription: taking.description || (before?.materialDescription ?? ""),
      expireTime: taking.expireTime,
      deleteTime: null,
      createTime: before?.createTime ?? timeText(nowMs),
    };
    await versionStore(sql).put(accountId, row);
    if (!taking.isNew || key.currentVersion === null) await wake(context, record, version);
    await resealAll(context, key.materialId);
    return versionView({ ...key, currentVersion: key.currentVersion ?? version }, row);
  });
}

/** The version whose material comes back; undefined when it is a new one. */
function versionFor({ key, versions }: KeyRecord, isNew: boolean): VersionRow | undefined {
  if (!isNew) {
    const missing = versions.find(({ state }) => state === "pendingImport");
    return missing ?? versions.find(({ version }) => version === key.currentVersion);
  }
  // Another material for a key pair would be another public key: that is another key.
  const waiting = versions.some((one) => one.version > (key.currentVersion ?? 0));
  if (!isSymmetricSpec(key.spec) || waiting) throw new Problem("kms.keyUsageInvalid");
  if (versions.length >= limits.versionsMax) throw new Problem("kms.limitReached");
  return undefined;
}

/** The keys that waited for this material are enabled. */
async function wake(context: Context, { key }: KeyRecord, version: number): Promise<void> {
  const { sql, accountId } = context;
  for (const one of await keyStore(sql).sharing(accountId, key.materialId)) {
    const current = one.currentVersion ?? version;
    const waited = one.state === "pendingImport" && current === version;
    const state = waited ? "enabled" : one.state;
    await keyStore(sql).update(accountId, { ...one, state, currentVersion: current });
  }
}
