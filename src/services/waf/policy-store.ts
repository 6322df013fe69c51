/** Tables of site policies, routes and custom rules. */
import type { SitePolicySettings } from "../../kernel/intent/site-policy-document.ts";
import type { Sql } from "../../kernel/store/database.ts";
import type { CustomRule, Route } from "./policy-resources.ts";

type RouteRow = Pick<Route, "routeId" | "siteId" | "name" | "position" | "createTime"> & {
  readonly updateTime: string;
  readonly settings: Omit<
    Route,
    "routeId" | "siteId" | "name" | "position" | "createTime" | "updateTime"
  >;
};

type RuleRow = Omit<CustomRule, "when"> & { readonly condition: CustomRule["when"] };

/** A route as its row keeps it. */
function routeOf({ settings, ...row }: RouteRow): Route {
  return { ...row, ...settings };
}

function ruleOf({ condition, ...row }: RuleRow): CustomRule {
  return { ...row, when: condition };
}

/** Queries of one account. */
export function policyStore(sql: Sql) {
  return {
    async getSettings(accountId: string, siteId: string): Promise<SitePolicySettings | undefined> {
      const [row] = await sql<{ settings: SitePolicySettings }>`
        select settings from site_policy where account_id = ${accountId} and site_id = ${siteId}`;
      return row?.settings;
    },

    listSettings: (accountId: string) => sql<{ siteId: string; settings: SitePolicySettings }>`
      select site_id, settings from site_policy where account_id = ${accountId}`,

    async putSettings(
      accountId: string,
      siteId: string,
      { settings, time }: { settings: SitePolicySettings; time: string },
    ) {
      await sql`
        insert into site_policy (account_id, site_id, settings, update_time)
        values (${accountId}, ${siteId}, ${settings}, ${time})
        on conflict (site_id) do update set settings = excluded.settings,
          update_time = excluded.update_time`;
    },

    async listRoutes(accountId: string): Promise<Route[]> {
      const rows = await sql<RouteRow>`
        select route_id, site_id, name, position, settings, create_time, update_time
        from site_route where account_id = ${accountId} order by position, route_id`;
      return rows.map(routeOf);
    },

    async putRoute(accountId: string, route: Route) {
      const { routeId, siteId, name, position, createTime, updateTime, ...settings } = route;
      await sql`
        insert into site_route (account_id, route_id, site_id, name, position, settings,
          create_time, update_time)
        values (${accountId}, ${routeId}, ${siteId}, ${name}, ${position}, ${settings},
          ${createTime}, ${updateTime})
        on conflict (route_id) do update set name = excluded.name, position = excluded.position,
          settings = excluded.settings, update_time = excluded.update_time
        where site_route.account_id = excluded.account_id`;
    },

    deleteRoute: (accountId: string, routeId: string) => sql<{ siteId: string }>`
      delete from site_route where account_id = ${accountId} and route_id = ${routeId}
      returning site_id`,

    async listRules(accountId: string): Promise<CustomRule[]> {
      const rows = await sql<RuleRow>`
        select custom_rule_id, site_id, name, enabled, position, condition, action, note,
          expire_time, created_by, create_time, update_time
        from custom_rule where account_id = ${accountId} order by position, custom_rule_id`;
      return rows.map(ruleOf);
    },

    async putRule(accountId: string, rule: CustomRule) {
      await sql`
        insert into custom_rule (account_id, custom_rule_id, site_id, name, enabled, position,
          condition, action, note, expire_time, created_by, create_time, update_time)
        values (${accountId}, ${rule.customRuleId}, ${rule.siteId}, ${rule.name}, ${rule.enabled},
          ${rule.position}, ${rule.when}, ${rule.action}, ${rule.note}, ${rule.expireTime},
          ${rule.createdBy}, ${rule.createTime}, ${rule.updateTime})
        on conflict (custom_rule_id) do update set name = excluded.name,
          enabled = excluded.enabled, position = excluded.position,
          condition = excluded.condition, action = excluded.action, note = excluded.note,
          expire_time = excluded.expire_time, update_time = excluded.update_time
        where custom_rule.account_id = excluded.account_id`;
    },

    deleteRule: (accountId: string, customRuleId: string) => sql<{ siteId: string }>`
      delete from custom_rule
      where account_id = ${accountId} and custom_rule_id = ${customRuleId}
      returning site_id`,
  };
}

/** Queries over all accounts, for the gateways' intent; `sql` runs in the system's scope. */
export function policyIntentStore(sql: Sql) {
  return {
    listSettings: () => sql<{ siteId: string; settings: SitePolicySettings }>`
      select site_id, settings from site_policy order by site_id`,

    async listRoutes(): Promise<Route[]> {
      const rows = await sql<RouteRow>`
        select route_id, site_id, name, position, settings from site_route
        order by position, route_id`;
      return rows.map(routeOf);
    },

    async listRules(nowText: string): Promise<CustomRule[]> {
      const rows = await sql<RuleRow>`
        select custom_rule_id, site_id, name, condition, action, expire_time from custom_rule
        where enabled and (expire_time is null or expire_time > ${nowText})
        order by position, custom_rule_id`;
      return rows.map(ruleOf);
    },
  };
}
