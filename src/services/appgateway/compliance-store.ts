/** The table of compliance checks. */
import type { Sql } from "../../kernel/store/database.ts";
import type { ComplianceCheck, ComplianceResult } from "./compliance-operations.ts";

const KEPT_MAX = 100;

type Row = Omit<ComplianceCheck, "failCount">;

const isFailed = ({ outcome }: ComplianceResult): boolean => outcome === "fail";
const shown = (row: Row): ComplianceCheck => ({
  ...row,
  failCount: row.results.filter(isFailed).length,
});

/** Queries of one account; `sql` is bound to a transaction in it. */
export function complianceStore(sql: Sql) {
  return {
    async list(accountId: string, siteId: string): Promise<ComplianceCheck[]> {
      const rows = await sql<Row>`
        select check_id, site_id, state, failure, score, results, created_by, create_time
        from appgateway_compliance_check
        where account_id = ${accountId} and site_id = ${siteId} order by create_time desc`;
      return rows.map(shown);
    },

    /** Adds a check that begins, and forgets those older than the newest hundred of the site. */
    async begin(accountId: string, check: ComplianceCheck) {
      await sql`
        insert into appgateway_compliance_check
          (account_id, check_id, site_id, state, failure, score, results, created_by, create_time)
        values (${accountId}, ${check.checkId}, ${check.siteId}, ${check.state}, '', null,
          '[]'::jsonb, ${check.createdBy}, ${check.createTime})`;
      await sql`
        delete from appgateway_compliance_check where account_id = ${accountId}
          and site_id = ${check.siteId} and check_id not in (
            select check_id from appgateway_compliance_check where account_id = ${accountId}
              and site_id = ${check.siteId} order by create_time desc limit ${KEPT_MAX})`;
    },

    /** @returns whether it was there still: the site may have gone meanwhile. */
    async end(
      accountId: string,
      checkId: string,
      { state, failure, score, results }: Pick<Row, "state" | "failure" | "score" | "results">,
    ): Promise<boolean> {
      const rows = await sql<object>`
        update appgateway_compliance_check set state = ${state}, failure = ${failure},
          score = ${score}, results = ${JSON.stringify(results)}::jsonb
        where account_id = ${accountId} and check_id = ${checkId} returning check_id`;
      return rows.length > 0;
    },
  };
}
