/** Tables of sites, exclusions and lists. */
import type { Sql } from "../../kernel/store/database.ts";
import { type Exclusion, INSTALLED_RULE_SET, type ListEntry } from "./contract.ts";
import type { SiteSettings } from "./domain.ts";

export type SiteRow = SiteSettings & {
  readonly accountId: string;
  readonly siteId: string;
  readonly previousRuleSetId: string | null;
  readonly createTime: string;
  readonly updateTime: string;
};

/** Queries of one account; `sql` is bound to the transaction of the call. */
export function wafStore(sql: Sql) {
  return {
    listSites: (accountId: string) => sql<SiteRow>`
      select s.*, coalesce(s.rule_set_id, ${INSTALLED_RULE_SET}) as rule_set_id,
        array_agg(d.domain order by d.position) as domains
      from site s join site_domain d using (account_id, site_id)
      where s.account_id = ${accountId} group by s.site_id order by s.create_time desc`,

    async getSite(accountId: string, siteId: string): Promise<SiteRow | undefined> {
      const [row] = await sql<SiteRow>`
        select s.*, coalesce(s.rule_set_id, ${INSTALLED_RULE_SET}) as rule_set_id,
        array_agg(d.domain order by d.position) as domains
        from site s join site_domain d using (account_id, site_id)
        where s.account_id = ${accountId} and s.site_id = ${siteId} group by s.site_id`;
      return row;
    },

    async insertSite(accountId: string, siteId: string, site: SiteSettings & { time: string }) {
      await sql`
        insert into site (account_id, site_id, upstreams, mode, paranoia_level,
          inbound_threshold, outbound_threshold, request_body_bytes_max, fail_open,
          redirect_to_https, trusted_proxies, rule_set_id, create_time, update_time)
        values (${accountId}, ${siteId}, ${site.upstreams}, ${site.mode}, ${site.paranoiaLevel},
          ${site.inboundThreshold}, ${site.outboundThreshold}, ${site.requestBodyBytesMax},
          ${site.failOpen}, ${site.redirectToHttps}, ${site.trustedProxies},
          nullif(${site.ruleSetId}, ${INSTALLED_RULE_SET}), ${site.time}, ${site.time})`;
    },

    async updateSite(accountId: string, siteId: string, site: SiteSettings & { time: string }) {
      await sql`
        update site set upstreams = ${site.upstreams}, mode = ${site.mode},
          paranoia_level = ${site.paranoiaLevel}, inbound_threshold = ${site.inboundThreshold},
          outbound_threshold = ${site.outboundThreshold},
          request_body_bytes_max = ${site.requestBodyBytesMax}, fail_open = ${site.failOpen},
          redirect_to_https = ${site.redirectToHttps}, trusted_proxies = ${site.trustedProxies},
          previous_rule_set_id = case
            when coalesce(rule_set_id, ${INSTALLED_RULE_SET}) = ${site.ruleSetId}
              then previous_rule_set_id
            else coalesce(rule_set_id, ${INSTALLED_RULE_SET}) end,
          rule_set_id = nullif(${site.ruleSetId}, ${INSTALLED_RULE_SET}),
          update_time = ${site.time}
        where account_id = ${accountId} and site_id = ${siteId}`;
    },

    async setDomains(accountId: string, siteId: string, domains: readonly string[]) {
      await sql`delete from site_domain where account_id = ${accountId} and site_id = ${siteId}`;
      await sql`
        insert into site_domain (account_id, site_id, domain, position)
        select ${accountId}, ${siteId}, d.domain, d.position
        from unnest(${domains}::text[]) with ordinality as d (domain, position)`;
    },

    async deleteSite(accountId: string, siteId: string) {
      await sql`delete from site where account_id = ${accountId} and site_id = ${siteId}`;
    },

    listExclusions: (accountId: string) => sql<Exclusion>`
      select exclusion_id, site_id, path_prefix, rule_id, variable, note, created_by, create_time
      from exclusion where account_id = ${accountId} order by create_time desc`,

    async insertExclusion(accountId: string, exclusion: Exclusion) {
      await sql`
        insert into exclusion (account_id, exclusion_id, site_id, path_prefix, rule_id, variable,
          note, created_by, create_time)
        values (${accountId}, ${exclusion.exclusionId}, ${exclusion.siteId},
          ${exclusion.pathPrefix}, ${exclusion.ruleId}, ${exclusion.variable}, ${exclusion.note},
          ${exclusion.createdBy}, ${exclusion.createTime})`;
    },

    deleteExclusion: (accountId: string, exclusionId: string) => sql<{ siteId: string }>`
      delete from exclusion where account_id = ${accountId} and exclusion_id = ${exclusionId}
      returning site_id`,

    listListEntries: (accountId: string) => sql<ListEntry>`
      select list_entry_id, site_id, cidr, action, note, expire_time, create_time
      from list_entry where account_id = ${accountId} order by create_time desc`,

    async insertListEntry(accountId: string, entry: ListEntry) {
      await sql`
        insert into list_entry (account_id, list_entry_id, site_id, cidr, action, note,
          expire_time, create_time)
        values (${accountId}, ${entry.listEntryId}, ${entry.siteId}, ${entry.cidr},
          ${entry.action}, ${entry.note}, ${entry.expireTime}, ${entry.createTime})`;
    },

    deleteListEntry: (accountId: string, listEntryId: string) => sql<{ listEntryId: string }>`
      delete from list_entry where account_id = ${accountId} and list_entry_id = ${listEntryId}
      returning list_entry_id`,
  };
}

/** Queries over all accounts, for the gateways' intent; `sql` runs in the system's scope. */
export function wafIntentStore(sql: Sql) {
  return {
    listSites: () => sql<SiteRow>`
      select s.*, coalesce(s.rule_set_id, ${INSTALLED_RULE_SET}) as rule_set_id,
        array_agg(d.domain order by d.position) as domains
      from site s join site_domain d using (account_id, site_id)
      group by s.site_id order by s.site_id`,

    listExclusions: () => sql<Exclusion>`
      select exclusion_id, site_id, path_prefix, rule_id, variable from exclusion
      order by exclusion_id`,

    listListEntries: (nowText: string) => sql<ListEntry & { accountId: string }>`
      select account_id, site_id, cidr, action, expire_time from list_entry
      where expire_time is null or expire_time > ${nowText} order by list_entry_id`,

    async certificateOf(siteId: string) {
      const [row] = await sql<{
        domains: string[];
        certificatePem: string;
        privateKeyPem: string;
        expireTime: string;
      }>`select domains, certificate_pem, private_key_pem, expire_time from site_certificate
         where site_id = ${siteId}`;
      return row;
    },

    async setCertificate(
      siteId: string,
      certificate: {
        domains: readonly string[];
        certificatePem: string;
        privateKeyPem: string;
        expireTime: string;
      },
    ) {
      await sql`
        insert into site_certificate (site_id, domains, certificate_pem, private_key_pem,
          expire_time)
        values (${siteId}, ${certificate.domains}, ${certificate.certificatePem},
          ${certificate.privateKeyPem}, ${certificate.expireTime})
        on conflict (site_id) do update set domains = excluded.domains,
          certificate_pem = excluded.certificate_pem, private_key_pem = excluded.private_key_pem,
          expire_time = excluded.expire_time`;
    },
  };
}
