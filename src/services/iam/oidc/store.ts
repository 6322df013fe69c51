/** The table of sign-in providers, and the users that came from one. */
import type { Sql } from "../../../kernel/store/database.ts";
import { type OidcProvider, type ProviderRules, rulesDefault } from "./resources.ts";

export type ProviderRow = Omit<OidcProvider, "redirectPath" | "confidential"> & {
  readonly accountId: string;
  readonly sealedClientSecret: Buffer | null;
};

export type ProviderChange = {
  readonly name?: string | undefined;
  readonly sealedClientSecret?: Buffer | undefined;
  readonly trustPem?: string | null | undefined;
  readonly rules?: ProviderRules | undefined;
  readonly enabled?: boolean | undefined;
};

/** Where a provider sends the browser back to: a place of its own for each (RFC 9700 §4.4.2.2). */
export function redirectPathOf(oidcProviderId: string): string {
  return `/oidc/${oidcProviderId}`;
}

/** A provider as callers see it: without its secret. */
export function providerView(row: ProviderRow): OidcProvider {
  const { accountId: _, sealedClientSecret, ...provider } = row;
  return {
    ...provider,
    confidential: sealedClientSecret !== null,
    redirectPath: redirectPathOf(row.oidcProviderId),
  };
}

const complete = (row: ProviderRow): ProviderRow => ({
  ...row,
  rules: { ...rulesDefault, ...row.rules },
});

export function oidcStore(sql: Sql) {
  return {
    async list(accountId: string): Promise<ProviderRow[]> {
      const rows = await sql<ProviderRow>`
        select account_id, oidc_provider_id, name, issuer, client_id, sealed_client_secret,
          trust_pem, rules, enabled, create_time
        from oidc_provider where account_id = ${accountId} order by name`;
      return rows.map(complete);
    },

    async insert(accountId: string, row: Omit<ProviderRow, "accountId">) {
      await sql`insert into oidc_provider (account_id, oidc_provider_id, name, issuer, client_id,
          sealed_client_secret, trust_pem, rules, enabled, create_time)
        values (${accountId}, ${row.oidcProviderId}, ${row.name}, ${row.issuer}, ${row.clientId},
          ${row.sealedClientSecret}, ${row.trustPem}, ${row.rules}, ${row.enabled},
          ${row.createTime})`;
    },

    async update(accountId: string, oidcProviderId: string, change: ProviderChange) {
      const trust = change.trustPem === undefined;
      await sql`update oidc_provider set name = coalesce(${change.name ?? null}, name),
          sealed_client_secret = coalesce(${change.sealedClientSecret ?? null}::bytea,
            sealed_client_secret),
          trust_pem = case when ${trust}::boolean then trust_pem else ${change.trustPem ?? null}
            end,
          rules = coalesce(${change.rules ?? null}::jsonb, rules),
          enabled = coalesce(${change.enabled ?? null}::boolean, enabled)
        where account_id = ${accountId} and oidc_provider_id = ${oidcProviderId}`;
    },

    /** Signs out whoever is signed in by it. */
    async endSessions(accountId: string, oidcProviderId: string) {
      await sql`delete from session where account_id = ${accountId} and method = 'oidc'
        and user_id in (select user_id from iam_user where oidc_provider_id = ${oidcProviderId})`;
    },

    async delete(accountId: string, oidcProviderId: string) {
      await sql`update iam_user set oidc_provider_id = null, oidc_subject = null
        where account_id = ${accountId} and oidc_provider_id = ${oidcProviderId}`;
      await sql`delete from oidc_provider
        where account_id = ${accountId} and oidc_provider_id = ${oidcProviderId}`;
    },
  };
}

/** Queries that come before an account is known; `sql` runs in the system's scope. */
export function oidcSignInStore(sql: Sql) {
  return {
    enabledOf: (accountName: string) => sql<{ oidcProviderId: string; name: string }>`
      select p.oidc_provider_id, p.name from oidc_provider p join account a using (account_id)
      where a.name = ${accountName} and p.enabled order by p.name`,

    async enabled(oidcProviderId: string): Promise<ProviderRow | undefined> {
      const rows = await sql<ProviderRow>`
        select account_id, oidc_provider_id, name, issuer, client_id, sealed_client_secret,
          trust_pem, rules, enabled, create_time
        from oidc_provider where oidc_provider_id = ${oidcProviderId} and enabled`;
      return rows.map(complete)[0];
    },

    async userBySubject(accountId: string, by: { oidcProviderId: string; subject: string }) {
      const [row] = await sql<{ userId: string }>`
        select user_id from iam_user where account_id = ${accountId}
          and oidc_provider_id = ${by.oidcProviderId} and oidc_subject = ${by.subject}`;
      return row?.userId;
    },

    /** Ties a user that was made for this provider, and is nobody's yet, to a subject. */
    async claimInvited(
      accountId: string,
      by: { oidcProviderId: string; subject: string; name: string },
    ) {
      const [row] = await sql<{ userId: string }>`
        update iam_user set oidc_subject = ${by.subject}
        where account_id = ${accountId} and oidc_provider_id = ${by.oidcProviderId}
          and oidc_subject is null and lower(name) = lower(${by.name}) and kind = 'person'
        returning user_id`;
      return row?.userId;
    },

    async tieUser(
      accountId: string,
      userId: string,
      by: { oidcProviderId: string; subject: string },
    ) {
      await sql`update iam_user set oidc_provider_id = ${by.oidcProviderId},
          oidc_subject = ${by.subject}
        where account_id = ${accountId} and user_id = ${userId}`;
    },
  };
}
