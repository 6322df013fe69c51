/** Tables of keys, versions, aliases and the head. Every method takes the account first. */
import type { Sql } from "../../kernel/store/database.ts";
import type { KeyRow, VersionRow } from "./domain.ts";
import type { Alias } from "./resources.ts";

export type Head = { readonly epoch: number; readonly hash: string };
export type UseRow = {
  readonly keyId: string;
  readonly operation: string;
  readonly useTime: string;
};

export function keyStore(sql: Sql) {
  return {
    list: (accountId: string) =>
      sql<KeyRow>`select * from kms_key where account_id = ${accountId} order by key_id`,
    async find(accountId: string, keyId: string): Promise<KeyRow | undefined> {
      const [row] = await sql<KeyRow>`
        select * from kms_key where account_id = ${accountId} and key_id = ${keyId}`;
      return row;
    },
    /** The key that an id means in a region: a replica there, or the key itself. */
    async inRegion(accountId: string, id: string, region: string): Promise<string | undefined> {
      const [row] = await sql<{ keyId: string }>`
        select key_id from kms_key where account_id = ${accountId}
          and (key_id = ${id} or (material_id = ${id} and region = ${region}))
        order by (material_id = ${id} and region = ${region}) desc limit 1`;
      return row?.keyId;
    },
    sharing: (accountId: string, materialId: string) => sql<KeyRow>`
      select * from kms_key where account_id = ${accountId} and material_id = ${materialId}
      order by region`,
    async count(accountId: string): Promise<number> {
      const [row] = await sql<{ count: number }>`
        select count(*)::integer as count from kms_key where account_id = ${accountId}`;
      return row?.count ?? 0;
    },
    async insert(accountId: string, key: KeyRow): Promise<void> {
      await sql`
        insert into kms_key (account_id, key_id, material_id, region, description, spec, usage,
          origin, state, multi_region, current_version, policy, policy_text, tags,
          rotation_period_days, next_rotation_time, create_time, delete_time, seal)
        values (${accountId}, ${key.keyId}, ${key.materialId}, ${key.region}, ${key.description},
          ${key.spec}, ${key.usage}, ${key.origin}, ${key.state}, ${key.multiRegion},
          ${key.currentVersion}, ${JSON.stringify(key.policy)}, ${key.policyText},
          ${JSON.stringify(key.tags)}, ${key.rotationPeriodDays}, ${key.nextRotationTime},
          ${key.createTime}, ${key.deleteTime}, ${key.seal})`;
    },
    async update(accountId: string, key: KeyRow): Promise<void> {
      await sql`
        update kms_key set region = ${key.region}, description = ${key.description},
          state = ${key.state}, multi_region = ${key.multiRegion},
          current_version = ${key.currentVersion}, policy = ${JSON.stringify(key.policy)},
          policy_text = ${key.policyText}, tags = ${JSON.stringify(key.tags)},
          rotation_period_days = ${key.rotationPeriodDays},
          next_rotation_time = ${key.nextRotationTime}, delete_time = ${key.deleteTime}
        where account_id = ${accountId} and key_id = ${key.keyId}`;
    },
    async setSeal(accountId: string, keyId: string, seal: string): Promise<void> {
      await sql`update kms_key set seal = ${seal}
        where account_id = ${accountId} and key_id = ${keyId}`;
    },
    async delete(accountId: string, keyId: string): Promise<void> {
      await sql`delete from kms_key where account_id = ${accountId} and key_id = ${keyId}`;
    },
    uses: (accountId: string) => sql<UseRow>`
      select key_id, operation, use_time from kms_key_use where account_id = ${accountId}`,
    async setUse(accountId: string, use: UseRow & { requestId: string }): Promise<void> {
      await sql`
        insert into kms_key_use (account_id, key_id, operation, request_id, use_time)
        select ${accountId}, key_id, ${use.operation}, ${use.requestId}, ${use.useTime}
          from kms_key where account_id = ${accountId} and key_id = ${use.keyId}
        on conflict (key_id) do update set operation = excluded.operation,
          request_id = excluded.request_id, use_time = excluded.use_time
          where kms_key_use.use_time < excluded.use_time`;
    },
  };
}

export function versionStore(sql: Sql) {
  return {
    of: (accountId: string, materialId: string) => sql<VersionRow>`
      select * from kms_key_version
      where account_id = ${accountId} and material_id = ${materialId} order by version`,
    /** Without material: for lists. */
    expireTimes: (accountId: string) => sql<
      Pick<VersionRow, "materialId" | "version" | "expireTime">
    >`
      select material_id, version, expire_time from kms_key_version
      where account_id = ${accountId} and expire_time is not null`,
    async put(accountId: string, row: VersionRow): Promise<void> {
      await sql`
        insert into kms_key_version (account_id, material_id, version, state, origin, rotation,
          wrapped, public_key, material_mark, material_description, expire_time, delete_time,
          create_time)
        values (${accountId}, ${row.materialId}, ${row.version}, ${row.state}, ${row.origin},
          ${row.rotation}, ${row.wrapped}, ${row.publicKey}, ${row.materialMark},
          ${row.materialDescription}, ${row.expireTime}, ${row.deleteTime}, ${row.createTime})
        on conflict (account_id, material_id, version) do update set state = excluded.state,
          wrapped = excluded.wrapped, public_key = excluded.public_key,
          material_mark = excluded.material_mark,
          material_description = excluded.material_description,
          expire_time = excluded.expire_time, delete_time = excluded.delete_time`;
    },
    async deleteAll(accountId: string, materialId: string): Promise<void> {
      await sql`delete from kms_key_version
        where account_id = ${accountId} and material_id = ${materialId}`;
    },
  };
}

export function aliasStore(sql: Sql) {
  return {
    list: (accountId: string) => sql<Alias>`
      select name as alias_name, key_id, create_time, update_time from kms_alias
      where account_id = ${accountId} order by name`,
    async find(accountId: string, name: string): Promise<Alias | undefined> {
      const [row] = await sql<Alias>`
        select name as alias_name, key_id, create_time, update_time from kms_alias
        where account_id = ${accountId} and name = ${name}`;
      return row;
    },
    async insert(accountId: string, { aliasName, keyId, createTime }: Alias): Promise<boolean> {
      const rows = await sql`
        insert into kms_alias (account_id, name, key_id, create_time, update_time)
        values (${accountId}, ${aliasName}, ${keyId}, ${createTime}, ${createTime})
        on conflict do nothing returning name`;
      return rows.length === 1;
    },
    async move(accountId: string, alias: Pick<Alias, "aliasName" | "keyId" | "updateTime">) {
      await sql`update kms_alias set key_id = ${alias.keyId}, update_time = ${alias.updateTime}
        where account_id = ${accountId} and name = ${alias.aliasName}`;
    },
    async delete(accountId: string, name: string): Promise<boolean> {
      const rows = await sql`delete from kms_alias
        where account_id = ${accountId} and name = ${name} returning name`;
      return rows.length === 1;
    },
  };
}

/** The head of an account that never had a key. */
const NO_HEAD: Head = { epoch: 0, hash: "0".repeat(64) };

export function headStore(sql: Sql) {
  return {
    /** The head, locked until the transaction ends: changes of an account's keys go one by one. */
    async lock(accountId: string): Promise<Head> {
      await sql`insert into kms_head (account_id, epoch, hash)
        values (${accountId}, 0, ${"0".repeat(64)}) on conflict do nothing`;
      const [row] = await sql<Head>`
        select epoch, hash from kms_head where account_id = ${accountId} for update`;
      if (row === undefined) throw new Error(`Account "${accountId}" has no head`);
      return row;
    },
    /** Head and items as they were at one moment: one statement sees one state. */
    async whole(accountId: string) {
      const [row] = await sql<{ head: Head | null; items: { name: string; seal: string }[] }>`
        select
          (select json_build_object('epoch', epoch, 'hash', hash) from kms_head
            where account_id = ${accountId}) as head,
          (select coalesce(json_agg(json_build_object('name', name, 'seal', seal)), '[]')
            from (select key_id as name, seal from kms_key where account_id = ${accountId}
              union all select 'alias ' || name, key_id from kms_alias
                where account_id = ${accountId}) one) as items`;
      return { head: row?.head ?? NO_HEAD, items: row?.items ?? [] };
    },
    async write(accountId: string, { epoch, hash }: Head): Promise<void> {
      await sql`update kms_head set epoch = ${epoch}, hash = ${hash}
        where account_id = ${accountId}`;
    },
    /** Names and seals of all that the head covers. */
    items: (accountId: string) => sql<{ name: string; seal: string }>`
      select key_id as name, seal from kms_key where account_id = ${accountId}
      union all
      select 'alias ' || name as name, key_id as seal from kms_alias
        where account_id = ${accountId}`,
  };
}
