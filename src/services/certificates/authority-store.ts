/** Tables of own authorities, their policies, and what they issued. */
import type { Sql } from "../../kernel/store/database.ts";

export type AuthorityRow = {
  readonly accountId: string;
  readonly authorityId: string;
  readonly name: string;
  readonly kind: "root" | "intermediate";
  readonly parentId: string | null;
  readonly certificatePem: string;
  /** Of an authority made before `keyWrapped`; null once its key was taken over. */
  readonly keySealed: Buffer | null;
  /** Its key version in keyd. */
  readonly keyWrapped: Buffer | null;
  readonly keyAlgorithm: string;
  readonly expireTime: string;
  readonly createTime: string;
};

export type IssuancePolicyRow = {
  readonly accountId: string;
  readonly issuancePolicyId: string;
  readonly name: string;
  readonly authorityId: string;
  readonly allowedNames: string[];
  readonly lifetimeSeconds: number;
  readonly externalAccountRequired: boolean;
  readonly enabled: boolean;
  readonly createTime: string;
  readonly updateTime: string;
};

export type ExternalAccountRow = {
  readonly externalAccountId: string;
  readonly issuancePolicyId: string;
  readonly name: string;
  readonly macSealed: Buffer;
  readonly acmeAccountId: string | null;
  readonly createTime: string;
};

export type IssuedRow = {
  readonly accountId: string;
  readonly authorityId: string;
  readonly serialNumber: string;
  readonly issuancePolicyId: string | null;
  readonly acmeAccountId: string | null;
  readonly certificatePem: string;
  readonly keyFingerprint: string;
  readonly names: string[];
  readonly notBeforeTime: string;
  readonly expireTime: string;
  readonly revokeTime: string | null;
  readonly revokeReason: string | null;
  readonly replaced: boolean;
};

/** Queries of one account. */
export function authorityStore(sql: Sql) {
  return {
    list: (accountId: string) => sql<AuthorityRow>`
      select * from certificate_authority where account_id = ${accountId}
      order by create_time desc, kind`,

    async get(accountId: string, authorityId: string): Promise<AuthorityRow | undefined> {
      const [row] = await sql<AuthorityRow>`
        select * from certificate_authority
        where account_id = ${accountId} and authority_id = ${authorityId}`;
      return row;
    },

    async insert(row: AuthorityRow) {
      await sql`
        insert into certificate_authority (account_id, authority_id, name, kind, parent_id,
          certificate_pem, key_wrapped, key_algorithm, expire_time, create_time)
        values (${row.accountId}, ${row.authorityId}, ${row.name}, ${row.kind}, ${row.parentId},
          ${row.certificatePem}, ${row.keyWrapped}, ${row.keyAlgorithm}, ${row.expireTime},
          ${row.createTime})`;
    },

    listPolicies: (accountId: string) => sql<IssuancePolicyRow>`
      select * from issuance_policy where account_id = ${accountId} order by create_time desc`,

    async getPolicy(accountId: string, policyId: string): Promise<IssuancePolicyRow | undefined> {
      const [row] = await sql<IssuancePolicyRow>`
        select * from issuance_policy
        where account_id = ${accountId} and issuance_policy_id = ${policyId}`;
      return row;
    },

    async insertPolicy(row: IssuancePolicyRow) {
      await sql`
        insert into issuance_policy (account_id, issuance_policy_id, name, authority_id,
          allowed_names, lifetime_seconds, external_account_required, enabled, create_time,
          update_time)
        values (${row.accountId}, ${row.issuancePolicyId}, ${row.name}, ${row.authorityId},
          ${row.allowedNames}, ${row.lifetimeSeconds}, ${row.externalAccountRequired},
          ${row.enabled}, ${row.createTime}, ${row.updateTime})`;
    },

    async updatePolicy(row: IssuancePolicyRow) {
      await sql`
        update issuance_policy set allowed_names = ${row.allowedNames},
          lifetime_seconds = ${row.lifetimeSeconds},
          external_account_required = ${row.externalAccountRequired}, enabled = ${row.enabled},
          update_time = ${row.updateTime}
        where account_id = ${row.accountId} and issuance_policy_id = ${row.issuancePolicyId}`;
    },

    deletePolicy: (accountId: string, policyId: string) => sql<{ name: string }>`
      delete from issuance_policy
      where account_id = ${accountId} and issuance_policy_id = ${policyId} returning name`,

    listExternalAccounts: (accountId: string) => sql<ExternalAccountRow>`
      select * from external_account where account_id = ${accountId} order by create_time desc`,

    async insertExternalAccount(accountId: string, row: ExternalAccountRow) {
      await sql`
        insert into external_account (account_id, external_account_id, issuance_policy_id, name,
          mac_sealed, create_time)
        values (${accountId}, ${row.externalAccountId}, ${row.issuancePolicyId}, ${row.name},
          ${row.macSealed}, ${row.createTime})`;
    },

    async deleteExternalAccount(accountId: string, id: string): Promise<boolean> {
      await sql`update acme_account set status = 'revoked'
        where account_id = ${accountId} and external_account_id = ${id}`;
      const deleted = await sql`delete from external_account
        where account_id = ${accountId} and external_account_id = ${id} returning name`;
      return deleted.length > 0;
    },

    listIssued: (accountId: string) => sql<IssuedRow>`
      select * from issued_certificate where account_id = ${accountId}
      order by not_before_time desc limit 10000`,

    async getIssued(accountId: string, serialNumber: string): Promise<IssuedRow | undefined> {
      const [row] = await sql<IssuedRow>`
        select * from issued_certificate
        where account_id = ${accountId} and serial_number = ${serialNumber} for update`;
      return row;
    },

    async insertIssued(row: IssuedRow) {
      await sql`
        insert into issued_certificate (account_id, authority_id, serial_number,
          issuance_policy_id, acme_account_id, certificate_pem, key_fingerprint, names,
          not_before_time, expire_time)
        values (${row.accountId}, ${row.authorityId}, ${row.serialNumber},
          ${row.issuancePolicyId}, ${row.acmeAccountId}, ${row.certificatePem},
          ${row.keyFingerprint}, ${row.names}, ${row.notBeforeTime}, ${row.expireTime})`;
    },

    async revoke(
      accountId: string,
      serialNumber: string,
      revoked: { time: string; reason: string },
    ) {
      await sql`
        update issued_certificate set revoke_time = ${revoked.time},
          revoke_reason = ${revoked.reason}
        where account_id = ${accountId} and serial_number = ${serialNumber}`;
      // The same certificate in the inventory must not look valid.
      await sql`
        update certificate set revoke_time = ${revoked.time}
        where account_id = ${accountId} and serial_number = ${serialNumber}
          and key_fingerprint = (select key_fingerprint from issued_certificate
            where account_id = ${accountId} and serial_number = ${serialNumber})`;
    },
  };
}

/** Queries over all accounts, for what has no caller: ACME directories and revocation lists. */
export function authoritySystemStore(sql: Sql) {
  return {
    async findAuthority(authorityId: string): Promise<AuthorityRow | undefined> {
      const [row] = await sql<AuthorityRow>`
        select * from certificate_authority where authority_id = ${authorityId}`;
      return row;
    },

    /** Its key was taken over: the sealed copy goes in the same change. */
    async keepWrapped(authorityId: string, wrapped: Buffer) {
      await sql`update certificate_authority set key_wrapped = ${wrapped}, key_sealed = null
        where authority_id = ${authorityId}`;
    },

    listUntaken: () => sql<AuthorityRow>`
      select * from certificate_authority where key_wrapped is null limit 100`,

    async findPolicy(policyId: string): Promise<IssuancePolicyRow | undefined> {
      const [row] = await sql<IssuancePolicyRow>`
        select * from issuance_policy where issuance_policy_id = ${policyId}`;
      return row;
    },

    listRevoked: (authorityId: string, nowText: string, limit: number) => sql<IssuedRow>`
      select * from issued_certificate
      where authority_id = ${authorityId} and revoke_time is not null and expire_time > ${nowText}
      order by serial_number limit ${limit}`,

    async findIssued(authorityId: string, serialNumber: string): Promise<IssuedRow | undefined> {
      const [row] = await sql<IssuedRow>`
        select * from issued_certificate
        where authority_id = ${authorityId} and serial_number = ${serialNumber}`;
      return row;
    },

    /** Number of the next revocation list; grows by one with each. */
    async nextCrlNumber(authorityId: string): Promise<number> {
      const [row] = await sql<{ crlNumber: number }>`
        update certificate_authority set crl_number = crl_number + 1
        where authority_id = ${authorityId} returning crl_number`;
      return row?.crlNumber ?? 1;
    },
  };
}
