/** Tables of the ACME server: accounts, orders and authorizations of one issuance policy. */
import type { Jwk } from "../../../engines/acme/jws.ts";
import type { Sql } from "../../../kernel/store/database.ts";
import type { ExternalAccountRow, IssuedRow } from "../authority-store.ts";

export type AcmeAccountRow = {
  readonly acmeAccountId: string;
  readonly issuancePolicyId: string;
  readonly jwk: Jwk;
  readonly thumbprint: string;
  readonly contacts: string[];
  readonly status: "valid" | "deactivated" | "revoked";
  readonly externalAccountId: string | null;
  readonly createTime: string;
};

export type AcmeOrderRow = {
  readonly acmeOrderId: string;
  readonly issuancePolicyId: string;
  readonly acmeAccountId: string;
  readonly status: "pending" | "ready" | "processing" | "valid" | "invalid";
  readonly names: string[];
  readonly replaces: string | null;
  readonly error: unknown;
  readonly serialNumber: string | null;
  readonly expireTime: string;
  readonly createTime: string;
};

export type AuthorizationRow = {
  readonly acmeAuthorizationId: string;
  readonly acmeOrderId: string;
  readonly acmeAccountId: string;
  readonly name: string;
  readonly wildcard: boolean;
  readonly status: "pending" | "processing" | "valid" | "invalid" | "deactivated";
  readonly token: string;
  readonly challengeType: string | null;
  readonly error: unknown;
  readonly validateTime: string | null;
  readonly expireTime: string;
};

/** Queries of one account (tenant) and policy. */
export function acmeStore(sql: Sql, accountId: string, policyId: string) {
  return {
    async account(id: string): Promise<AcmeAccountRow | undefined> {
      const [row] = await sql<AcmeAccountRow>`
        select * from acme_account where account_id = ${accountId}
          and issuance_policy_id = ${policyId} and acme_account_id = ${id}`;
      return row;
    },

    async accountByKey(thumbprint: string): Promise<AcmeAccountRow | undefined> {
      const [row] = await sql<AcmeAccountRow>`
        select * from acme_account where account_id = ${accountId}
          and issuance_policy_id = ${policyId} and thumbprint = ${thumbprint}`;
      return row;
    },

    async countAccounts(): Promise<number> {
      const [row] = await sql<{ count: number }>`
        select count(*) from acme_account where issuance_policy_id = ${policyId}`;
      return row?.count ?? 0;
    },

    async insertAccount(row: AcmeAccountRow) {
      await sql`
        insert into acme_account (account_id, acme_account_id, issuance_policy_id, jwk,
          thumbprint, contacts, status, external_account_id, create_time)
        values (${accountId}, ${row.acmeAccountId}, ${policyId}, ${row.jwk}, ${row.thumbprint},
          ${row.contacts}, ${row.status}, ${row.externalAccountId}, ${row.createTime})`;
    },

    async updateAccount(row: Pick<AcmeAccountRow, "acmeAccountId" | "contacts" | "status">) {
      await sql`
        update acme_account set contacts = ${row.contacts}, status = ${row.status}
        where account_id = ${accountId} and acme_account_id = ${row.acmeAccountId}`;
    },

    async changeKey(id: string, { jwk, thumbprint }: { jwk: Jwk; thumbprint: string }) {
      await sql`
        update acme_account set jwk = ${jwk}, thumbprint = ${thumbprint}
        where account_id = ${accountId} and acme_account_id = ${id}`;
    },

    async externalAccount(id: string): Promise<ExternalAccountRow | undefined> {
      const [row] = await sql<ExternalAccountRow>`
        select * from external_account where account_id = ${accountId}
          and issuance_policy_id = ${policyId} and external_account_id = ${id} for update`;
      return row;
    },

    async useExternalAccount(id: string, acmeAccountId: string) {
      await sql`update external_account set acme_account_id = ${acmeAccountId}
        where account_id = ${accountId} and external_account_id = ${id}`;
    },

    async countOpenOrders(acmeAccountId: string, nowText: string): Promise<number> {
      const [row] = await sql<{ count: number }>`
        select count(*) from acme_order where acme_account_id = ${acmeAccountId}
          and status in ('pending', 'ready', 'processing') and expire_time > ${nowText}`;
      return row?.count ?? 0;
    },

    async insertOrder(row: AcmeOrderRow, authorizations: readonly AuthorizationRow[]) {
      await sql`
        insert into acme_order (account_id, acme_order_id, issuance_policy_id, acme_account_id,
          status, names, replaces, expire_time, create_time)
        values (${accountId}, ${row.acmeOrderId}, ${policyId}, ${row.acmeAccountId},
          ${row.status}, ${row.names}, ${row.replaces}, ${row.expireTime}, ${row.createTime})`;
      for (const one of authorizations) {
        await sql`
          insert into acme_authorization (account_id, acme_authorization_id, acme_order_id,
            acme_account_id, name, wildcard, status, token, expire_time)
          values (${accountId}, ${one.acmeAuthorizationId}, ${one.acmeOrderId},
            ${one.acmeAccountId}, ${one.name}, ${one.wildcard}, ${one.status}, ${one.token},
            ${one.expireTime})`;
      }
    },

    async order(id: string, acmeAccountId: string): Promise<AcmeOrderRow | undefined> {
      const [row] = await sql<AcmeOrderRow>`
        select * from acme_order where account_id = ${accountId}
          and issuance_policy_id = ${policyId} and acme_order_id = ${id}
          and acme_account_id = ${acmeAccountId} for update`;
      return row;
    },

    ordersOf: (acmeAccountId: string) => sql<{ acmeOrderId: string }>`
      select acme_order_id from acme_order where acme_account_id = ${acmeAccountId}
      order by create_time desc limit 100`,

    async setOrder(id: string, change: Pick<AcmeOrderRow, "status" | "error" | "serialNumber">) {
      await sql`
        update acme_order set status = ${change.status}, error = ${change.error},
          serial_number = ${change.serialNumber}
        where account_id = ${accountId} and acme_order_id = ${id}`;
    },

    authorizationsOf: (orderId: string) => sql<AuthorizationRow>`
      select * from acme_authorization where account_id = ${accountId}
        and acme_order_id = ${orderId} order by acme_authorization_id`,

    async authorization(id: string, acmeAccountId: string): Promise<AuthorizationRow | undefined> {
      const [row] = await sql<AuthorizationRow>`
        select a.* from acme_authorization a join acme_order o using (acme_order_id)
        where a.account_id = ${accountId} and o.issuance_policy_id = ${policyId}
          and a.acme_authorization_id = ${id} and a.acme_account_id = ${acmeAccountId}
        for update of a`;
      return row;
    },

    async setAuthorization(
      id: string,
      change: Pick<AuthorizationRow, "status" | "challengeType" | "error" | "validateTime">,
    ) {
      await sql`
        update acme_authorization set status = ${change.status},
          challenge_type = ${change.challengeType}, error = ${change.error},
          validate_time = ${change.validateTime}
        where account_id = ${accountId} and acme_authorization_id = ${id}`;
    },

    /** Names that this ACME account has proved, for revocation of others' certificates. */
    provedNames: (acmeAccountId: string, nowText: string) => sql<{
      name: string;
      wildcard: boolean;
    }>`select distinct name, wildcard from acme_authorization
       where acme_account_id = ${acmeAccountId} and status = 'valid' and expire_time > ${nowText}`,

    async issued(serialNumber: string): Promise<IssuedRow | undefined> {
      const [row] = await sql<IssuedRow>`
        select * from issued_certificate where account_id = ${accountId}
          and issuance_policy_id = ${policyId} and serial_number = ${serialNumber}`;
      return row;
    },

    /** Marks a certificate as replaced; false when it is already (RFC 9773 §5). */
    async markReplaced(serialNumber: string): Promise<boolean> {
      const marked = await sql`
        update issued_certificate set replaced = true where account_id = ${accountId}
          and issuance_policy_id = ${policyId} and serial_number = ${serialNumber}
          and not replaced returning serial_number`;
      return marked.length > 0;
    },
  };
}
export type AcmeStore = ReturnType<typeof acmeStore>;
