/** Handlers of tuning. */
import { isBelow } from "../../engines/sitepolicy/path.ts";
import { type Context, timeText } from "../../kernel/context.ts";
import type { InputOf } from "../../kernel/operation.ts";
import { Problem } from "../../kernel/problem.ts";
import { pageInMemory } from "../../kernel/store/page.ts";
import { type AppgatewayParts, fromLake, requireSite } from "./parts.ts";
import { tell } from "./texts.ts";
import { learningDefaults, proposalsOf, tuningLimits } from "./tuning-domain.ts";
import { cleanSourcesOf, evidenceOf } from "./tuning-lake.ts";
import type { Learning, Proposal, tuningOperations } from "./tuning-operations.ts";
import { tuningStore } from "./tuning-store.ts";

type Operations = typeof tuningOperations;
type Decided = InputOf<Operations["acceptProposal"]>;

const DAY_MS = 86_400_000;
const proposalFields = ["proposalId", "ruleId", "variable", "pathPrefix", "networkCount"];
const decisionFields = ["proposalId", "decision", "ruleId", "variable", "pathPrefix", "decidedBy"];

export function tuningHandlers(parts: AppgatewayParts) {
  return {
    async getLearning(context: Context, { siteId }: InputOf<Operations["getLearning"]>) {
      await requireSite(parts, context, siteId);
      return learningOf(context, siteId);
    },
    setLearning: (context: Context, input: InputOf<Operations["setLearning"]>) =>
      setLearning(parts, context, input),
    async listProposals(context: Context, input: InputOf<Operations["listProposals"]>) {
      const found = await proposals(parts, context, input.siteId);
      const page = pageInMemory(found, input, proposalFields);
      return { proposals: page.items, totalCount: page.totalCount };
    },
    async acceptProposal(context: Context, input: Decided) {
      const proposal = await find(parts, context, input);
      const { siteId, ruleId, variable, pathPrefix, requestCount, networkCount } = proposal;
      const note =
        input.note ??
        `Learned from ${requestCount} requests of ${networkCount} networks (${proposal.proposalId})`;
      const exclusion = { siteId, ruleId, variable, pathPrefix, note };
      const exclusionId = await parts.createExclusion(context, exclusion);
      await record(context, { proposal, decision: "accepted", note });
      return { exclusionId };
    },
    async rejectProposal(context: Context, input: Decided) {
      const proposal = await find(parts, context, input);
      await record(context, { proposal, decision: "rejected", note: input.note ?? "" });
      return {};
    },
    async listTuningDecisions(context: Context, input: InputOf<Operations["listTuningDecisions"]>) {
      await requireSite(parts, context, input.siteId);
      const all = await tuningStore(context.sql).decisions(context.accountId, input.siteId);
      const page = pageInMemory(all, input, decisionFields);
      return { tuningDecisions: page.items, totalCount: page.totalCount };
    },
  };
}

async function learningOf({ sql, accountId }: Context, siteId: string): Promise<Learning> {
  const row = await tuningStore(sql).learning(accountId, siteId);
  return {
    ...learningDefaults,
    ...row?.settings,
    siteId,
    sinceTime: row?.updateTime ?? null,
  };
}

async function setLearning(
  parts: AppgatewayParts,
  context: Context,
  { siteId, ...given }: InputOf<Operations["setLearning"]>,
): Promise<Learning> {
  await requireSite(parts, context, siteId);
  const before = await learningOf(context, siteId);
  const entries = Object.entries(given).filter(([, value]) => value !== undefined);
  const settings = { ...learningDefaults, ...Object.fromEntries(entries) };
  // Other terms do not throw away what was seen; only being switched on begins anew.
  const continues = before.learning && before.sinceTime !== null;
  const updateTime = continues ? (before.sinceTime ?? "") : timeText(context.nowMs);
  await tuningStore(context.sql).putLearning(context.accountId, siteId, { settings, updateTime });
  await context.emit({
    type: "appgateway.learningSet",
    message: tell(settings.learning ? "appgateway.learningOn" : "appgateway.learningOff", {
      siteId,
    }),
    resource: siteId,
  });
  return learningOf(context, siteId);
}

async function proposals(
  parts: AppgatewayParts,
  context: Context,
  siteId: string,
): Promise<Proposal[]> {
  await requireSite(parts, context, siteId);
  const { accountId, nowMs, sql } = context;
  const learning = await learningOf(context, siteId);
  if (!learning.learning || learning.sinceTime === null) return [];
  const startMs = Math.max(Date.parse(learning.sinceTime), nowMs - tuningLimits.daysMax * DAY_MS);
  const scope = { accountId, siteId, startMs, endMs: nowMs + 1_000 };
  const evidence = await fromLake(() => evidenceOf(parts.lake, scope));
  const cleanSources = await fromLake(() => cleanSourcesOf(parts.lake, scope));
  const decided = new Set(
    (await tuningStore(sql).decisions(accountId, siteId)).map(({ proposalId }) => proposalId),
  );
  const exclusions = await parts.exclusions(sql, accountId, siteId);
  return proposalsOf(evidence, {
    ...{ siteId, learning, cleanSources },
    isSettled: ({ proposalId, ruleId, variable, pathPrefix }) =>
      decided.has(proposalId) ||
      exclusions.some(
        (one) =>
          one.ruleId === ruleId &&
          (one.variable === null || one.variable === variable) &&
          isBelow(pathPrefix, one.pathPrefix),
      ),
  });
}

async function find(
  parts: AppgatewayParts,
  context: Context,
  { siteId, proposalId }: Decided,
): Promise<Proposal> {
  const all = await proposals(parts, context, siteId);
  const found = all.find((one) => one.proposalId === proposalId);
  if (found === undefined) throw new Problem("appgateway.proposalNotFound");
  return found;
}

async function record(
  context: Context,
  given: { proposal: Proposal; decision: "accepted" | "rejected"; note: string },
): Promise<void> {
  const { proposal, decision, note } = given;
  const { proposalId, siteId, ruleId, variable, pathPrefix } = proposal;
  await tuningStore(context.sql).putDecision(context.accountId, {
    ...{ proposalId, siteId, decision, note },
    proposal: { ruleId, variable, pathPrefix },
    decidedBy: context.caller.principalName,
    decideTime: timeText(context.nowMs),
  });
  const past =
    decision === "accepted" ? "appgateway.proposalAccepted" : "appgateway.proposalRejected";
  await context.emit({
    type: past,
    message: tell(past, { ruleId, variable, pathPrefix }),
    resource: siteId,
  });
}
