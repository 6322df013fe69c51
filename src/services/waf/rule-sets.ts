/** Handlers of rule sets, and the compiled set of a site. */
import type { Ruleset } from "../../engines/seclang/compiled.ts";
import { type Context, timeText } from "../../kernel/context.ts";
import type { InputOf } from "../../kernel/operation.ts";
import { Problem } from "../../kernel/problem.ts";
import { compileRuleFiles } from "../../kernel/rules/load.ts";
import { unpackRuleFiles } from "../../kernel/rules/packed.ts";
import type { Handlers } from "../../kernel/service.ts";
import { violates } from "../../kernel/store/database.ts";
import { pageInMemory } from "../../kernel/store/page.ts";
import { INSTALLED_RULE_SET, type wafContract } from "./contract.ts";
import { loadSite, requireOperator } from "./load.ts";
import type { RuleLibrary } from "./parts.ts";
import type { RuleSet, ruleSetOperations } from "./rule-set-operations.ts";
import { type RuleSetRow, ruleSetStore } from "./rule-set-store.ts";
import { readRuleSetApart } from "./rule-set-thread.ts";
import { wafStore } from "./store.ts";

type RuleSetHandlers = Pick<
  Handlers<typeof wafContract>,
  Exclude<keyof typeof ruleSetOperations, "rollBackRuleSet">
>;

const fields = ["ruleSetId", "name", "version", "sha256", "rules", "origin", "createdBy"];
const RULE_SETS_MAX = 32;
const COMPILED_KEPT = 4;

/** The handlers of the operations in `rule-set-operations.ts`, but for the one of a site. */
export function ruleSetHandlers(library: RuleLibrary): RuleSetHandlers {
  return {
    async listRuleSets(context, input) {
      const installed = library.installed();
      const stored = await ruleSetStore(context.sql).list();
      // Who imported a set is the operator's own matter.
      const rows = context.caller.operator
        ? stored
        : stored.map((set) => ({ ...set, createdBy: "" }));
      const all = [...(installed === undefined ? [] : [installed]), ...rows];
      const page = pageInMemory(await withSites(context, all), input, fields);
      return { ruleSets: page.items, totalCount: page.totalCount };
    },
    importRuleSet: (context, input) => importRuleSet(context, input),
    async deleteRuleSet(context, { ruleSetId }) {
      requireOperator(context);
      const deleted = await ruleSetStore(context.sql)
        .delete(context.accountId, ruleSetId)
        .catch((error) => {
          throw violates(error, "site_rule_set_in_use") ? new Problem("waf.ruleSetInUse") : error;
        });
      const [set] = deleted;
      if (set === undefined) throw new Problem("waf.ruleSetNotFound");
      await context.emit({
        type: "waf.ruleSetDeleted",
        message: `Rule set ${set.name} was deleted`,
      });
      return {};
    },
  };
}

async function withSites(
  { sql, accountId }: Context,
  sets: readonly Omit<RuleSet, "siteIds">[],
): Promise<RuleSet[]> {
  const sites = await wafStore(sql).listSites(accountId);
  const bySet = Map.groupBy(sites, ({ ruleSetId }) => ruleSetId);
  return sets.map((set) => ({
    ...set,
    siteIds: (bySet.get(set.ruleSetId) ?? []).map(({ siteId }) => siteId),
  }));
}

async function importRuleSet(
  context: Context,
  input: InputOf<typeof ruleSetOperations.importRuleSet>,
): Promise<RuleSet> {
  requireOperator(context);
  const store = ruleSetStore(context.sql);
  if ((await store.list()).length >= RULE_SETS_MAX) throw new Problem("waf.ruleSetLimit");
  const read = await readRuleSetApart(Buffer.from(input.archive, "base64"));
  if ("faults" in read) {
    const details = read.faults.map(({ path, message }) => ({
      path: path === "" ? "/archive" : `/archive/${path}`,
      message,
    }));
    throw new Problem("waf.ruleSetInvalid", { details });
  }
  const origin = input.origin ?? "archive";
  const set: RuleSetRow = {
    ruleSetId: context.newId("rset"),
    name: input.name ?? (read.name || origin),
    version: read.version,
    sha256: read.sha256,
    rules: read.rules,
    files: read.files,
    origin,
    createdBy: context.caller.principalName,
    createTime: timeText(context.nowMs),
  };
  const { content, contentSha256 } = read;
  await store.insert(context.accountId, { ...set, content, contentSha256 }).catch((error) => {
    throw violates(error, "rule_set_content_unique") ? new Problem("waf.ruleSetExists") : error;
  });
  const message = `Rule set ${set.name} ${set.version} was imported, SHA-256 ${set.sha256}`;
  await context.emit({ type: "waf.ruleSetImported", message });
  return { ...set, siteIds: [] };
}

/** Refuses a set that is not there. @throws Problem waf.ruleSetNotFound. */
export async function requireRuleSet({ sql }: Context, ruleSetId: string): Promise<void> {
  if (ruleSetId === INSTALLED_RULE_SET) return;
  const known = await ruleSetStore(sql).list();
  if (!known.some((set) => set.ruleSetId === ruleSetId)) throw new Problem("waf.ruleSetNotFound");
}

/** The set that a site goes back to. @throws Problem when it had none, or it is gone. */
export async function previousRuleSet(context: Context, siteId: string): Promise<string> {
  const { previousRuleSetId } = await loadSite(context, siteId);
  if (previousRuleSetId === null) throw new Problem("waf.noPreviousRuleSet");
  await requireRuleSet(context, previousRuleSetId);
  return previousRuleSetId;
}

const compiled = new Map<string, Ruleset>();

/** An imported set, compiled; undefined for the installed one. The last few are kept. */
export async function compiledRuleSet(
  { sql }: Context,
  ruleSetId: string,
): Promise<Ruleset | undefined> {
  if (ruleSetId === INSTALLED_RULE_SET) return undefined;
  const known = compiled.get(ruleSetId);
  if (known !== undefined) return known;
  const row = await ruleSetStore(sql).content(ruleSetId);
  if (row === undefined) throw new Problem("waf.ruleSetNotFound");
  const ruleset = compileRuleFiles(unpackRuleFiles(row.content));
  const [oldest] = compiled.keys();
  if (compiled.size >= COMPILED_KEPT && oldest !== undefined) compiled.delete(oldest);
  compiled.set(ruleSetId, ruleset);
  return ruleset;
}
