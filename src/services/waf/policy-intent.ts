/** The policies of sites as the gateways get them. */
import {
  type SitePolicyIntent,
  type SitePolicySettings,
  sitePolicyDefaults,
} from "../../kernel/intent/site-policy-document.ts";
import { virtualPatches } from "../../kernel/rules/patches.ts";
import type { Sql } from "../../kernel/store/database.ts";
import { policyIntentStore } from "./policy-store.ts";

/** Reads all policies; the answer gives a site's, or nothing for a site that has none. */
export async function sitePolicies(
  sql: Sql,
  nowMs: number,
): Promise<(siteId: string) => { policy?: SitePolicyIntent }> {
  const store = policyIntentStore(sql);
  const settingsOf = new Map((await store.listSettings()).map((row) => [row.siteId, row.settings]));
  const routes = Map.groupBy(await store.listRoutes(), ({ siteId }) => siteId);
  const nowText = new Date(nowMs).toISOString();
  const rules = Map.groupBy(await store.listRules(nowText), ({ siteId }) => siteId);
  return (siteId) => {
    const of = { settings: settingsOf.get(siteId), routes: routes.get(siteId) };
    const rulesOf = rules.get(siteId);
    if (of.settings === undefined && of.routes === undefined && rulesOf === undefined) return {};
    const { requestRecords, ...settings } = { ...sitePolicyDefaults, ...of.settings };
    return {
      policy: {
        ...settings,
        // Gateways before this setting would refuse the whole intent for a word they do not know.
        ...(requestRecords.recordedRequests === "off" ? {} : { requestRecords }),
        patches: patchesOf(of.settings?.patches ?? [], nowMs),
        routes: (of.routes ?? []).map(
          ({ siteId: _site, position, createTime, updateTime, ...route }) => route,
        ),
        rules: (rulesOf ?? []).map(({ customRuleId, name, when, action, expireTime }) => ({
          customRuleId,
          name,
          when,
          action,
          expiresAt: expireTime,
        })),
      },
    };
  };
}

/** Patches in use with what they stop; one that is over, or gone from this version, is left out. */
function patchesOf(
  uses: SitePolicySettings["patches"],
  nowMs: number,
): SitePolicyIntent["patches"] {
  const known = new Map(virtualPatches().map((patch) => [patch.patchId, patch]));
  return uses.flatMap((use) => {
    const patch = known.get(use.patchId);
    // Times have offsets: their texts have another order than they.
    if (patch === undefined || (use.expiresAt !== null && Date.parse(use.expiresAt) <= nowMs)) {
      return [];
    }
    return [{ ...use, name: patch.title, when: patch.when }];
  });
}
