/** Handlers of site policies, routes and custom rules. */
import {
  type AddressSet,
  holdsAddress,
  unpackAddressSet,
} from "../../engines/sitepolicy/address-set.ts";
import { listsOf } from "../../engines/sitepolicy/condition.ts";
import { type Context, timeText } from "../../kernel/context.ts";
import { sitePolicyDefaults } from "../../kernel/intent/site-policy-document.ts";
import { type Lake, LakeError } from "../../kernel/lake/client.ts";
import type { InputOf } from "../../kernel/operation.ts";
import { Problem } from "../../kernel/problem.ts";
import { virtualPatches } from "../../kernel/rules/patches.ts";
import type { Handlers } from "../../kernel/service.ts";
import { pageInMemory } from "../../kernel/store/page.ts";
import type { wafContract } from "./contract.ts";
import { dryRun, dryRunLimits } from "./dry-run.ts";
import type { DryRun } from "./dry-run-operations.ts";
import { listStore } from "./list-store.ts";
import { changed, loadSite, ofSite } from "./load.ts";
import { changedPolicy, checkedRoute, checkedRule, over, policyLimits } from "./policy-domain.ts";
import type { policyOperations } from "./policy-operations.ts";
import { type CustomRule, type Route, routeDefaults, ruleDefaults } from "./policy-resources.ts";
import { policyStore } from "./policy-store.ts";
import { patchView } from "./texts.ts";

type PolicyHandlers = Pick<Handlers<typeof wafContract>, keyof typeof policyOperations>;

const routeFields = ["routeId", "siteId", "name", "match", "path", "mode", "bypass"];
const ruleFields = ["customRuleId", "siteId", "name", "enabled", "position"];

/** The handlers of the operations in `policy-operations.ts`. */
export const policyHandlers: PolicyHandlers = {
  async getSitePolicy(context, { siteId }) {
    await loadSite(context, siteId);
    const settings = await policyStore(context.sql).getSettings(context.accountId, siteId);
    return { siteId, ...sitePolicyDefaults, ...settings };
  },
  async updateSitePolicy(context, { siteId, ...given }) {
    const site = await loadSite(context, siteId);
    const store = policyStore(context.sql);
    const before = await store.getSettings(context.accountId, siteId);
    const settings = changedPolicy(before, given, {
      listIds: await listIdsOf(context),
      patchIds: new Set(virtualPatches().map(({ patchId }) => patchId)),
    });
    await store.putSettings(context.accountId, siteId, { settings, time: timeText(context.nowMs) });
    await changed(context, "waf.sitePolicyUpdated", `Policy of ${site.domains[0]} was changed`);
    return { siteId, ...settings };
  },
  async listVirtualPatches(_context, input) {
    const patches = virtualPatches().map(patchView);
    const page = pageInMemory(patches, input, ["patchId", "title"]);
    return { virtualPatches: page.items, totalCount: page.totalCount };
  },
  async listRoutes({ sql, accountId }, input) {
    const all = await policyStore(sql).listRoutes(accountId);
    const page = pageInMemory(ofSite(all, input.siteId), input, routeFields);
    return { routes: page.items, totalCount: page.totalCount };
  },
  getRoute: (context, { routeId }) => loadRoute(context, routeId),
  async createRoute(context, { siteId, name, path, ...given }) {
    await loadSite(context, siteId);
    const store = policyStore(context.sql);
    const known = ofSite(await store.listRoutes(context.accountId), siteId);
    if (known.length >= policyLimits.routesPerSiteMax) throw new Problem("waf.routeLimit");
    const time = timeText(context.nowMs);
    const made: Route = {
      routeId: context.newId("route"),
      siteId,
      name,
      path,
      ...routeDefaults,
      createTime: time,
      updateTime: time,
    };
    const route = checkedRoute(over(made, given));
    await store.putRoute(context.accountId, route);
    await changed(context, "waf.routeCreated", `Route ${route.path} was created`);
    return route;
  },
  async updateRoute(context, { routeId, ...given }) {
    const before = await loadRoute(context, routeId);
    const route = checkedRoute({ ...over(before, given), updateTime: timeText(context.nowMs) });
    await policyStore(context.sql).putRoute(context.accountId, route);
    await changed(context, "waf.routeUpdated", `Route ${route.path} was changed`);
    return route;
  },
  async deleteRoute(context, { routeId }) {
    const deleted = await policyStore(context.sql).deleteRoute(context.accountId, routeId);
    if (deleted.length === 0) throw new Problem("waf.routeNotFound");
    await changed(context, "waf.routeDeleted", `Route ${routeId} was deleted`);
    return {};
  },
  async listCustomRules({ sql, accountId }, input) {
    const all = await policyStore(sql).listRules(accountId);
    const page = pageInMemory(ofSite(all, input.siteId), input, ruleFields);
    return { customRules: page.items, totalCount: page.totalCount };
  },
  getCustomRule: (context, { customRuleId }) => loadRule(context, customRuleId),
  async createCustomRule(context, { siteId, name, action, ...given }) {
    await loadSite(context, siteId);
    const store = policyStore(context.sql);
    const known = ofSite(await store.listRules(context.accountId), siteId);
    if (known.length >= policyLimits.rulesPerSiteMax) throw new Problem("waf.customRuleLimit");
    const time = timeText(context.nowMs);
    const last = Math.max(0, ...known.map(({ position }) => position));
    const made: CustomRule = {
      customRuleId: context.newId("crule"),
      siteId,
      name,
      action,
      ...ruleDefaults,
      position: last + 10,
      createdBy: context.caller.principalName,
      createTime: time,
      updateTime: time,
    };
    const rule = checkedRule(over(made, given), await listIdsOf(context));
    await store.putRule(context.accountId, rule);
    await changed(context, "waf.customRuleCreated", `Custom rule "${rule.name}" was created`);
    return rule;
  },
  async updateCustomRule(context, { customRuleId, ...given }) {
    const before = await loadRule(context, customRuleId);
    const after = over({ ...before, updateTime: timeText(context.nowMs) }, given);
    const rule = checkedRule(after, await listIdsOf(context));
    await policyStore(context.sql).putRule(context.accountId, rule);
    await changed(context, "waf.customRuleUpdated", `Custom rule "${rule.name}" was changed`);
    return rule;
  },
  async orderCustomRules(context, { siteId, customRuleIds }) {
    const site = await loadSite(context, siteId);
    const store = policyStore(context.sql);
    const known = ofSite(await store.listRules(context.accountId), siteId);
    const wanted = new Map(customRuleIds.map((id, at) => [id, 10 * (at + 1)]));
    const isWhole =
      wanted.size === known.length &&
      customRuleIds.length === known.length &&
      known.every(({ customRuleId }) => wanted.has(customRuleId));
    if (!isWhole) throw new Problem("waf.orderInvalid");
    const updateTime = timeText(context.nowMs);
    for (const rule of known) {
      const position = wanted.get(rule.customRuleId) ?? rule.position;
      if (position === rule.position) continue;
      await store.putRule(context.accountId, { ...rule, position, updateTime });
    }
    await changed(context, "waf.customRuleUpdated", `Rules of ${site.domains[0]} were ordered`);
    return {};
  },
  async deleteCustomRule(context, { customRuleId }) {
    const deleted = await policyStore(context.sql).deleteRule(context.accountId, customRuleId);
    if (deleted.length === 0) throw new Problem("waf.customRuleNotFound");
    await changed(context, "waf.customRuleDeleted", `Custom rule ${customRuleId} was deleted`);
    return {};
  },
};

async function loadRoute({ sql, accountId }: Context, routeId: string): Promise<Route> {
  const routes = await policyStore(sql).listRoutes(accountId);
  const route = routes.find((one) => one.routeId === routeId);
  if (route === undefined) throw new Problem("waf.routeNotFound");
  return route;
}

async function loadRule({ sql, accountId }: Context, ruleId: string): Promise<CustomRule> {
  const rules = await policyStore(sql).listRules(accountId);
  const rule = rules.find((one) => one.customRuleId === ruleId);
  if (rule === undefined) throw new Problem("waf.customRuleNotFound");
  return rule;
}

async function listIdsOf({ sql, accountId }: Context): Promise<ReadonlySet<string>> {
  return new Set((await listStore(sql).list(accountId)).map((list) => list.addressListId));
}

/** Tries a rule against the requests of the last hour. */
export async function dryRunRule(
  lake: Lake,
  context: Context,
  { siteId, when = null, action }: InputOf<typeof wafContract.operations.dryRunRule>,
): Promise<DryRun> {
  await loadSite(context, siteId);
  const { sql, accountId, nowMs } = context;
  checkedRule({ ...ruleDefaults, name: "", when, action }, await listIdsOf(context));
  const sets = new Map<string, AddressSet>();
  for (const id of when === null ? [] : listsOf(when)) {
    const row = await listStore(sql).content(accountId, id);
    if (row !== undefined) sets.set(id, unpackAddressSet(Buffer.from(row.packed)));
  }
  const events = await requestsOf(lake, { accountId, siteId, nowMs });
  return dryRun(events, { when, action }, (id) => {
    const set = sets.get(id);
    return set === undefined ? undefined : (address, atMs) => holdsAddress(set, address, atMs);
  });
}

async function requestsOf(
  lake: Lake,
  { accountId, siteId, nowMs }: { accountId: string; siteId: string; nowMs: number },
): Promise<unknown[]> {
  try {
    const rows = await lake.query<{ raw: string }>(
      `SELECT raw FROM event AS e FINAL WHERE account = {account:String}
         AND e.time >= fromUnixTimestamp64Milli({start:Int64}) AND class_uid = 4002
         AND site_id = {site:String} AND raw != '' ORDER BY e.time DESC LIMIT {limit:UInt32}`,
      {
        account: accountId,
        site: siteId,
        start: nowMs - dryRunLimits.hours * 3_600_000,
        limit: dryRunLimits.eventsMax,
      },
    );
    return rows.map(({ raw }): unknown => JSON.parse(raw));
  } catch (error) {
    if (!(error instanceof LakeError)) throw error;
    throw new Problem("waf.eventsUnavailable", { cause: error });
  }
}
