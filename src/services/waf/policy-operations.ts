/** Operations on the policy of a site: settings, routes, custom rules. */
import Type from "typebox";
import { policyLimits } from "../../kernel/intent/site-policy-document.ts";
import { Empty, input, listInput, listOutput, operation } from "../../kernel/operation.ts";
import {
  CustomRule,
  CustomRuleId,
  Route,
  RouteId,
  routeDefaults,
  routeFields,
  ruleDefaults,
  ruleFields,
  SitePolicy,
  VirtualPatch,
} from "./policy-resources.ts";
import { SiteId } from "./resources.ts";

/** The same fields, none of them needed. */
const optional = <Fields extends Record<string, Type.TSchema>>(fields: Fields) =>
  Type.Partial(Type.Object(fields)).properties;

const { name: routeName, path: routePath, ...routeRest } = routeFields;
const { siteId: _site, ...policyFields } = SitePolicy.properties;
const policyFaults = [
  "waf.pageInvalid",
  "waf.listUnknown",
  "waf.patchUnknown",
  "waf.secLangInvalid",
];
const routeFaults = ["waf.pageInvalid"];
const { match, position, bypass } = routeDefaults;
const ruleFaults = ["waf.conditionInvalid", "waf.actionInvalid"];

const sitePolicyOperations = {
  getSitePolicy: operation({
    name: "waf.getSitePolicy",
    summary: "Get how a site treats requests before its rule set is asked",
    method: "GET",
    path: "/sites/{siteId}/policy",
    action: "waf:GetSitePolicy",
    resource: "site/{siteId}",
    input: input({ siteId: SiteId }),
    output: SitePolicy,
    problems: ["waf.siteNotFound"],
  }),
  updateSitePolicy: operation({
    name: "waf.updateSitePolicy",
    summary: "Change a site's block page, lists, countries, bots, patches or own rules",
    method: "PATCH",
    path: "/sites/{siteId}/policy",
    action: "waf:UpdateSitePolicy",
    resource: "site/{siteId}",
    input: input({ siteId: SiteId, ...optional(policyFields) }),
    output: SitePolicy,
    problems: ["waf.siteNotFound", ...policyFaults],
  }),
};

const patchOperations = {
  listVirtualPatches: operation({
    name: "waf.listVirtualPatches",
    summary: "List virtual patches: what stops the use of one vulnerability each",
    method: "GET",
    path: "/virtualPatches",
    action: "waf:ListVirtualPatches",
    resource: "virtualPatch/*",
    input: listInput({}),
    output: listOutput("virtualPatches", VirtualPatch),
  }),
};

const routeOperations = {
  listRoutes: operation({
    name: "waf.listRoutes",
    summary: "List routes of sites",
    method: "GET",
    path: "/routes",
    action: "waf:ListRoutes",
    resource: "site/*",
    input: listInput({ siteId: Type.Optional(SiteId) }),
    output: listOutput("routes", Route),
  }),
  getRoute: operation({
    name: "waf.getRoute",
    summary: "Get one route",
    method: "GET",
    path: "/routes/{routeId}",
    action: "waf:GetRoute",
    resource: "route/{routeId}",
    input: input({ routeId: RouteId }),
    output: Route,
    problems: ["waf.routeNotFound"],
  }),
  createRoute: operation({
    name: "waf.createRoute",
    summary: "Treat the requests of some paths of a site in another way",
    method: "POST",
    path: "/routes",
    action: "waf:CreateRoute",
    resource: "site/{siteId}",
    input: input({
      siteId: SiteId,
      name: routeName,
      path: routePath,
      ...optional(routeRest),
    }),
    defaults: { match, position, bypass },
    output: Route,
    problems: ["waf.siteNotFound", "waf.routeLimit", ...routeFaults],
  }),
  updateRoute: operation({
    name: "waf.updateRoute",
    summary: "Change a route",
    method: "PATCH",
    path: "/routes/{routeId}",
    action: "waf:UpdateRoute",
    resource: "route/{routeId}",
    input: input({ routeId: RouteId, ...optional(routeFields) }),
    output: Route,
    problems: ["waf.routeNotFound", ...routeFaults],
  }),
  deleteRoute: operation({
    name: "waf.deleteRoute",
    summary: "Delete a route; its paths are treated as the rest of the site",
    method: "DELETE",
    path: "/routes/{routeId}",
    action: "waf:DeleteRoute",
    resource: "route/{routeId}",
    input: input({ routeId: RouteId }),
    output: Empty,
    problems: ["waf.routeNotFound"],
  }),
};

const customRuleOperations = {
  listCustomRules: operation({
    name: "waf.listCustomRules",
    summary: "List custom rules in the order in which they are asked",
    method: "GET",
    path: "/customRules",
    action: "waf:ListCustomRules",
    resource: "site/*",
    input: listInput({ siteId: Type.Optional(SiteId) }),
    output: listOutput("customRules", CustomRule),
  }),
  getCustomRule: operation({
    name: "waf.getCustomRule",
    summary: "Get one custom rule",
    method: "GET",
    path: "/customRules/{customRuleId}",
    action: "waf:GetCustomRule",
    resource: "customRule/{customRuleId}",
    input: input({ customRuleId: CustomRuleId }),
    output: CustomRule,
    problems: ["waf.customRuleNotFound"],
  }),
  createCustomRule: operation({
    name: "waf.createCustomRule",
    summary: "Add a rule of your own to a site; it is off until it is enabled",
    method: "POST",
    path: "/customRules",
    action: "waf:CreateCustomRule",
    resource: "site/{siteId}",
    input: input({
      siteId: SiteId,
      name: ruleFields.name,
      when: Type.Optional(ruleFields.when),
      action: ruleFields.action,
      enabled: Type.Optional(ruleFields.enabled),
      position: Type.Optional(ruleFields.position),
      note: Type.Optional(ruleFields.note),
      expireTime: Type.Optional(ruleFields.expireTime),
    }),
    defaults: { enabled: ruleDefaults.enabled },
    output: CustomRule,
    problems: ["waf.siteNotFound", "waf.customRuleLimit", ...ruleFaults],
  }),
  updateCustomRule: operation({
    name: "waf.updateCustomRule",
    summary: "Change a custom rule, enable it or switch it off",
    method: "PATCH",
    path: "/customRules/{customRuleId}",
    action: "waf:UpdateCustomRule",
    resource: "customRule/{customRuleId}",
    input: input({ customRuleId: CustomRuleId, ...optional(ruleFields) }),
    output: CustomRule,
    problems: ["waf.customRuleNotFound", ...ruleFaults],
  }),
  orderCustomRules: operation({
    name: "waf.orderCustomRules",
    summary: "Put the custom rules of a site in another order",
    method: "POST",
    path: "/sites/{siteId}:orderCustomRules",
    action: "waf:OrderCustomRules",
    resource: "site/{siteId}",
    input: input({
      siteId: SiteId,
      /** All rules of the site, each once, the one that is asked first at the top. */
      customRuleIds: Type.Array(CustomRuleId, { maxItems: policyLimits.rulesPerSiteMax }),
    }),
    output: Empty,
    problems: ["waf.siteNotFound", "waf.orderInvalid"],
  }),
  deleteCustomRule: operation({
    name: "waf.deleteCustomRule",
    summary: "Delete a custom rule",
    method: "DELETE",
    path: "/customRules/{customRuleId}",
    action: "waf:DeleteCustomRule",
    resource: "customRule/{customRuleId}",
    input: input({ customRuleId: CustomRuleId }),
    output: Empty,
    problems: ["waf.customRuleNotFound"],
  }),
};

export const policyOperations = {
  ...sitePolicyOperations,
  ...patchOperations,
  ...routeOperations,
  ...customRuleOperations,
};

export const policyResources = [
  {
    name: "route",
    idField: "routeId",
    idPrefix: "route",
    titleField: "name",
    columns: ["name", "siteId", "match", "path", "mode", "paranoiaLevel", "bypass", "updateTime"],
    list: "listRoutes",
    get: "getRoute",
    create: "createRoute",
    update: "updateRoute",
    delete: "deleteRoute",
  },
  {
    name: "customRule",
    idField: "customRuleId",
    idPrefix: "crule",
    titleField: "name",
    columns: ["name", "siteId", "position", "enabled", "action", "expireTime", "updateTime"],
    list: "listCustomRules",
    get: "getCustomRule",
    create: "createCustomRule",
    update: "updateCustomRule",
    delete: "deleteCustomRule",
  },
  {
    name: "virtualPatch",
    idField: "patchId",
    idPrefix: "",
    titleField: "title",
    columns: ["patchId", "title", "description"],
    list: "listVirtualPatches",
  },
] as const;

export const policyProblems = {
  "waf.routeNotFound": {
    code: 404,
    message: "There is no such route",
    fix: "List the routes and take an id from there",
  },
  "waf.routeLimit": {
    code: 409,
    message: "This site has as many routes as a site may have",
    fix: "Join routes by a glob such as /api/*, or delete those that are not needed",
  },
  "waf.customRuleNotFound": {
    code: 404,
    message: "There is no such custom rule",
    fix: "List the custom rules and take an id from there",
  },
  "waf.orderInvalid": {
    code: 409,
    message: "The order does not name each rule of the site once",
    fix: "List the custom rules again, they may have changed, and order those; nothing was changed",
  },
  "waf.customRuleLimit": {
    code: 409,
    message: "This site has as many custom rules as a site may have",
    fix: "Give one rule several values, or delete those that are not needed",
  },
  "waf.conditionInvalid": {
    code: 400,
    message: "The condition of the rule cannot be used",
    fix: "Mend what the details name; nothing was changed",
  },
  "waf.actionInvalid": {
    code: 400,
    message: "The action of the rule cannot be used",
    fix: "Mend what the details name; nothing was changed",
  },
  "waf.pageInvalid": {
    code: 400,
    message: "The block page cannot be used",
    fix: "Use only {{requestId}}, {{clientAddress}}, {{status}} and {{time}} in double braces",
  },
  "waf.listUnknown": {
    code: 400,
    message: "The policy names an address list that this account does not have",
    fix: "List the address lists and take an id from there",
  },
  "waf.patchUnknown": {
    code: 400,
    message: "The policy names a virtual patch that there is not",
    fix: "List the patches and take an id from there",
  },
  "waf.secLangInvalid": {
    code: 400,
    message: "The rules in the rule language cannot be used",
    fix: "Mend the lines that the details name; nothing was changed",
  },
} as const;

export const policyEvents = [
  "waf.sitePolicyUpdated",
  "waf.routeCreated",
  "waf.routeUpdated",
  "waf.routeDeleted",
  "waf.customRuleCreated",
  "waf.customRuleUpdated",
  "waf.customRuleDeleted",
] as const;
