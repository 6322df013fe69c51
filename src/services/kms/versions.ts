/** Handlers of versions, rotation and replicas. */
import { type Context, timeText } from "../../kernel/context.ts";
import { Problem } from "../../kernel/problem.ts";
import type { Handlers } from "../../kernel/service.ts";
import { pageInMemory } from "../../kernel/store/page.ts";
import { defaultPolicy } from "./access.ts";
import type { kmsContract } from "./contract.ts";
import {
  daysAfter,
  type KeyRow,
  limits,
  rotatable,
  stateFault,
  type VersionRow,
} from "./domain.ts";
import { type Changing, changeKeys, type KmsParts, lockedRecord, resealAll } from "./key-change.ts";
import { loadRecord } from "./key-directory.ts";
import { oneKey, versionView } from "./key-views.ts";
import { addVersion, changeKey, event } from "./keys.ts";
import { keyStore, versionStore } from "./store.ts";

type All = Handlers<typeof kmsContract>;

export function rotationHandlers(
  parts: KmsParts,
): Pick<All, "enableKeyRotation" | "disableKeyRotation" | "rotateKey"> {
  return {
    async enableKeyRotation(context, { keyId, rotationPeriodDays }) {
      const period = rotationPeriodDays ?? limits.rotationDaysDefault;
      await changeKey(parts, context, {
        keyId,
        command: "rotate",
        change(key) {
          if (!rotatable(key)) throw new Problem("kms.keyUsageInvalid");
          const nextRotationTime = daysAfter(context.nowMs, period);
          return { rotationPeriodDays: period, nextRotationTime };
        },
      });
      return oneKey(context, keyId);
    },
    async disableKeyRotation(context, { keyId }) {
      const none = { rotationPeriodDays: null, nextRotationTime: null };
      await changeKey(parts, context, { keyId, command: "change", change: () => none });
      return oneKey(context, keyId);
    },
    async rotateKey(context, { keyId }) {
      await changeKeys(parts, context, async () => {
        const { key, versions } = await lockedRecord(context, keyId);
        const fault = stateFault(key.state, "rotate");
        if (fault !== undefined) throw new Problem(fault);
        const imported = versions.find((one) => one.version > (key.currentVersion ?? 0));
        if (key.origin === "EXTERNAL") {
          // Material that was brought in as new waits for this.
          if (imported?.state !== "enabled") throw new Problem("kms.keyUsageInvalid");
          await makeCurrent(context, key, imported.version);
        } else await rotate(parts, context, { key, rotation: "onDemand" });
      });
      await context.emit(event("kms.keyRotated", keyId));
      return oneKey(context, keyId);
    },
  };
}

/** Makes the next version and lets it be the current one. Locked and checked by the caller. */
export async function rotate(
  parts: KmsParts,
  changing: Changing & { readonly nowMs: number },
  { key, rotation }: { key: KeyRow; rotation: "automatic" | "onDemand" },
): Promise<void> {
  if (!rotatable(key)) throw new Problem("kms.keyUsageInvalid");
  const version = await addVersion(parts, changing, { key, rotation });
  const period = key.rotationPeriodDays;
  const next = period === null ? null : daysAfter(changing.nowMs, period);
  await makeCurrent(changing, { ...key, nextRotationTime: next }, version);
}

async function makeCurrent(changing: Changing, key: KeyRow, version: number): Promise<void> {
  const { sql, accountId } = changing;
  await keyStore(sql).update(accountId, { ...key, currentVersion: version });
  // Replicas use the same versions.
  for (const other of await keyStore(sql).sharing(accountId, key.materialId)) {
    if (other.keyId === key.keyId) continue;
    await keyStore(sql).update(accountId, { ...other, currentVersion: version });
  }
  await resealAll(changing, key.materialId);
}

export function replicaHandlers(parts: KmsParts): Pick<All, "replicateKey" | "setPrimaryRegion"> {
  return {
    async replicateKey(context, { keyId, region, description, tags }) {
      const { sql, accountId, nowMs } = context;
      const replicaId = context.newId("key");
      await changeKeys(parts, context, async () => {
        const { key } = await lockedRecord(context, keyId);
        const fault = stateFault(key.state, "rotate");
        if (fault !== undefined) throw new Problem(fault);
        if (key.multiRegion !== "primary") throw new Problem("kms.keyUsageInvalid");
        const sharing = await keyStore(sql).sharing(accountId, key.materialId);
        if (sharing.some((one) => one.region === region)) throw new Problem("kms.replicaExists");
        if (sharing.length > limits.replicasMax) throw new Problem("kms.limitReached");
        await keyStore(sql).insert(accountId, {
          ...key,
          keyId: replicaId,
          region,
          multiRegion: "replica",
          description: description ?? key.description,
          tags: tags ?? {},
          policy: defaultPolicy(accountId),
          policyText: null,
          rotationPeriodDays: null,
          nextRotationTime: null,
          createTime: timeText(nowMs),
        });
        await resealAll(context, key.materialId);
      });
      await context.emit(event("kms.keyReplicated", replicaId));
      return oneKey(context, replicaId);
    },
    async setPrimaryRegion(context, { keyId, region }) {
      const { sql, accountId } = context;
      await changeKeys(parts, context, async () => {
        const { key } = await lockedRecord(context, keyId);
        const fault = stateFault(key.state, "change");
        if (fault !== undefined) throw new Problem(fault);
        const sharing = await keyStore(sql).sharing(accountId, key.materialId);
        const next = sharing.find((one) => one.region === region && one.multiRegion === "replica");
        if (key.multiRegion !== "primary" || next === undefined) {
          throw new Problem("kms.keyUsageInvalid");
        }
        const { rotationPeriodDays, nextRotationTime } = key;
        const rotation = { rotationPeriodDays, nextRotationTime };
        const none = { rotationPeriodDays: null, nextRotationTime: null };
        await keyStore(sql).update(accountId, { ...key, multiRegion: "replica", ...none });
        await keyStore(sql).update(accountId, { ...next, multiRegion: "primary", ...rotation });
        await resealAll(context, key.materialId);
      });
      return oneKey(context, keyId);
    },
  };
}

type VersionHandlers = Pick<
  All,
  | "listKeyVersions"
  | "setKeyVersionState"
  | "scheduleKeyVersionDeletion"
  | "cancelKeyVersionDeletion"
>;

export function versionHandlers(parts: KmsParts): VersionHandlers {
  return {
    async listKeyVersions({ sql, accountId }, input) {
      const record = await loadRecord(sql, accountId, input.keyId);
      if (record === undefined) throw new Problem("kms.keyNotFound");
      const rows = record.versions.map((row) => versionView(record.key, row));
      const fields = ["version", "state", "origin", "rotation", "createTime"];
      const page = pageInMemory(rows.reverse(), input, fields);
      return { keyVersions: page.items, totalCount: page.totalCount };
    },
    setKeyVersionState: (context, { keyId, version, state }) =>
      changeVersion(parts, context, { keyId, version }, (row) => {
        if (!["enabled", "disabled"].includes(row.state)) throw wrongState();
        return { state };
      }),
    scheduleKeyVersionDeletion: (context, { keyId, version, pendingDays }) =>
      changeVersion(parts, context, { keyId, version }, (row) => {
        if (!["enabled", "disabled"].includes(row.state)) throw wrongState();
        const days = pendingDays ?? limits.pendingDaysDefault;
        return { state: "pendingDeletion", deleteTime: daysAfter(context.nowMs, days) };
      }),
    cancelKeyVersionDeletion: (context, { keyId, version }) =>
      changeVersion(parts, context, { keyId, version }, (row) => {
        if (row.state !== "pendingDeletion") throw wrongState();
        return { state: "disabled", deleteTime: null };
      }),
  };
}

function wrongState(): Problem {
  return new Problem("kms.versionStateInvalid");
}

async function changeVersion(
  parts: KmsParts,
  context: Context,
  { keyId, version }: { keyId: string; version: number },
  change: (row: VersionRow) => Partial<VersionRow>,
) {
  const { sql, accountId } = context;
  return changeKeys(parts, context, async () => {
    const { key, versions } = await lockedRecord(context, keyId);
    const fault = stateFault(key.state, "change");
    if (fault !== undefined) throw new Problem(fault);
    const row = versions.find((one) => one.version === version);
    if (row === undefined) throw new Problem("kms.keyVersionNotFound");
    // INVARIANT: the version that encrypts and signs is neither disabled nor deleted by itself.
    if (version === key.currentVersion || key.multiRegion === "replica") throw wrongState();
    const changed = { ...row, ...change(row) };
    await versionStore(sql).put(accountId, changed);
    await resealAll(context, key.materialId);
    return versionView(key, changed);
  });
}
