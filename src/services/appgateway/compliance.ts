/**
 * Handlers of compliance checks. A check is written as running, looks at the site after that
 * transaction is committed, and is written again with what it saw: none is open meanwhile.
 */
import { type Context, timeText } from "../../kernel/context.ts";
import { writeSystemEvent } from "../../kernel/events/system-event.ts";
import type { InputOf } from "../../kernel/operation.ts";
import { Problem } from "../../kernel/problem.ts";
import { pageInMemory } from "../../kernel/store/page.ts";
import type { ComplianceCheck, complianceOperations } from "./compliance-operations.ts";
import { ProbeError, probeSite } from "./compliance-probe.ts";
import { complianceResults, complianceScore } from "./compliance-rules.ts";
import { complianceStore } from "./compliance-store.ts";
import { type AppgatewayParts, requireSite } from "./parts.ts";
import { tell } from "./texts.ts";
import { CHECKED_EVENT, COMPLIANCE_FINDING, foldersOf } from "./user-lake.ts";

type Operations = typeof complianceOperations;

const limits = {
  /** A check that is older and still runs was left by a control plane that ended. */
  runMs: 120_000,
  runningMax: 8,
  folderDays: 7,
} as const;

const DAY_MS = 86_400_000;
const fields = ["checkId", "state", "score", "failCount", "createdBy"];

export function complianceHandlers(parts: AppgatewayParts) {
  const running = new Set<string>();
  const checks = async (context: Context, siteId: string): Promise<ComplianceCheck[]> => {
    await requireSite(parts, context, siteId);
    const all = await complianceStore(context.sql).list(context.accountId, siteId);
    return all.map((check) => withoutAbandoned(check, context.nowMs));
  };
  return {
    async runComplianceCheck(
      context: Context,
      { siteId }: InputOf<Operations["runComplianceCheck"]>,
    ) {
      const { domains } = await requireSite(parts, context, siteId);
      const before = await checks(context, siteId);
      const isBusy = before.some(({ state }) => state === "running");
      if (isBusy || running.size >= limits.runningMax) throw new Problem("appgateway.checkRunning");
      const reason = await parts.unservedReason(siteId);
      if (reason !== "") {
        const details = [{ path: "/siteId", message: reason }];
        throw new Problem("appgateway.siteNotServed", { details });
      }
      const check = newCheck(context, siteId);
      await complianceStore(context.sql).begin(context.accountId, check);
      const asked = { accountId: context.accountId, check, domain: domains[0] ?? "" };
      context.afterCommit(() => {
        running.add(check.checkId);
        void run(parts, asked).finally(() => running.delete(check.checkId));
      });
      return check;
    },
    async getComplianceCheck(
      context: Context,
      { siteId, checkId }: InputOf<Operations["getComplianceCheck"]>,
    ) {
      const found = (await checks(context, siteId)).find((one) => one.checkId === checkId);
      if (found === undefined) throw new Problem("appgateway.checkNotFound");
      return found;
    },
    async listComplianceChecks(
      context: Context,
      input: InputOf<Operations["listComplianceChecks"]>,
    ) {
      const page = pageInMemory(await checks(context, input.siteId), input, fields);
      return { complianceChecks: page.items, totalCount: page.totalCount };
    },
  };
}

function newCheck(context: Context, siteId: string): ComplianceCheck {
  return {
    ...{ checkId: context.newId("check"), siteId, state: "running", failure: "" },
    ...{ score: null, failCount: 0, results: [] },
    createdBy: context.caller.principalName,
    createTime: timeText(context.nowMs),
  };
}

function withoutAbandoned(check: ComplianceCheck, nowMs: number): ComplianceCheck {
  const isOld = nowMs - Date.parse(check.createTime) > limits.runMs;
  if (check.state !== "running" || !isOld) return check;
  return { ...check, state: "failed", failure: "The control plane ended before the check did" };
}

type Started = {
  readonly accountId: string;
  readonly check: ComplianceCheck;
  readonly domain: string;
};

/** Looks and writes down; never rejects. */
async function run(parts: AppgatewayParts, { accountId, check, domain }: Started): Promise<void> {
  const { siteId, checkId } = check;
  try {
    const nowMs = parts.clock();
    const period = { startMs: nowMs - limits.folderDays * DAY_MS, endMs: nowMs };
    // Only where to look for listings; a lake that is away must not hold up the rest.
    const folders = await foldersOf(parts.lake, { accountId, siteId, ...period }).catch(() => []);
    const requestIds: string[] = [];
    const noteRequest = (requestId: string) => void requestIds.push(requestId);
    const target = { siteId, folders, gateway: parts.gateway, noteRequest };
    const name = domain.replace(/^\*\./, "www.");
    const results = complianceResults(await probeSite({ ...target, domain: name }));
    const score = complianceScore(results);
    const ended = { state: "done" as const, failure: "", score, results };
    await end(parts, { accountId, check, ended, requestIds });
  } catch (error) {
    // What else went wrong is ours, and nothing of it is for the account to read.
    if (!(error instanceof ProbeError))
      parts.report({ level: "error", checkId, error: String(error) });
    const failure = error instanceof ProbeError ? error.message : "The check could not be ended";
    const ended = { state: "failed" as const, failure, score: null, results: [] };
    await end(parts, { accountId, check, ended, requestIds: [] }).catch((cause: unknown) =>
      parts.report({ level: "error", checkId, error: String(cause) }),
    );
  }
}

function end(
  { database, clock }: AppgatewayParts,
  given: {
    readonly accountId: string;
    readonly check: ComplianceCheck;
    readonly ended: Pick<ComplianceCheck, "state" | "failure" | "score" | "results">;
    /** Of the check's own requests: reports leave these out, and no others that look alike. */
    readonly requestIds: readonly string[];
  },
): Promise<void> {
  const { accountId, check, ended, requestIds } = given;
  const { siteId, checkId } = check;
  const failed = ended.results.filter(({ outcome }) => outcome === "fail");
  return database.transaction({ accountId }, async (sql) => {
    if (!(await complianceStore(sql).end(accountId, checkId, ended))) return;
    if (ended.state !== "done") return;
    await writeSystemEvent(sql, {
      ...{ accountId, nowMs: clock() },
      type: CHECKED_EVENT,
      message: tell("appgateway.complianceChecked", {
        ...{ siteId, score: ended.score ?? 0, failCount: failed.length },
      }),
      resource: siteId,
      classUid: COMPLIANCE_FINDING,
      severityId: failed.length === 0 ? 1 : 2,
      data: { checkId, score: ended.score, failed: failed.map(({ rule }) => rule), requestIds },
    });
  });
}
