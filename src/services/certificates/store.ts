/** Tables of the inventory and of the bindings to sites. */
import type { Sql } from "../../kernel/store/database.ts";
import type { CertificateRow } from "./domain.ts";
import type { Binding } from "./resources.ts";

export type BindingRow = Binding & { readonly accountId: string };

/** Queries of one account; `sql` is bound to the transaction of the call. */
export function certificateStore(sql: Sql) {
  return {
    list: (accountId: string) => sql<CertificateRow>`
      select * from certificate where account_id = ${accountId} order by create_time desc`,

    search: (accountId: string, text: string) => sql<CertificateRow>`
      select * from certificate where account_id = ${accountId} and (
        strpos(lower(name), lower(${text})) > 0 or strpos(lower(subject), lower(${text})) > 0
        or strpos(lower(issuer), lower(${text})) > 0 or serial_number = lower(${text})
        or fingerprint = lower(${text})
        or exists (select from unnest(names) as n where strpos(n, lower(${text})) > 0))
      order by create_time desc`,

    async count(accountId: string): Promise<number> {
      const [row] = await sql<{ count: number }>`
        select count(*) from certificate where account_id = ${accountId}`;
      return row?.count ?? 0;
    },

    async get(accountId: string, certificateId: string): Promise<CertificateRow | undefined> {
      const [row] = await sql<CertificateRow>`
        select * from certificate
        where account_id = ${accountId} and certificate_id = ${certificateId}`;
      return row;
    },

    async insert(accountId: string, row: CertificateRow) {
      await sql`
        insert into certificate (account_id, certificate_id, name, origin, key_use,
          pair_certificate_id, full_chain_pem,
          key_sealed, key_fingerprint, fingerprint, subject, issuer, serial_number,
          authority_key_id, names, key_algorithm, anchor, root_seen, weaknesses, ocsp_urls,
          not_before_time, expire_time, renewal, renew_time, create_time)
        values (${accountId}, ${row.certificateId}, ${row.name}, ${row.origin}, ${row.keyUse},
          ${row.pairCertificateId},
          ${row.fullChainPem}, ${row.keySealed}, ${row.keyFingerprint}, ${row.fingerprint},
          ${row.subject}, ${row.issuer}, ${row.serialNumber}, ${row.authorityKeyId}, ${row.names},
          ${row.keyAlgorithm}, ${row.anchor}, ${row.rootSeen}, ${row.weaknesses},
          ${row.ocspUrls}, ${row.notBeforeTime}, ${row.expireTime}, ${row.renewal},
          ${row.renewTime}, ${row.createTime})`;
    },

    async rename(accountId: string, certificateId: string, name: string) {
      await sql`update certificate set name = ${name}
        where account_id = ${accountId} and certificate_id = ${certificateId}`;
    },

    async delete(accountId: string, certificateId: string) {
      await sql`delete from certificate
        where account_id = ${accountId} and certificate_id = ${certificateId}`;
    },

    listBindings: (accountId: string) => sql<BindingRow>`
      select * from certificate_binding where account_id = ${accountId}
      order by create_time desc`,

    async getBinding(accountId: string, siteId: string): Promise<BindingRow | undefined> {
      const [row] = await sql<BindingRow>`
        select * from certificate_binding
        where account_id = ${accountId} and site_id = ${siteId}`;
      return row;
    },

    async putBinding(
      accountId: string,
      binding: { siteId: string; certificateId: string; time: string },
    ) {
      await sql`
        insert into certificate_binding (account_id, site_id, certificate_id, state,
          state_reason, create_time)
        values (${accountId}, ${binding.siteId}, ${binding.certificateId}, 'pending',
          'The gateways are told now', ${binding.time})
        on conflict (site_id) do update set certificate_id = excluded.certificate_id,
          state = excluded.state, state_reason = excluded.state_reason,
          served_fingerprint = null, check_time = null, create_time = excluded.create_time`;
    },

    async setBindingState(
      accountId: string,
      seen: Pick<Binding, "siteId" | "state" | "stateReason" | "servedFingerprint"> & {
        readonly checkTime: string;
        readonly certificateId: string;
      },
    ) {
      await sql`
        update certificate_binding set state = ${seen.state},
          state_reason = ${seen.stateReason}, served_fingerprint = ${seen.servedFingerprint},
          check_time = ${seen.checkTime}
        where account_id = ${accountId} and site_id = ${seen.siteId}
          and certificate_id = ${seen.certificateId}`;
    },

    deleteBinding: (accountId: string, siteId: string) => sql<{ siteId: string }>`
      delete from certificate_binding
      where account_id = ${accountId} and site_id = ${siteId} returning site_id`,
  };
}

/** Queries over all accounts, for intent and jobs; `sql` runs in the system's scope. */
export function certificateSystemStore(sql: Sql) {
  return {
    async boundCertificate(siteId: string) {
      const [row] = await sql<CertificateRow & { accountId: string }>`
        select c.* from certificate_binding b join certificate c using (certificate_id)
        where b.site_id = ${siteId} and b.account_id = c.account_id`;
      return row;
    },

    listDueBindings: (beforeText: string, limit: number) => sql<BindingRow>`
      select * from certificate_binding
      where state = 'pending' or check_time is null or check_time < ${beforeText}
      order by check_time nulls first limit ${limit}`,

    /** Those that sites are served with, not asked about since then. */
    listStatusDue: (beforeText: string, limit: number) => sql<CertificateRow>`
      select * from certificate c
      where exists (select from certificate_binding b where b.certificate_id = c.certificate_id)
        and revoke_time is null and (status_check_time is null or status_check_time < ${beforeText})
      order by status_check_time nulls first limit ${limit}`,

    async setStatus(
      certificateId: string,
      told: { revokeTime: string | null; statusReason: string; statusCheckTime: string },
    ) {
      await sql`update certificate set status_check_time = ${told.statusCheckTime},
          status_reason = ${told.statusReason},
          revoke_time = coalesce(revoke_time, ${told.revokeTime})
        where certificate_id = ${certificateId}`;
    },

    listUnwarned: (nowText: string) => sql<CertificateRow & { accountId: string }>`
      select * from certificate
      where replaced_by is null
        and (expire_time - least((expire_time - not_before_time) / 3, interval '30 days')
          <= ${nowText} or revoke_time is not null)
        and warned_state <> case when revoke_time is not null then 'revoked'
          when expire_time <= ${nowText} then 'expired' else 'expiring' end
      limit 500`,

    async setWarned(certificateId: string, state: string) {
      await sql`update certificate set warned_state = ${state}
        where certificate_id = ${certificateId}`;
    },
  };
}
