/** Keys and versions as the API shows them. */
import { createHash } from "node:crypto";
import type { Context } from "../../kernel/context.ts";
import { Problem } from "../../kernel/problem.ts";
import type { Sql } from "../../kernel/store/database.ts";
import { type KeyRow, offeredAlgorithms, type VersionRow } from "./domain.ts";
import type { Alias, Key, KeyVersion } from "./resources.ts";
import { aliasStore, keyStore, type UseRow, versionStore } from "./store.ts";

type Around = {
  readonly rows: readonly KeyRow[];
  readonly aliases: readonly Alias[];
  readonly uses: readonly UseRow[];
  readonly expireTimes: readonly Pick<VersionRow, "materialId" | "version" | "expireTime">[];
};

/** All keys of the account. */
export async function allKeys(sql: Sql, accountId: string): Promise<Key[]> {
  const around = {
    rows: await keyStore(sql).list(accountId),
    aliases: await aliasStore(sql).list(accountId),
    uses: await keyStore(sql).uses(accountId),
    expireTimes: await versionStore(sql).expireTimes(accountId),
  };
  return around.rows.map((row) => keyView(row, around));
}

/** One key. @throws Problem kms.keyNotFound. */
export async function oneKey(
  { sql, accountId }: Pick<Context, "sql" | "accountId">,
  keyId: string,
) {
  const row = await keyStore(sql).find(accountId, keyId);
  if (row === undefined) throw new Problem("kms.keyNotFound");
  return keyView(row, {
    rows: await keyStore(sql).sharing(accountId, row.materialId),
    aliases: await aliasStore(sql).list(accountId),
    uses: await keyStore(sql).uses(accountId),
    expireTimes: await versionStore(sql).expireTimes(accountId),
  });
}

function keyView(row: KeyRow, { rows, aliases, uses, expireTimes }: Around): Key {
  const { keyId, materialId, currentVersion, multiRegion } = row;
  const use = uses.find((one) => one.keyId === keyId);
  const shared = multiRegion === "none" ? [] : rows.filter((one) => one.materialId === materialId);
  const expire = expireTimes.find(
    (one) => one.materialId === materialId && one.version === currentVersion,
  );
  return {
    keyId,
    description: row.description,
    spec: row.spec,
    usage: row.usage,
    algorithms: offeredAlgorithms(row.spec, row.usage),
    origin: row.origin,
    state: row.state,
    currentVersion,
    aliases: aliases.filter((one) => one.keyId === keyId).map(({ aliasName }) => aliasName),
    tags: { ...row.tags },
    region: row.region,
    multiRegion,
    sharedKeyId: materialId,
    primaryRegion: shared.find((one) => one.multiRegion === "primary")?.region ?? row.region,
    replicaRegions: shared
      .filter((one) => one.multiRegion === "replica")
      .map(({ region }) => region),
    rotationPeriodDays: row.rotationPeriodDays,
    nextRotationTime: row.nextRotationTime,
    materialExpireTime: expire?.expireTime ?? null,
    createTime: row.createTime,
    deleteTime: row.deleteTime,
    lastUseTime: use?.useTime ?? null,
    lastUseOperation: use?.operation ?? null,
  };
}

export function versionView(key: KeyRow, row: VersionRow): KeyVersion {
  return {
    keyId: key.keyId,
    version: row.version,
    state: row.state,
    current: row.version === key.currentVersion,
    origin: row.origin,
    rotation: row.rotation,
    materialDescription: row.materialDescription,
    materialId: createHash("sha256")
      .update(`${row.materialId} ${row.materialMark ?? row.version}`)
      .digest("hex"),
    expireTime: row.expireTime,
    deleteTime: row.deleteTime,
    createTime: row.createTime,
  };
}
