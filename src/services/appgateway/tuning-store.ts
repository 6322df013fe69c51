/** Tables of learning and of what was decided about proposals. */
import type { Sql } from "../../kernel/store/database.ts";
import type { TuningDecision } from "./tuning-operations.ts";

type LearningRow = {
  readonly settings: Readonly<Record<string, unknown>>;
  readonly updateTime: string;
};

type DecisionRow = Omit<TuningDecision, "ruleId" | "variable" | "pathPrefix"> & {
  readonly proposal: Pick<TuningDecision, "ruleId" | "variable" | "pathPrefix">;
};

/** Queries of one account; `sql` is bound to the transaction of the call. */
export function tuningStore(sql: Sql) {
  return {
    async learning(accountId: string, siteId: string): Promise<LearningRow | undefined> {
      const [row] = await sql<LearningRow>`
        select settings, update_time from appgateway_learning
        where account_id = ${accountId} and site_id = ${siteId}`;
      return row;
    },

    async putLearning(accountId: string, siteId: string, row: LearningRow) {
      await sql`
        insert into appgateway_learning (account_id, site_id, settings, update_time)
        values (${accountId}, ${siteId}, ${row.settings}, ${row.updateTime})
        on conflict (site_id) do update set settings = excluded.settings,
          update_time = excluded.update_time`;
    },

    async decisions(accountId: string, siteId: string): Promise<TuningDecision[]> {
      const rows = await sql<DecisionRow>`
        select proposal_id, site_id, decision, proposal, note, decided_by, decide_time
        from appgateway_decision where account_id = ${accountId} and site_id = ${siteId}
        order by decide_time desc limit 5000`;
      return rows.map(({ proposal, ...row }) => ({
        ...row,
        ruleId: proposal.ruleId,
        variable: proposal.variable,
        pathPrefix: proposal.pathPrefix,
      }));
    },

    async putDecision(accountId: string, row: DecisionRow) {
      await sql`
        insert into appgateway_decision
          (account_id, proposal_id, site_id, decision, proposal, note, decided_by, decide_time)
        values (${accountId}, ${row.proposalId}, ${row.siteId}, ${row.decision}, ${row.proposal},
          ${row.note}, ${row.decidedBy}, ${row.decideTime})
        on conflict (account_id, proposal_id) do update set decision = excluded.decision,
          note = excluded.note, decided_by = excluded.decided_by,
          decide_time = excluded.decide_time`;
    },
  };
}
