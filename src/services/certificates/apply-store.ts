/** Tables of ACME providers, DNS providers and orders. */
import type { Progress } from "../../engines/acme/order.ts";
import type { Sql } from "../../kernel/store/database.ts";
import type { Order } from "./apply-contract.ts";

export type AcmeProviderRow = {
  readonly accountId: string;
  readonly acmeProviderId: string;
  readonly name: string;
  readonly directoryUrl: string;
  readonly contacts: string[];
  readonly trustPem: string;
  readonly profile: string;
  readonly externalKeyId: string;
  readonly externalMacSealed: Buffer | null;
  readonly accountKeySealed: Buffer;
  readonly accountUrl: string | null;
  readonly createTime: string;
};

export type DnsSettings = {
  readonly server?: string;
  readonly zone?: string;
  readonly keyName?: string;
  readonly url?: string;
  readonly propagationSeconds: number;
};

export type DnsProviderRow = {
  readonly accountId: string;
  readonly dnsProviderId: string;
  readonly name: string;
  readonly kind: "rfc2136" | "webhook";
  readonly settings: DnsSettings;
  readonly secretSealed: Buffer;
  readonly createTime: string;
};

export type OrderRow = Order & {
  readonly accountId: string;
  readonly progress: Progress;
  readonly keySealed: Buffer | null;
  readonly requestDer: Buffer | null;
};

/** Queries of one account. */
export function applyStore(sql: Sql) {
  return {
    listProviders: (accountId: string) => sql<AcmeProviderRow>`
      select * from acme_provider where account_id = ${accountId} order by create_time desc`,

    async getProvider(accountId: string, id: string): Promise<AcmeProviderRow | undefined> {
      const [row] = await sql<AcmeProviderRow>`
        select * from acme_provider
        where account_id = ${accountId} and acme_provider_id = ${id}`;
      return row;
    },

    async insertProvider(row: AcmeProviderRow) {
      await sql`
        insert into acme_provider (account_id, acme_provider_id, name, directory_url, contacts,
          trust_pem, profile, external_key_id, external_mac_sealed, account_key_sealed,
          create_time)
        values (${row.accountId}, ${row.acmeProviderId}, ${row.name}, ${row.directoryUrl},
          ${row.contacts}, ${row.trustPem}, ${row.profile}, ${row.externalKeyId},
          ${row.externalMacSealed}, ${row.accountKeySealed}, ${row.createTime})`;
    },

    async setAccountUrl(accountId: string, id: string, url: string | null) {
      await sql`update acme_provider set account_url = ${url}
        where account_id = ${accountId} and acme_provider_id = ${id}`;
    },

    deleteProvider: (accountId: string, id: string) => sql<{ name: string }>`
      delete from acme_provider
      where account_id = ${accountId} and acme_provider_id = ${id} returning name`,

    listDnsProviders: (accountId: string) => sql<DnsProviderRow>`
      select * from dns_provider where account_id = ${accountId} order by create_time desc`,

    async getDnsProvider(accountId: string, id: string): Promise<DnsProviderRow | undefined> {
      const [row] = await sql<DnsProviderRow>`
        select * from dns_provider where account_id = ${accountId} and dns_provider_id = ${id}`;
      return row;
    },

    async insertDnsProvider(row: DnsProviderRow) {
      await sql`
        insert into dns_provider (account_id, dns_provider_id, name, kind, settings,
          secret_sealed, create_time)
        values (${row.accountId}, ${row.dnsProviderId}, ${row.name}, ${row.kind},
          ${row.settings}, ${row.secretSealed}, ${row.createTime})`;
    },

    deleteDnsProvider: (accountId: string, id: string) => sql<{ name: string }>`
      delete from dns_provider
      where account_id = ${accountId} and dns_provider_id = ${id} returning name`,

    listOrders: (accountId: string) => sql<OrderRow>`
      select * from certificate_order where account_id = ${accountId}
      order by create_time desc limit 10000`,

    async getOrder(accountId: string, id: string): Promise<OrderRow | undefined> {
      const [row] = await sql<OrderRow>`
        select * from certificate_order where account_id = ${accountId} and order_id = ${id}
        for update`;
      return row;
    },

    async countOpenOrders(accountId: string, names: readonly string[]) {
      const [row] = await sql<{ all: number; same: number }>`
        select count(*) as all, count(*) filter (where names = ${names}) as same
        from certificate_order where account_id = ${accountId}
          and state not in ('issued', 'failed', 'canceled')`;
      return row ?? { all: 0, same: 0 };
    },

    async insertOrder(row: OrderRow) {
      await sql`
        insert into certificate_order (account_id, order_id, acme_provider_id, names, challenge,
          dns_provider_id, key_algorithm, profile, auto_renew, state, state_reason, progress,
          renews_id, failures, next_time, create_time, update_time)
        values (${row.accountId}, ${row.orderId}, ${row.acmeProviderId}, ${row.names},
          ${row.challenge}, ${row.dnsProviderId}, ${row.keyAlgorithm}, ${row.profile},
          ${row.autoRenew}, ${row.state}, ${row.stateReason}, ${row.progress}, ${row.renewsId},
          ${row.failures}, ${row.nextTime}, ${row.createTime}, ${row.updateTime})`;
    },

    /** False when the order was finished meanwhile, for example canceled. */
    async saveOrder(row: OrderRow): Promise<boolean> {
      const saved = await sql`
        update certificate_order set state = ${row.state}, state_reason = ${row.stateReason},
          progress = ${row.progress}, key_sealed = ${row.keySealed},
          request_der = ${row.requestDer}, certificate_id = ${row.certificateId},
          failures = ${row.failures}, next_time = ${row.nextTime}, update_time = ${row.updateTime}
        where account_id = ${row.accountId} and order_id = ${row.orderId}
          and state not in ('issued', 'canceled') returning order_id`;
      return saved.length > 0;
    },

    async putAnswer(
      accountId: string,
      answer: { token: string; orderId: string; domain: string; keyAuthorization: string },
    ) {
      await sql`
        insert into acme_challenge_answer (account_id, token, order_id, domain,
          key_authorization)
        values (${accountId}, ${answer.token}, ${answer.orderId}, ${answer.domain},
          ${answer.keyAuthorization}) on conflict (token) do nothing`;
    },

    async deleteAnswers(accountId: string, orderId: string): Promise<boolean> {
      const deleted = await sql`
        delete from acme_challenge_answer
        where account_id = ${accountId} and order_id = ${orderId} returning token`;
      return deleted.length > 0;
    },

    async stopRenewal(accountId: string, certificateId: string) {
      await sql`update certificate set renewal = null, renew_time = null
        where account_id = ${accountId} and certificate_id = ${certificateId}`;
    },

    /** Puts a renewed certificate in the place of the one before, at every site at once. */
    async replaceCertificate(
      accountId: string,
      { before, after, time }: { before: string; after: string; time: string },
    ) {
      await sql`
        update certificate_binding set certificate_id = ${after}, state = 'pending',
          state_reason = 'The gateways are told now', served_fingerprint = null,
          check_time = null, create_time = ${time}
        where account_id = ${accountId} and certificate_id = ${before}`;
      await sql`
        update certificate set replaced_by = ${after}, renew_time = null
        where account_id = ${accountId} and certificate_id = ${before}`;
    },
  };
}

export type RenewableRow = {
  readonly accountId: string;
  readonly certificateId: string;
};

/** Queries over all accounts, for jobs and intent. */
export function applySystemStore(sql: Sql) {
  return {
    listDueOrders: (nowText: string, limit: number) => sql<{
      accountId: string;
      orderId: string;
    }>`select account_id, order_id from certificate_order
       where state not in ('issued', 'failed', 'canceled') and next_time <= ${nowText}
       order by next_time limit ${limit}`,

    listAnswers: () => sql<{
      accountId: string;
      token: string;
      domain: string;
      keyAuthorization: string;
    }>`select account_id, token, domain, key_authorization from acme_challenge_answer
       order by token limit 10000`,

    listWindowDue: (nowText: string, limit: number) => sql<RenewableRow>`
      select account_id, certificate_id from certificate
      where renewal is not null and replaced_by is null and revoke_time is null
        and (window_check_time is null or window_check_time <= ${nowText})
      order by window_check_time nulls first limit ${limit}`,

    async setRenewTime(
      certificateId: string,
      { renewTime, windowCheckTime }: { renewTime: string; windowCheckTime: string },
    ) {
      await sql`
        update certificate set renew_time = ${renewTime}, window_check_time = ${windowCheckTime}
        where certificate_id = ${certificateId}`;
    },

    listRenewDue: (nowText: string, limit: number) => sql<RenewableRow>`
      select account_id, certificate_id from certificate c
      where renewal is not null and replaced_by is null and renew_time <= ${nowText}
        and not exists (select from certificate_order o where o.renews_id = c.certificate_id
          and o.state not in ('issued', 'failed', 'canceled'))
      order by renew_time limit ${limit}`,
  };
}
