/** Tables of grants, and the principals they may name. */
import type { Sql } from "../../kernel/store/database.ts";
import type { GrantRow } from "./domain.ts";

export function grantStore(sql: Sql) {
  return {
    list: (accountId: string) => sql<GrantRow>`
      select * from kms_grant where account_id = ${accountId} order by create_time, grant_id`,
    ofKey: (accountId: string, keyId: string) => sql<GrantRow>`
      select * from kms_grant where account_id = ${accountId} and key_id = ${keyId}
      order by create_time, grant_id`,
    async find(accountId: string, grantId: string): Promise<GrantRow | undefined> {
      const [row] = await sql<GrantRow>`
        select * from kms_grant where account_id = ${accountId} and grant_id = ${grantId}`;
      return row;
    },
    async byToken(accountId: string, tokenHash: Buffer): Promise<GrantRow | undefined> {
      const [row] = await sql<GrantRow>`
        select * from kms_grant where account_id = ${accountId} and token_hash = ${tokenHash}`;
      return row;
    },
    async insert(accountId: string, grant: GrantRow): Promise<void> {
      await sql`
        insert into kms_grant (account_id, grant_id, key_id, name, grantee, retiring, operations,
          constraints, token_hash, issuer, create_time)
        values (${accountId}, ${grant.grantId}, ${grant.keyId}, ${grant.name}, ${grant.grantee},
          ${grant.retiring}, ${grant.operations}, ${JSON.stringify(grant.constraints)},
          ${grant.tokenHash}, ${grant.issuer}, ${grant.createTime})`;
    },
    async delete(accountId: string, grantId: string): Promise<void> {
      await sql`delete from kms_grant
        where account_id = ${accountId} and grant_id = ${grantId}`;
    },
  };
}
