/** Handlers of making keys and of what is kept of them. */
import type { KeyUsage } from "../../engines/keys/specs.ts";
import { type Context, timeText } from "../../kernel/context.ts";
import type { Authorizer } from "../../kernel/identity/authorize.ts";
import { Problem } from "../../kernel/problem.ts";
import type { Handlers } from "../../kernel/service.ts";
import { pageInMemory } from "../../kernel/store/page.ts";
import { defaultPolicy } from "./access.ts";
import type { kmsContract } from "./contract.ts";
import {
  bindingOf,
  daysAfter,
  type KeyRow,
  limits,
  stateFault,
  usageOf,
  type VersionRow,
} from "./domain.ts";
import { changeKeys, type KmsParts, lockedRecord, resealAll } from "./key-change.ts";
import { allKeys, oneKey } from "./key-views.ts";
import { asked } from "./keyd-problem.ts";
import { checkKeyPolicy, refuseLockOut } from "./policy-check.ts";
import type { KeyState } from "./resources.ts";
import { keyStore, versionStore } from "./store.ts";
import { type KmsEvent, tell } from "./texts.ts";

type All = Handlers<typeof kmsContract>;
type KeyHandlers = Pick<
  All,
  | "listKeys"
  | "getKey"
  | "createKey"
  | "updateKey"
  | "tagKey"
  | "untagKey"
  | "enableKey"
  | "disableKey"
  | "scheduleKeyDeletion"
  | "cancelKeyDeletion"
>;

const filterFields = [
  "keyId",
  "description",
  "spec",
  "usage",
  "origin",
  "state",
  "aliases",
  "region",
  "multiRegion",
  "createTime",
  "lastUseTime",
];

export function keyHandlers(parts: KmsParts, authorizer: Authorizer): KeyHandlers {
  const setState =
    (command: "enable" | "disable", state: KeyState) =>
    async (context: Context, { keyId }: { keyId: string }) => {
      await changeKey(parts, context, { keyId, command, change: () => ({ state }) });
      await context.emit(event(`kms.key${state === "enabled" ? "Enabled" : "Disabled"}`, keyId));
      return oneKey(context, keyId);
    };
  return {
    async listKeys({ sql, accountId }, input) {
      const page = pageInMemory(await allKeys(sql, accountId), input, filterFields);
      return { keys: page.items, totalCount: page.totalCount };
    },
    getKey: (context, { keyId }) => oneKey(context, keyId),
    createKey(context, input) {
      if (input.policy !== undefined) checkKeyPolicy(input.policy);
      const keyId = context.newId(input.multiRegion === true ? "mrk" : "key");
      if (input.policy !== undefined && input.confirmLockOut !== true) {
        refuseLockOut(authorizer, context, { keyId, document: input.policy });
      }
      return createKey(parts, context, { ...input, keyId });
    },
    async updateKey(context, { keyId, description }) {
      const change = () => ({ description });
      await changeKey(parts, context, { keyId, command: "change", change });
      return oneKey(context, keyId);
    },
    async tagKey(context, { keyId, tags }) {
      const change = (key: KeyRow) => {
        const all = { ...key.tags, ...tags };
        if (Object.keys(all).length > limits.tagsMax) throw new Problem("kms.limitReached");
        return { tags: all };
      };
      await changeKey(parts, context, { keyId, command: "change", change });
      return oneKey(context, keyId);
    },
    async untagKey(context, { keyId, tagNames }) {
      const change = ({ tags }: KeyRow) => ({
        tags: Object.fromEntries(Object.entries(tags).filter(([name]) => !tagNames.includes(name))),
      });
      await changeKey(parts, context, { keyId, command: "change", change });
      return oneKey(context, keyId);
    },
    enableKey: setState("enable", "enabled"),
    disableKey: setState("disable", "disabled"),
    async scheduleKeyDeletion(context, { keyId, pendingDays = limits.pendingDaysDefault }) {
      await scheduleDeletion(parts, context, { keyId, pendingDays });
      await context.emit({ ...event("kms.keyDeletionScheduled", keyId), severityId: 3 });
      return oneKey(context, keyId);
    },
    async cancelKeyDeletion(context, { keyId }) {
      await changeKey(parts, context, {
        keyId,
        command: "cancelDeletion",
        change: (key) => ({
          state: key.currentVersion === null ? "pendingImport" : "disabled",
          deleteTime: null,
        }),
      });
      await context.emit(event("kms.keyDeletionCanceled", keyId));
      return oneKey(context, keyId);
    },
  };
}

/** An event about a key; its words are the operation's. */
export function event(type: KmsEvent, keyId: string) {
  return { type, message: tell(type, { id: keyId }), data: { keyId } };
}

type KeyChange = {
  readonly keyId: string;
  readonly command: Parameters<typeof stateFault>[1];
  readonly change: (key: KeyRow) => Partial<KeyRow>;
};

/** Changes one key's own row. @throws Problem when its state does not allow the command. */
export async function changeKey(
  parts: KmsParts,
  context: Context,
  { keyId, command, change }: KeyChange,
): Promise<void> {
  await changeKeys(parts, context, async () => {
    const { key } = await lockedRecord(context, keyId);
    const fault = stateFault(key.state, command);
    if (fault !== undefined) throw new Problem(fault);
    await keyStore(context.sql).update(context.accountId, { ...key, ...change(key) });
    await resealAll(context, key.materialId);
  });
}

type NewKey = Parameters<All["createKey"]>[1] & { readonly keyId: string };

async function createKey(parts: KmsParts, context: Context, given: NewKey) {
  const { sql, accountId, nowMs } = context;
  const { spec = "SYMMETRIC_DEFAULT", origin = "CORDON", multiRegion = false } = given;
  const usage: KeyUsage | undefined = usageOf(spec, given.usage);
  if (usage === undefined) throw new Problem("kms.keyUsageInvalid");
  const period = given.rotationPeriodDays ?? null;
  if (period !== null && origin === "EXTERNAL") throw new Problem("kms.keyUsageInvalid");
  const { keyId } = given;
  const key: KeyRow = {
    ...{ accountId, keyId, materialId: keyId, region: parts.region, spec, usage, origin },
    description: given.description ?? "",
    state: origin === "EXTERNAL" ? "pendingImport" : "enabled",
    multiRegion: multiRegion ? "primary" : "none",
    currentVersion: origin === "EXTERNAL" ? null : 1,
    policy: given.policy ?? defaultPolicy(accountId),
    policyText: given.policySourceText ?? null,
    tags: given.tags ?? {},
    rotationPeriodDays: period,
    nextRotationTime: period === null ? null : daysAfter(nowMs, period),
    createTime: timeText(nowMs),
    deleteTime: null,
    seal: "",
  };
  await changeKeys(parts, context, async () => {
    if ((await keyStore(sql).count(accountId)) >= limits.keysMax) {
      throw new Problem("kms.limitReached");
    }
    await keyStore(sql).insert(accountId, key);
    if (origin === "CORDON") await addVersion(parts, context, { key, rotation: null });
    await resealAll(context, key.materialId);
  });
  await context.emit(event("kms.keyCreated", keyId));
  return oneKey(context, keyId);
}

/** Makes the material of a key's next version. The caller seals. */
export async function addVersion(
  parts: KmsParts,
  { sql, accountId, nowMs }: Pick<Context, "sql" | "accountId" | "nowMs">,
  { key, rotation }: { key: KeyRow; rotation: VersionRow["rotation"] },
): Promise<number> {
  const store = versionStore(sql);
  const known = await store.of(accountId, key.materialId);
  if (known.length >= limits.versionsMax) throw new Problem("kms.limitReached");
  const version = (known.at(-1)?.version ?? 0) + 1;
  const binding = bindingOf({ key, versions: [], grants: [] }, version);
  const made = await asked(parts.keyd.generateKey(binding));
  await store.put(accountId, {
    ...{ materialId: key.materialId, version, state: "enabled", origin: "CORDON", rotation },
    wrapped: made.wrapped,
    publicKey: made.publicKey ?? null,
    materialMark: null,
    materialDescription: "",
    expireTime: null,
    deleteTime: null,
    createTime: timeText(nowMs),
  });
  return version;
}

async function scheduleDeletion(
  parts: KmsParts,
  context: Context,
  { keyId, pendingDays }: { keyId: string; pendingDays: number },
): Promise<void> {
  const { sql, accountId, nowMs } = context;
  await changeKeys(parts, context, async () => {
    const { key } = await lockedRecord(context, keyId);
    const fault = stateFault(key.state, "scheduleDeletion");
    if (fault !== undefined) throw new Problem(fault);
    const sharing = await keyStore(sql).sharing(accountId, key.materialId);
    // A primary key outlives its replicas: its time begins when the last of them is gone.
    const waits = key.multiRegion === "primary" && sharing.length > 1;
    const state: KeyState = waits ? "pendingReplicaDeletion" : "pendingDeletion";
    const deleteTime = daysAfter(nowMs, pendingDays);
    await keyStore(sql).update(accountId, { ...key, state, deleteTime });
    await resealAll(context, key.materialId);
  });
}
