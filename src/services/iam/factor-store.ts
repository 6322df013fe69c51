/** Tables of second factors, ceremonies, known browsers and failures to sign in. */
import type { Sql } from "../../kernel/store/database.ts";

export type PasskeyRow = {
  readonly accountId: string;
  readonly passkeyId: string;
  readonly userId: string;
  readonly name: string;
  readonly credentialId: string;
  readonly publicKey: Buffer;
  readonly counter: number;
  readonly transports: string[];
  readonly createTime: string;
  readonly lastUseTime: string | null;
};

export type Ceremony = {
  readonly kind: string;
  readonly accountId: string | null;
  readonly userId: string | null;
  readonly data: Readonly<Record<string, unknown>>;
};

/** Factors of a user. */
export function factorStore(sql: Sql) {
  return {
    async totp(accountId: string, userId: string) {
      const [row] = await sql<{ sealedSecret: Buffer; confirmed: boolean }>`
        select sealed_secret, confirm_time is not null as confirmed from totp
        where account_id = ${accountId} and user_id = ${userId}`;
      return row;
    },

    async setTotp(accountId: string, userId: string, row: { sealedSecret: Buffer; time: string }) {
      await sql`insert into totp (account_id, user_id, sealed_secret, create_time)
        values (${accountId}, ${userId}, ${row.sealedSecret}, ${row.time})
        on conflict (user_id) do update set sealed_secret = excluded.sealed_secret,
          create_time = excluded.create_time, confirm_time = null, last_step = -1`;
    },

    async confirmTotp(accountId: string, userId: string, time: string) {
      await sql`update totp set confirm_time = ${time}
        where account_id = ${accountId} and user_id = ${userId}`;
    },

    /** Uses the code of a step up; false when it or a later one was used already. */
    async useTotpStep(accountId: string, userId: string, step: number): Promise<boolean> {
      const rows = await sql`update totp set last_step = ${step} where account_id = ${accountId}
        and user_id = ${userId} and last_step < ${step} returning user_id`;
      return rows.length > 0;
    },

    deleteTotp: (accountId: string, userId: string) => sql<{ userId: string }>`
      delete from totp where account_id = ${accountId} and user_id = ${userId} returning user_id`,

    async setBackupCodes(accountId: string, userId: string, hashes: readonly Buffer[]) {
      await sql`delete from backup_code where account_id = ${accountId} and user_id = ${userId}`;
      await sql`insert into backup_code (account_id, user_id, code_hash)
        select ${accountId}, ${userId}, unnest(${hashes}::bytea[])`;
    },

    /** Takes the code away, so that it works once. */
    async useBackupCode(accountId: string, userId: string, hash: Buffer): Promise<boolean> {
      const rows = await sql`delete from backup_code where account_id = ${accountId}
        and user_id = ${userId} and code_hash = ${hash} returning user_id`;
      return rows.length > 0;
    },

    async backupCodesLeft(accountId: string, userId: string): Promise<number> {
      const [row] = await sql<{ count: number }>`select count(*)::integer as count
        from backup_code where account_id = ${accountId} and user_id = ${userId}`;
      return row?.count ?? 0;
    },

    passkeys: (accountId: string, userId: string) => sql<PasskeyRow>`
      select account_id, passkey_id, user_id, name, credential_id, public_key, counter, transports,
        create_time, last_use_time
      from passkey where account_id = ${accountId} and user_id = ${userId} order by create_time`,

    async insertPasskey(accountId: string, row: Omit<PasskeyRow, "accountId">) {
      await sql`insert into passkey (account_id, passkey_id, user_id, name, credential_id,
          public_key, counter, transports, create_time)
        values (${accountId}, ${row.passkeyId}, ${row.userId}, ${row.name}, ${row.credentialId},
          ${row.publicKey}, ${row.counter}, ${row.transports}, ${row.createTime})`;
    },

    async usedPasskey(
      accountId: string,
      passkeyId: string,
      row: { counter: number; time: string },
    ) {
      await sql`update passkey set counter = ${row.counter}, last_use_time = ${row.time}
        where account_id = ${accountId} and passkey_id = ${passkeyId}`;
    },

    deletePasskey: (accountId: string, userId: string, passkeyId: string) =>
      sql<{ passkeyId: string }>`delete from passkey where account_id = ${accountId}
        and user_id = ${userId} and passkey_id = ${passkeyId} returning passkey_id`,

    async deleteAll(accountId: string, userId: string) {
      await sql`delete from totp where account_id = ${accountId} and user_id = ${userId}`;
      await sql`delete from passkey where account_id = ${accountId} and user_id = ${userId}`;
      await sql`delete from backup_code where account_id = ${accountId} and user_id = ${userId}`;
    },

    async rotateSession(
      accountId: string,
      sessionId: string,
      row: { tokenHash: Buffer; mfaTime: string | null },
    ) {
      await sql`update session set token_hash = ${row.tokenHash}, mfa_time = coalesce(${row.mfaTime}, mfa_time)
        where account_id = ${accountId} and session_id = ${sessionId}`;
    },
  };
}

const ATTEMPTS_MAX = 5;
const DEVICES_PER_USER_MAX = 10;

/** What comes before an account is known; `sql` runs in the system's scope. */
export function ceremonyStore(sql: Sql) {
  return {
    async begin(tokenHash: Buffer, ceremony: Ceremony & { expireTime: string; nowText: string }) {
      await sql`delete from ceremony where expire_time < ${ceremony.nowText}`;
      await sql`insert into ceremony (token_hash, kind, account_id, user_id, data, expire_time)
        values (${tokenHash}, ${ceremony.kind}, ${ceremony.accountId}, ${ceremony.userId},
          ${ceremony.data}, ${ceremony.expireTime})`;
    },

    /** Counts an attempt; undefined when there is no such ceremony, or it had its attempts. */
    async attempt(
      tokenHash: Buffer,
      kinds: readonly string[],
      nowText: string,
    ): Promise<Ceremony | undefined> {
      const [row] = await sql<Ceremony>`update ceremony set attempts = attempts + 1
        where token_hash = ${tokenHash} and kind = any(${kinds}::text[])
          and expire_time > ${nowText} and attempts < ${ATTEMPTS_MAX}
        returning kind, account_id, user_id, data`;
      return row;
    },

    async end(tokenHash: Buffer): Promise<boolean> {
      const rows = await sql`delete from ceremony where token_hash = ${tokenHash}
        returning kind`;
      return rows.length > 0;
    },

    async passkeyBy(credentialId: string): Promise<PasskeyRow | undefined> {
      const [row] = await sql<PasskeyRow>`
        select k.account_id, k.passkey_id, k.user_id, k.name, k.credential_id, k.public_key,
          k.counter, k.transports, k.create_time, k.last_use_time
        from passkey k join iam_user u using (user_id)
        where k.credential_id = ${credentialId} and u.enabled`;
      return row;
    },

    async knowsDevice(userId: string, tokenHash: Buffer): Promise<boolean> {
      const rows = await sql`select user_id from known_device
        where user_id = ${userId} and token_hash = ${tokenHash}`;
      return rows.length > 0;
    },

    async rememberDevice(
      accountId: string,
      row: { userId: string; tokenHash: Buffer; time: string },
    ) {
      await sql`insert into known_device (account_id, user_id, token_hash, last_use_time)
        values (${accountId}, ${row.userId}, ${row.tokenHash}, ${row.time})
        on conflict (user_id, token_hash) do update set last_use_time = excluded.last_use_time`;
      await sql`delete from known_device where user_id = ${row.userId} and token_hash not in (
        select token_hash from known_device where user_id = ${row.userId}
        order by last_use_time desc limit ${DEVICES_PER_USER_MAX})`;
    },

    async lockedUntil(keyHash: Buffer): Promise<string | undefined> {
      const [row] = await sql<{ lockedUntil: string }>`
        select locked_until from sign_in_failure where key_hash = ${keyHash}`;
      return row?.lockedUntil;
    },

    /** Counts a failure; @returns how many there were lately. */
    async failed(keyHash: Buffer, times: { nowText: string; sinceText: string }): Promise<number> {
      const { nowText, sinceText } = times;
      await sql`delete from sign_in_failure
        where last_time < ${sinceText} and locked_until < ${nowText}`;
      const [row] = await sql<{ failures: number }>`
        insert into sign_in_failure (key_hash, failures, last_time, locked_until)
        values (${keyHash}, 1, ${nowText}, ${nowText})
        on conflict (key_hash) do update
          set failures = sign_in_failure.failures + 1, last_time = excluded.last_time
        returning failures`;
      return row?.failures ?? 1;
    },

    async lock(keyHash: Buffer, until: string) {
      await sql`update sign_in_failure set locked_until = ${until} where key_hash = ${keyHash}`;
    },

    async forgive(keyHash: Buffer) {
      await sql`delete from sign_in_failure where key_hash = ${keyHash}`;
    },
  };
}
