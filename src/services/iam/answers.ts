/** Answers about rights: what may somebody do, and why. */

import type { Context } from "../../kernel/context.ts";
import type { Authorizer } from "../../kernel/identity/authorize.ts";
import type { Contract } from "../../kernel/operation.ts";
import type { Handlers } from "../../kernel/service.ts";
import { pageInMemory } from "../../kernel/store/page.ts";
import type { iamContract } from "./contract.ts";
import { selfServicePolicy } from "./domain.ts";
import { loadUser } from "./load.ts";
import { userRights } from "./principals.ts";

type All = Handlers<typeof iamContract>;
type Parts = { readonly authorizer: Authorizer; readonly contracts: readonly Contract[] };

export function answerHandlers(parts: Parts): Pick<All, "listActions" | "simulatePolicy"> {
  return {
    async listActions(_context, input) {
      const page = pageInMemory(actionsOf(parts.contracts), input, ["action", "operation"]);
      return { actions: page.items, totalCount: page.totalCount };
    },
    simulatePolicy: (context, input) => simulate(parts, context, input),
  };
}

function actionsOf(contracts: readonly Contract[]) {
  return contracts.flatMap((contract) =>
    Object.values(contract.operations).map((operation) => ({
      action: operation.action,
      operation: operation.name,
      resource: `crn:${contract.service}::<account>:${operation.resource}`,
      summary: operation.summary,
    })),
  );
}

async function simulate(
  { authorizer }: Parts,
  context: Context,
  input: { userId: string; action: string; resource: string; sourceIp?: string },
) {
  const user = await loadUser(context, input.userId);
  const rights = await userRights(context.sql, input.userId);
  const answer = authorizer.decide({
    identity: {
      policies: [],
      ...rights,
      basics: selfServicePolicy,
      guardrails: context.identity?.guardrails ?? [],
      caller: {
        accountId: context.accountId,
        accountName: context.caller.accountName,
        operator: context.caller.operator,
        principalType: "user",
        principalId: user.userId,
        principalName: user.name,
      },
    },
    action: input.action,
    resource: input.resource,
    sourceIp: input.sourceIp ?? context.sourceIp,
    nowMs: context.nowMs,
  });
  return {
    decision: answer.decision,
    decidedBy: answer.decidedBy,
    determiningPolicyIds: [...answer.determiningPolicyIds],
    explanation: EXPLANATIONS[answer.decidedBy],
  };
}

const EXPLANATIONS = {
  permit: "A statement allows it and nothing stands against it",
  forbid: "A statement denies it, and a deny wins over every allow",
  guardrail: "A guardrail above the account does not allow it",
  boundary: "The boundary does not allow it",
  session: "The policy given when the role was assumed does not allow it",
  noPermit: "No statement says anything about it, so it is denied",
} as const;
