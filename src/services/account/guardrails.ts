/** Handlers of guardrails. */
import { compileJsonPolicy } from "../../engines/policy/index.ts";
import { timeText } from "../../kernel/context.ts";
import { Problem } from "../../kernel/problem.ts";
import type { Handlers } from "../../kernel/service.ts";
import { violates } from "../../kernel/store/database.ts";
import { pageInMemory } from "../../kernel/store/page.ts";
import type { accountContract } from "./contract.ts";
import { limits, requireOperator, wouldRefuse } from "./domain.ts";
import { accountStore, guardrailStore } from "./store.ts";

type GuardrailHandlers = Pick<
  Handlers<typeof accountContract>,
  "listGuardrails" | "createGuardrail" | "deleteGuardrail"
>;

export function guardrailHandlers(): GuardrailHandlers {
  return {
    async listGuardrails(context, input) {
      requireOperator(context);
      const all = await context.asSystem((sql) => guardrailStore(sql).list());
      const page = pageInMemory(all, input, ["guardrailId", "name", "accounts"]);
      return { guardrails: page.items, totalCount: page.totalCount };
    },
    async createGuardrail(context, input) {
      requireOperator(context);
      const { nowMs, newId } = context;
      const compiled = compileJsonPolicy(input.document);
      if ("faults" in compiled) {
        throw new Problem("account.guardrailInvalid", { details: compiled.faults });
      }
      const time = timeText(nowMs);
      const guardrail = {
        guardrailId: newId("gr"),
        name: input.name,
        description: input.description ?? "",
        document: input.document,
        accounts: input.accounts ?? [],
        createTime: time,
        updateTime: time,
      };
      return context.asSystem(async (sql) => {
        const accounts = await accountStore(sql).list();
        const known = new Set(accounts.map(({ accountId }) => accountId));
        if (!guardrail.accounts.every((id) => known.has(id))) {
          throw new Problem("account.accountNotFound");
        }
        const over =
          guardrail.accounts.length > 0
            ? guardrail.accounts
            : accounts.filter((one) => !one.operator).map((one) => one.accountId);
        const since = timeText(nowMs - limits.dryRunWindowMs);
        const seen = await guardrailStore(sql).allowedRequests(over, since, limits.dryRunMax);
        const effect = { requestsSeen: seen.length, wouldRefuse: wouldRefuse(guardrail, seen) };
        if (input.dryRun === true) return { guardrail: null, ...effect };
        if ((await guardrailStore(sql).list()).length >= limits.guardrailsMax) {
          throw new Problem("account.guardrailLimit");
        }
        await guardrailStore(sql)
          .insert(guardrail)
          .catch((error) => {
            throw violates(error, "guardrail_name_unique")
              ? new Problem("account.guardrailNameTaken")
              : error;
          });
        return { guardrail, ...effect };
      });
    },
    async deleteGuardrail(context, { guardrailId }) {
      requireOperator(context);
      const deleted = await context.asSystem((sql) => guardrailStore(sql).delete(guardrailId));
      if (deleted.length === 0) throw new Problem("account.guardrailNotFound");
      return {};
    },
  };
}
