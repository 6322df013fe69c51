/** Tables of secrets and their versions. Every method takes the account first. */
import type { Sql } from "../../kernel/store/database.ts";
import type { Generate } from "./secret-contract.ts";

export type SecretRow = {
  readonly secretId: string;
  readonly name: string;
  readonly description: string;
  readonly enabled: boolean;
  readonly tags: Readonly<Record<string, string>>;
  readonly currentVersion: number;
  readonly rotationPeriodDays: number | null;
  readonly nextRotationTime: string | null;
  readonly generate: Generate | null;
  readonly deleteTime: string | null;
  readonly createTime: string;
  readonly updateTime: string;
};

export type SecretVersionRow = {
  readonly secretId: string;
  readonly version: number;
  readonly enabled: boolean;
  readonly sealed: Buffer;
  readonly createTime: string;
  readonly expireTime: string | null;
  readonly lastUseTime: string | null;
};

export function secretStore(sql: Sql) {
  return {
    list: (accountId: string) => sql<SecretRow>`
      select * from kms_secret where account_id = ${accountId} order by name`,
    async find(accountId: string, secretId: string): Promise<SecretRow | undefined> {
      const [row] = await sql<SecretRow>`
        select * from kms_secret where account_id = ${accountId} and secret_id = ${secretId}
        for update`;
      return row;
    },
    async insert(accountId: string, row: SecretRow): Promise<void> {
      await sql`
        insert into kms_secret (account_id, secret_id, name, description, enabled, tags,
          current_version, rotation_period_days, next_rotation_time, generate, delete_time,
          create_time, update_time)
        values (${accountId}, ${row.secretId}, ${row.name}, ${row.description}, ${row.enabled},
          ${JSON.stringify(row.tags)}, ${row.currentVersion}, ${row.rotationPeriodDays},
          ${row.nextRotationTime}, ${JSON.stringify(row.generate)}, ${row.deleteTime},
          ${row.createTime}, ${row.updateTime})`;
    },
    async update(accountId: string, row: SecretRow): Promise<void> {
      await sql`
        update kms_secret set description = ${row.description}, enabled = ${row.enabled},
          tags = ${JSON.stringify(row.tags)}, current_version = ${row.currentVersion},
          rotation_period_days = ${row.rotationPeriodDays},
          next_rotation_time = ${row.nextRotationTime},
          generate = ${JSON.stringify(row.generate)}, delete_time = ${row.deleteTime},
          update_time = ${row.updateTime}
        where account_id = ${accountId} and secret_id = ${row.secretId}`;
    },
    async delete(accountId: string, secretId: string): Promise<void> {
      await sql`delete from kms_secret
        where account_id = ${accountId} and secret_id = ${secretId}`;
    },
    versions: (accountId: string, secretId: string) => sql<SecretVersionRow>`
      select * from kms_secret_version
      where account_id = ${accountId} and secret_id = ${secretId} order by version`,
    async insertVersion(accountId: string, row: SecretVersionRow): Promise<void> {
      await sql`
        insert into kms_secret_version (account_id, secret_id, version, enabled, sealed,
          create_time, expire_time)
        values (${accountId}, ${row.secretId}, ${row.version}, ${row.enabled}, ${row.sealed},
          ${row.createTime}, ${row.expireTime})`;
    },
    async setVersion(
      accountId: string,
      row: Pick<SecretVersionRow, "secretId" | "version" | "enabled" | "lastUseTime">,
    ): Promise<void> {
      await sql`update kms_secret_version
        set enabled = ${row.enabled}, last_use_time = ${row.lastUseTime}
        where account_id = ${accountId} and secret_id = ${row.secretId}
          and version = ${row.version}`;
    },
    async dropVersionsBefore(accountId: string, secretId: string, version: number): Promise<void> {
      await sql`delete from kms_secret_version where account_id = ${accountId}
        and secret_id = ${secretId} and version < ${version}`;
    },
  };
}
