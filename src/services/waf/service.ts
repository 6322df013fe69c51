/** Handlers of the web application firewall. */
import { isVariable } from "../../engines/seclang/variables.ts";
import { type Context, timeText } from "../../kernel/context.ts";
import type { InputOf } from "../../kernel/operation.ts";
import { Problem } from "../../kernel/problem.ts";
import { type Service, service } from "../../kernel/service.ts";
import { violates } from "../../kernel/store/database.ts";
import { pageInMemory } from "../../kernel/store/page.ts";
import { type Exclusion, INSTALLED_RULE_SET, type Site, wafContract } from "./contract.ts";
import {
  canonicalCidr,
  changedSite,
  limits,
  newSite,
  type SiteSettings,
  siteState,
} from "./domain.ts";
import { explainHandler } from "./explain.ts";
import { geoDatabaseHandlers } from "./geo-databases.ts";
import { listHandlers } from "./lists.ts";
import { changed, loadSite, ofSite } from "./load.ts";
import type { GatewayReport, WafParts } from "./parts.ts";
import { dryRunRule, policyHandlers } from "./policies.ts";
import { readRequestRecord } from "./records.ts";
import { compiledRuleSet, previousRuleSet, requireRuleSet, ruleSetHandlers } from "./rule-sets.ts";
import { type SiteRow, wafStore } from "./store.ts";

const siteFields = ["siteId", "domains", "upstreams", "mode", "paranoiaLevel", "state"];
const exclusionFields = ["exclusionId", "siteId", "pathPrefix", "ruleId", "variable", "createdBy"];
const listFields = ["listEntryId", "siteId", "cidr", "action", "note"];
const ruleFields = ["ruleId", "message", "severity", "paranoiaLevel", "phase", "file", "tags"];

/** The waf service. */
export function wafService(parts: WafParts): Service {
  const view = async (row: SiteRow): Promise<Site> => siteView(row, await parts.gateways());
  return service(wafContract, {
    ...policyHandlers,
    ...listHandlers,
    dryRunRule: (context, input) => dryRunRule(parts.lake, context, input),
    async listSites({ sql, accountId }, input) {
      const gateways = await parts.gateways();
      const sites = await wafStore(sql).listSites(accountId);
      const page = pageInMemory(
        sites.map((row) => siteView(row, gateways)),
        input,
        siteFields,
      );
      return { sites: page.items, totalCount: page.totalCount };
    },
    getSite: async (context, { siteId }) => view(await loadSite(context, siteId)),
    createSite: async (context, input) => pendingView(await createSite(context, input)),
    updateSite: async (context, input) => pendingView(await updateSite(context, input)),
    async deleteSite(context, { siteId }) {
      const site = await loadSite(context, siteId);
      await wafStore(context.sql).deleteSite(context.accountId, siteId);
      await changed(context, "waf.siteDeleted", `Site ${site.domains[0]} was deleted`);
      return {};
    },
    async listExclusions({ sql, accountId }, input) {
      const all = await wafStore(sql).listExclusions(accountId);
      const page = pageInMemory(ofSite(all, input.siteId), input, exclusionFields);
      return { exclusions: page.items, totalCount: page.totalCount };
    },
    createExclusion: (context, input) => createExclusion(context, input),
    async deleteExclusion(context, { exclusionId }) {
      const deleted = await wafStore(context.sql).deleteExclusion(context.accountId, exclusionId);
      if (deleted.length === 0) throw new Problem("waf.exclusionNotFound");
      await changed(context, "waf.exclusionDeleted", `Exclusion ${exclusionId} was deleted`);
      return {};
    },
    async listListEntries({ sql, accountId }, input) {
      const all = await wafStore(sql).listListEntries(accountId);
      const page = pageInMemory(ofSite(all, input.siteId), input, listFields);
      return { listEntries: page.items, totalCount: page.totalCount };
    },
    createListEntry: (context, input) => createListEntry(context, input),
    async deleteListEntry(context, { listEntryId }) {
      const deleted = await wafStore(context.sql).deleteListEntry(context.accountId, listEntryId);
      if (deleted.length === 0) throw new Problem("waf.listEntryNotFound");
      await changed(context, "waf.listEntryDeleted", `List entry ${listEntryId} was deleted`);
      return {};
    },
    ...geoDatabaseHandlers(parts),
    ...ruleSetHandlers(parts.library),
    async rollBackRuleSet(context, { siteId }) {
      const ruleSetId = await previousRuleSet(context, siteId);
      return pendingView(await updateSite(context, { siteId, ruleSetId }));
    },
    async listRules(context, { ruleSetId = INSTALLED_RULE_SET, ...input }) {
      const imported = await compiledRuleSet(context, ruleSetId);
      const page = pageInMemory(parts.library.rules(imported), input, ruleFields);
      return { rules: page.items, totalCount: page.totalCount };
    },
    explainRequest: explainHandler(parts),
    readRequestRecord: (context, input) => readRequestRecord(parts.lake, context, input),
  });
}

function siteView(row: SiteRow, gateways: GatewayReport): Site {
  const { accountId: _, ...site } = row;
  return { ...site, ...siteState(row.siteId, gateways) };
}

/** The answer of a change: the gateways hear of it only after this transaction is committed. */
function pendingView({ accountId: _, ...site }: SiteRow): Site {
  return { ...site, state: "pending", stateReason: "The gateways are told now" };
}

async function writeDomains(context: Context, siteId: string, site: SiteSettings): Promise<void> {
  await wafStore(context.sql)
    .setDomains(context.accountId, siteId, site.domains)
    .catch((error) => {
      throw violates(error, "site_domain_unique") ? new Problem("waf.domainTaken") : error;
    });
}

async function createSite(
  context: Context,
  input: InputOf<typeof wafContract.operations.createSite>,
): Promise<SiteRow> {
  const store = wafStore(context.sql);
  const sites = await store.listSites(context.accountId);
  if (sites.length >= limits.sitesMax) throw new Problem("waf.siteLimit");
  const site = newSite(input);
  await requireRuleSet(context, site.ruleSetId);
  const siteId = context.newId("site");
  await store.insertSite(context.accountId, siteId, { ...site, time: timeText(context.nowMs) });
  await writeDomains(context, siteId, site);
  await changed(context, "waf.siteCreated", `Site ${site.domains[0]} was created`);
  return loadSite(context, siteId);
}

async function updateSite(
  context: Context,
  input: InputOf<typeof wafContract.operations.updateSite>,
): Promise<SiteRow> {
  const { siteId, ...given } = input;
  const before = await loadSite(context, siteId);
  const site = changedSite(before, given);
  if (site.ruleSetId !== before.ruleSetId) await requireRuleSet(context, site.ruleSetId);
  const change = { ...site, time: timeText(context.nowMs) };
  await wafStore(context.sql).updateSite(context.accountId, siteId, change);
  await writeDomains(context, siteId, site);
  await changed(context, "waf.siteUpdated", `Site ${site.domains[0]} was changed`);
  return loadSite(context, siteId);
}

async function createExclusion(
  context: Context,
  input: InputOf<typeof wafContract.operations.createExclusion>,
): Promise<Exclusion> {
  const store = wafStore(context.sql);
  const [variableName] = input.variable?.split(":", 1) ?? [];
  if (variableName !== undefined && !isVariable(variableName)) {
    const message = `Rules read no variable "${variableName}"`;
    throw new Problem("waf.variableUnknown", { details: [{ path: "/variable", message }] });
  }
  await loadSite(context, input.siteId);
  const known = ofSite(await store.listExclusions(context.accountId), input.siteId);
  if (known.length >= limits.exclusionsPerSiteMax) throw new Problem("waf.exclusionLimit");
  const exclusion: Exclusion = {
    exclusionId: context.newId("excl"),
    siteId: input.siteId,
    pathPrefix: input.pathPrefix ?? "/",
    ruleId: input.ruleId,
    variable: input.variable ?? null,
    note: input.note ?? "",
    createdBy: context.caller.principalName,
    createTime: timeText(context.nowMs),
  };
  await store.insertExclusion(context.accountId, exclusion).catch((error) => {
    throw violates(error, "exclusion_unique") ? new Problem("waf.exclusionExists") : error;
  });
  const what = exclusion.variable ?? "every variable";
  await changed(
    context,
    "waf.exclusionCreated",
    `Rule ${exclusion.ruleId} passes ${what} below ${exclusion.pathPrefix}`,
  );
  return exclusion;
}

async function createListEntry(
  context: Context,
  input: InputOf<typeof wafContract.operations.createListEntry>,
) {
  const store = wafStore(context.sql);
  if (input.siteId !== undefined) await loadSite(context, input.siteId);
  const known = await store.listListEntries(context.accountId);
  if (known.length >= limits.listEntriesMax) throw new Problem("waf.listLimit");
  const { ttlSeconds, nowMs } = { ttlSeconds: input.ttlSeconds, nowMs: context.nowMs };
  const entry = {
    listEntryId: context.newId("list"),
    siteId: input.siteId ?? null,
    cidr: canonicalCidr(input.cidr),
    action: input.action,
    note: input.note ?? "",
    expireTime: ttlSeconds === undefined ? null : timeText(nowMs + ttlSeconds * 1000),
    createTime: timeText(nowMs),
  };
  await store.insertListEntry(context.accountId, entry);
  await changed(context, "waf.listEntryCreated", `${entry.cidr} was listed: ${entry.action}`);
  return entry;
}
