/** Tables of token profiles and tokens. Every method takes the account first. */
import type { Sql } from "../../kernel/store/database.ts";
import type { TokenProfile } from "./contract.ts";

export type ProfileRow = TokenProfile & {
  /** The key that values of a deterministic profile are found by, sealed by keyd. */
  readonly sealedIndexKey: Buffer;
};

export type TokenRow = {
  readonly token: string;
  /** Null where one value has many tokens. */
  readonly valueMac: Buffer | null;
  readonly sealed: Buffer;
  readonly createTime: string;
  readonly expireTime: string | null;
};

export function profileStore(sql: Sql) {
  return {
    list: (accountId: string) => sql<ProfileRow>`
      select * from encryption_token_profile where account_id = ${accountId} order by name`,
    async find(accountId: string, tokenProfileId: string): Promise<ProfileRow | undefined> {
      const [row] = await sql<ProfileRow>`
        select * from encryption_token_profile
        where account_id = ${accountId} and token_profile_id = ${tokenProfileId}`;
      return row;
    },
    async insert(accountId: string, row: ProfileRow): Promise<void> {
      await sql`
        insert into encryption_token_profile (account_id, token_profile_id, name, kind, mode,
          format, checksum, keep_last, ttl_seconds, tokenize_per_minute, detokenize_per_minute,
          enabled, sealed_index_key, create_time, update_time)
        values (${accountId}, ${row.tokenProfileId}, ${row.name}, ${row.kind}, ${row.mode},
          ${row.format}, ${row.checksum}, ${row.keepLast}, ${row.ttlSeconds},
          ${row.tokenizePerMinute}, ${row.detokenizePerMinute}, ${row.enabled},
          ${row.sealedIndexKey}, ${row.createTime}, ${row.updateTime})`;
    },
    async update(accountId: string, row: ProfileRow): Promise<void> {
      await sql`
        update encryption_token_profile set name = ${row.name}, enabled = ${row.enabled},
          ttl_seconds = ${row.ttlSeconds}, tokenize_per_minute = ${row.tokenizePerMinute},
          detokenize_per_minute = ${row.detokenizePerMinute}, update_time = ${row.updateTime}
        where account_id = ${accountId} and token_profile_id = ${row.tokenProfileId}`;
    },
    /** Its tokens go with it. */
    async delete(accountId: string, tokenProfileId: string): Promise<void> {
      await sql`delete from encryption_token_profile
        where account_id = ${accountId} and token_profile_id = ${tokenProfileId}`;
    },
  };
}

export function tokenStore(sql: Sql) {
  return {
    /** Those of the tokens that are there and have not ended. */
    find: (accountId: string, tokenProfileId: string, by: { tokens: string[]; now: string }) =>
      sql<TokenRow>`
        select * from encryption_token
        where account_id = ${accountId} and token_profile_id = ${tokenProfileId}
          and token = any(${by.tokens}) and (expire_time is null or expire_time > ${by.now})`,
    async findByMac(
      accountId: string,
      tokenProfileId: string,
      { mac, now }: { mac: Buffer; now: string },
    ): Promise<TokenRow | undefined> {
      const [row] = await sql<TokenRow>`
        select * from encryption_token
        where account_id = ${accountId} and token_profile_id = ${tokenProfileId}
          and value_mac = ${mac} and (expire_time is null or expire_time > ${now})`;
      return row;
    },
    /** False when the token, or a token for this value, is there already. */
    async insert(accountId: string, tokenProfileId: string, row: TokenRow): Promise<boolean> {
      const inserted = await sql`
        insert into encryption_token (account_id, token_profile_id, token, value_mac, sealed,
          create_time, expire_time)
        values (${accountId}, ${tokenProfileId}, ${row.token}, ${row.valueMac}, ${row.sealed},
          ${row.createTime}, ${row.expireTime})
        on conflict do nothing returning token`;
      return inserted.length === 1;
    },
    async delete(accountId: string, tokenProfileId: string, tokens: string[]): Promise<number> {
      const deleted = await sql`
        delete from encryption_token where account_id = ${accountId}
          and token_profile_id = ${tokenProfileId} and token = any(${tokens}) returning token`;
      return deleted.length;
    },
    /** Makes room for a value whose token has ended. */
    async dropEnded(
      accountId: string,
      tokenProfileId: string,
      { mac, now }: { mac: Buffer; now: string },
    ): Promise<void> {
      await sql`
        delete from encryption_token where account_id = ${accountId}
          and token_profile_id = ${tokenProfileId} and value_mac = ${mac}
          and expire_time <= ${now}`;
    },
  };
}
