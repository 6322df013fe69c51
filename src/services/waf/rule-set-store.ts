/** Table of imported rule sets. */
import type { Sql } from "../../kernel/store/database.ts";
import type { RuleSet } from "./rule-set-operations.ts";

export type RuleSetRow = Omit<RuleSet, "siteIds" | "createTime"> & { readonly createTime: string };
export type RuleSetContent = { readonly content: Uint8Array; readonly contentSha256: string };

/** Queries of a call. Rule sets are shared, so reading them takes no account. */
export function ruleSetStore(sql: Sql) {
  return {
    list: () => sql<RuleSetRow>`
      select rule_set_id, name, version, sha256, rules, files, origin, created_by, create_time
      from rule_set order by create_time desc`,

    async content(ruleSetId: string): Promise<RuleSetContent | undefined> {
      const [row] = await sql<RuleSetContent>`
        select content, content_sha256 from rule_set where rule_set_id = ${ruleSetId}`;
      return row;
    },

    async insert(accountId: string, set: RuleSetRow & RuleSetContent) {
      await sql`
        insert into rule_set (account_id, rule_set_id, name, version, origin, sha256,
          content_sha256, files, rules, content, created_by, create_time)
        values (${accountId}, ${set.ruleSetId}, ${set.name}, ${set.version}, ${set.origin},
          ${set.sha256}, ${set.contentSha256}, ${set.files}, ${set.rules},
          ${Buffer.from(set.content)}, ${set.createdBy}, ${set.createTime})`;
    },

    delete: (accountId: string, ruleSetId: string) => sql<{ name: string }>`
      delete from rule_set where account_id = ${accountId} and rule_set_id = ${ruleSetId}
      returning name`,
  };
}

/** Queries over all accounts, for the gateways; `sql` runs in the system's scope. */
export function ruleSetIntentStore(sql: Sql) {
  return {
    /** Those that some site follows: gateways fetch and compile no others. */
    async used(): Promise<{ name: string; folder: string; sha256: string }[]> {
      const rows = await sql<{ ruleSetId: string; contentSha256: string }>`
        select rule_set_id, content_sha256 from rule_set
        where rule_set_id in (select rule_set_id from site) order by rule_set_id`;
      return rows.map(({ ruleSetId, contentSha256 }) => ({
        name: ruleSetId,
        folder: "",
        sha256: contentSha256,
      }));
    },

    async packed(sha256: string): Promise<Buffer | undefined> {
      const [row] = await sql<{ content: Buffer }>`
        select content from rule_set where content_sha256 = ${sha256}`;
      return row?.content;
    },
  };
}
