/** Handlers of secrets. Values are sealed by keyd for their account, secret and version. */
import { randomInt } from "node:crypto";
import { type Context, timeText } from "../../kernel/context.ts";
import type { KeydClient } from "../../kernel/keyd/client.ts";
import { Problem } from "../../kernel/problem.ts";
import type { Handlers } from "../../kernel/service.ts";
import { violates } from "../../kernel/store/database.ts";
import { pageInMemory } from "../../kernel/store/page.ts";
import type { kmsContract } from "./contract.ts";
import { daysAfter, limits } from "./domain.ts";
import type { Changing, KmsParts } from "./key-change.ts";
import { asked } from "./keyd-problem.ts";
import type { Generate, Secret, SecretVersion } from "./secret-contract.ts";
import { type SecretRow, type SecretVersionRow, secretStore } from "./secret-store.ts";
import { tell } from "./texts.ts";

type All = Handlers<typeof kmsContract>;
type Working = Pick<Changing, "sql" | "accountId"> & { readonly nowMs: number };

const filterFields = ["secretId", "name", "description", "state", "createTime", "nextRotationTime"];

export function secretHandlers(
  parts: KmsParts,
): Pick<
  All,
  | "listSecrets"
  | "getSecret"
  | "createSecret"
  | "updateSecret"
  | "scheduleSecretDeletion"
  | "cancelSecretDeletion"
> {
  return {
    async listSecrets({ sql, accountId }, input) {
      const rows = (await secretStore(sql).list(accountId)).map(secretView);
      const page = pageInMemory(rows, input, filterFields);
      return { secrets: page.items, totalCount: page.totalCount };
    },
    getSecret: async (context, { secretId }) => secretView(await secretOf(context, secretId)),
    createSecret: (context, given) => createSecret(parts.keyd, context, given),
    async updateSecret(context, { secretId, ...given }) {
      const row = await secretOf(context, secretId, "live");
      const period = given.rotationPeriodDays;
      const next =
        period === null || period === undefined ? null : daysAfter(context.nowMs, period);
      return saved(context, {
        ...row,
        description: given.description ?? row.description,
        enabled: given.enabled ?? row.enabled,
        tags: given.tags ?? row.tags,
        generate: given.generate === undefined ? row.generate : given.generate,
        ...(period === undefined ? {} : { rotationPeriodDays: period, nextRotationTime: next }),
      });
    },
    async scheduleSecretDeletion(context, { secretId, pendingDays = limits.pendingDaysDefault }) {
      const row = await secretOf(context, secretId, "live");
      await context.emit({
        type: "kms.secretDeletionScheduled",
        message: tell("kms.secretDeletionScheduled", { id: secretId }),
        severityId: 3,
        data: { secretId },
      });
      return saved(context, { ...row, deleteTime: daysAfter(context.nowMs, pendingDays) });
    },
    async cancelSecretDeletion(context, { secretId }) {
      const row = await secretOf(context, secretId);
      if (row.deleteTime === null) throw new Problem("kms.secretStateInvalid");
      return saved(context, { ...row, deleteTime: null });
    },
  };
}

async function createSecret(
  keyd: KeydClient,
  context: Context,
  given: Parameters<All["createSecret"]>[1],
): Promise<Secret> {
  const { sql, accountId, nowMs } = context;
  const { name, description = "", generate = null, tags = {} } = given;
  const value = given.value ?? (generate === null ? undefined : generatedValue(generate));
  if (value === undefined) throw new Problem("kms.secretValueMissing");
  const store = secretStore(sql);
  if ((await store.list(accountId)).length >= limits.secretsMax) {
    throw new Problem("kms.limitReached");
  }
  const period = given.rotationPeriodDays ?? null;
  const time = timeText(nowMs);
  const row: SecretRow = {
    secretId: context.newId("scr"),
    ...{ name, description, tags, generate },
    enabled: true,
    currentVersion: 1,
    rotationPeriodDays: period,
    nextRotationTime: period === null ? null : daysAfter(nowMs, period),
    deleteTime: null,
    createTime: time,
    updateTime: time,
  };
  await store.insert(accountId, row).catch((error) => {
    throw violates(error, "kms_secret_name_unique") ? new Problem("kms.secretNameTaken") : error;
  });
  await addVersion(keyd, context, { row: { ...row, currentVersion: 0 }, value, expireTime: null });
  await context.emit({
    type: "kms.secretCreated",
    message: tell("kms.secretCreated", { id: row.secretId }),
    data: { secretId: row.secretId },
  });
  return secretView(row);
}

export function secretValueHandlers({
  keyd,
}: KmsParts): Pick<
  All,
  | "getSecretValue"
  | "putSecretValue"
  | "rotateSecret"
  | "listSecretVersions"
  | "setSecretVersionState"
> {
  return {
    async getSecretValue(context, { secretId, version }) {
      const { sql, accountId, nowMs } = context;
      const row = await secretOf(context, secretId, "enabled");
      const number = version ?? row.currentVersion;
      const found = await versionOf(context, secretId, number);
      if (!found.enabled || isOver(found, nowMs)) throw new Problem("kms.secretStateInvalid");
      const sealed = keyd.open(purposeOf(secretId, number), accountId, found.sealed);
      const value = await asked(sealed, { ciphertextInvalid: "kms.rolledBack" });
      await secretStore(sql).setVersion(accountId, { ...found, lastUseTime: timeText(nowMs) });
      const { createTime } = found;
      return { secretId, version: number, value: value.toString("utf8"), createTime };
    },
    async putSecretValue(context, { secretId, value, expireTime }) {
      const row = await secretOf(context, secretId, "live");
      if (expireTime !== undefined && Date.parse(expireTime) <= context.nowMs) {
        throw new Problem("kms.expireTimeInvalid");
      }
      const made = { row, value, expireTime: expireTime ?? null };
      const version = await addVersion(keyd, context, made);
      return versionView(version, version.version, context.nowMs);
    },
    async rotateSecret(context, { secretId }) {
      const row = await secretOf(context, secretId, "live");
      if (row.generate === null) throw new Problem("kms.secretValueMissing");
      const version = await rotateValue(keyd, context, { ...row, generate: row.generate });
      return versionView(version, version.version, context.nowMs);
    },
    async listSecretVersions(context, input) {
      const row = await secretOf(context, input.secretId);
      const rows = await secretStore(context.sql).versions(context.accountId, input.secretId);
      const views = rows.map((one) => versionView(one, row.currentVersion, context.nowMs));
      const page = pageInMemory(views.reverse(), input, ["version", "state", "createTime"]);
      return { secretVersions: page.items, totalCount: page.totalCount };
    },
    async setSecretVersionState(context, { secretId, version, state }) {
      await secretOf(context, secretId, "live");
      const found = await versionOf(context, secretId, version);
      const changed = { ...found, enabled: state === "enabled" };
      await secretStore(context.sql).setVersion(context.accountId, changed);
      return {};
    },
  };
}

/** A newly made value as the next version. */
export async function rotateValue(
  keyd: KeydClient,
  working: Working,
  row: SecretRow & { readonly generate: Generate },
): Promise<SecretVersionRow> {
  const value = generatedValue(row.generate);
  return addVersion(keyd, working, { row, value, expireTime: null });
}

async function addVersion(
  keyd: KeydClient,
  { sql, accountId, nowMs }: Working,
  { row, value, expireTime }: { row: SecretRow; value: string; expireTime: string | null },
): Promise<SecretVersionRow> {
  const { secretId, rotationPeriodDays: period } = row;
  const version = row.currentVersion + 1;
  const bytes = Buffer.from(value, "utf8");
  const sealed = await asked(keyd.seal(purposeOf(secretId, version), accountId, bytes));
  bytes.fill(0);
  const made = {
    ...{ secretId, version, enabled: true, sealed, expireTime },
    createTime: timeText(nowMs),
    lastUseTime: null,
  };
  const store = secretStore(sql);
  await store.insertVersion(accountId, made);
  await store.dropVersionsBefore(accountId, secretId, version - limits.secretVersionsMax + 1);
  const next = period === null ? null : daysAfter(nowMs, period);
  const changed = { currentVersion: version, nextRotationTime: next, updateTime: timeText(nowMs) };
  await store.update(accountId, { ...row, ...changed });
  return made;
}

/** INVARIANT: a sealed value opens as this version of this secret of its account only. */
function purposeOf(secretId: string, version: number): string {
  return `kms secret ${secretId} ${version}`;
}

const ALPHABETS: Readonly<Record<Generate["alphabet"], string>> = {
  alphanumeric: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
  hexadecimal: "0123456789abcdef",
  printable:
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$%&()*+,-./:;<=>?@[]^_{|}~",
};

function generatedValue({ characters, alphabet }: Generate): string {
  const letters = ALPHABETS[alphabet];
  return Array.from({ length: characters }, () => letters[randomInt(letters.length)]).join("");
}

/** @throws Problem kms.secretNotFound, or kms.secretStateInvalid when it is not as wanted. */
async function secretOf(
  { sql, accountId }: Pick<Working, "sql" | "accountId">,
  secretId: string,
  wanted?: "live" | "enabled",
): Promise<SecretRow> {
  const row = await secretStore(sql).find(accountId, secretId);
  if (row === undefined) throw new Problem("kms.secretNotFound");
  const unfit = row.deleteTime !== null || (wanted === "enabled" && !row.enabled);
  if (wanted !== undefined && unfit) throw new Problem("kms.secretStateInvalid");
  return row;
}

async function versionOf({ sql, accountId }: Context, secretId: string, version: number) {
  const rows = await secretStore(sql).versions(accountId, secretId);
  const found = rows.find((one) => one.version === version);
  if (found === undefined) throw new Problem("kms.secretVersionNotFound");
  return found;
}

async function saved({ sql, accountId, nowMs }: Context, row: SecretRow): Promise<Secret> {
  const changed = { ...row, updateTime: timeText(nowMs) };
  await secretStore(sql).update(accountId, changed);
  return secretView(changed);
}

function isOver({ expireTime }: SecretVersionRow, nowMs: number): boolean {
  return expireTime !== null && Date.parse(expireTime) <= nowMs;
}

function secretView(row: SecretRow): Secret {
  const { secretId, name, description, currentVersion, generate, rotationPeriodDays } = row;
  const { nextRotationTime, createTime, updateTime, deleteTime } = row;
  const state = deleteTime !== null ? "pendingDeletion" : row.enabled ? "enabled" : "disabled";
  return {
    ...{ secretId, name, description, currentVersion, generate, rotationPeriodDays },
    ...{ nextRotationTime, createTime, updateTime, deleteTime, state },
    tags: { ...row.tags },
  };
}

function versionView(row: SecretVersionRow, current: number, nowMs: number): SecretVersion {
  const { secretId, version, createTime, expireTime, lastUseTime } = row;
  const state = isOver(row, nowMs) ? "expired" : row.enabled ? "enabled" : "disabled";
  return {
    ...{ secretId, version, createTime, expireTime, lastUseTime, state },
    current: version === current,
  };
}
