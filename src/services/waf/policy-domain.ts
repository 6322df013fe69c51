/** Rules of site policies: what is given over what is there, and what is refused. */
import { SecLangError } from "../../engines/seclang/engine.ts";
import { faultOfPage } from "../../engines/sitepolicy/block-page.ts";
import { ConditionError, compileCondition, leavesOf } from "../../engines/sitepolicy/condition.ts";
import {
  type BlockPage,
  policyLimits,
  type RateLimit,
  type RuleAction,
  type RuleCondition,
  type SitePolicySettings,
  sitePolicyDefaults,
} from "../../kernel/intent/site-policy-document.ts";
import { Problem } from "../../kernel/problem.ts";
import { compileOwnRules } from "../../kernel/rules/own-rules.ts";
import type { CustomRule, Route } from "./policy-resources.ts";

export { policyLimits };

const OWN_FAULTS_MAX = 20;

type Given<Whole> = { readonly [Name in keyof Whole]?: Whole[Name] | undefined };

export type RouteSettings = Omit<Route, "routeId" | "siteId" | "createTime" | "updateTime">;
export type RuleSettings = Omit<
  CustomRule,
  "customRuleId" | "siteId" | "createdBy" | "createTime" | "updateTime"
>;

/** What was given over what was there; a field that was not given keeps its value. */
export function over<Whole extends object>(before: Whole, given: Given<Whole>): Whole {
  const told = Object.entries(given).filter(([, value]) => value !== undefined);
  return Object.assign({}, before, Object.fromEntries(told));
}

/** A route that can be kept. @throws Problem waf.pageInvalid. */
export function checkedRoute<Settings extends RouteSettings>(route: Settings): Settings {
  checkPage(route.blockPage, "/blockPage/html");
  return route;
}

/** A rule that the gateways will compile. @throws Problem waf.conditionInvalid, actionInvalid. */
export function checkedRule<Settings extends RuleSettings>(
  rule: Settings,
  listIds: ReadonlySet<string>,
): Settings {
  if (rule.when !== null) checkCondition(rule.when, listIds);
  checkAction(rule.action);
  return rule;
}

/** Compiles a condition as the gateways will. @throws Problem waf.conditionInvalid. */
export function checkCondition(condition: RuleCondition, listIds: ReadonlySet<string>): void {
  try {
    compileCondition(condition, (id) => (listIds.has(id) ? () => false : undefined));
    checkCodes(condition);
  } catch (error) {
    if (!(error instanceof ConditionError)) throw error;
    throw new Problem("waf.conditionInvalid", {
      details: [{ path: `/when${error.path}`, message: error.message }],
    });
  }
}

const codes = {
  country: { form: /^[A-Z]{2}$/, wanted: 'two letters such as "DE"' },
  asn: { form: /^\d{1,10}$/, wanted: 'a number such as "64496"' },
} as const;

/** A rule for the country "Germany" or the network "AS64496" would meet nobody. */
function checkCodes(condition: RuleCondition): void {
  for (const { leaf, path } of leavesOf(condition)) {
    const { field, operator, values = [], ignoreCase } = leaf;
    if (operator === "regex" || (field !== "country" && field !== "asn")) continue;
    const { form, wanted } = codes[field];
    const at = values.findIndex((value) => !form.test(ignoreCase ? value.toUpperCase() : value));
    if (at < 0) continue;
    throw new ConditionError(`${path}/values/${at}`, `"${values[at]}" is not ${wanted}`);
  }
}

/**
 * Headers that say who forwarded what, frame the message or belong to one connection: the
 * gateway's own to set.
 */
const reserved =
  /^(host|content-length|transfer-encoding|connection|keep-alive|te|trailer|upgrade|expect|via|forwarded|x[-_]forwarded[-_].*|x[-_]real[-_]ip|x[-_]request[-_]id|proxy-.*)$/i;

function checkAction(action: RuleAction): void {
  if (action.kind === "rateLimit") checkLimit(action.limit);
  if (action.kind !== "rewriteHeader" || !reserved.test(action.name)) return;
  refuseAction("/action/name", `"${action.name}" is set by the gateway itself`);
}

function checkLimit({ keys, banSeconds, banSecondsMax }: RateLimit): void {
  for (const [at, { by, name }] of keys.entries()) {
    if ((by === "header" || by === "cookie") && name === undefined) {
      refuseAction(`/action/limit/keys/${at}/name`, `a key by ${by} needs its name`);
    }
  }
  if (banSecondsMax >= banSeconds) return;
  const message = `${banSecondsMax} is shorter than the first ban of ${banSeconds} seconds`;
  refuseAction("/action/limit/banSecondsMax", message);
}

function refuseAction(path: string, message: string): never {
  throw new Problem("waf.actionInvalid", { details: [{ path, message }] });
}

function checkPage(page: BlockPage | null, path: string): void {
  const fault = page === null ? undefined : faultOfPage(page.html);
  if (fault === undefined) return;
  const message = `"${fault}" is no placeholder`;
  throw new Problem("waf.pageInvalid", { details: [{ path, message }] });
}

/** Settings after a change. @throws Problem of what cannot be used. */
export function changedPolicy(
  before: SitePolicySettings | undefined,
  given: Given<SitePolicySettings>,
  known: { readonly listIds: ReadonlySet<string>; readonly patchIds: ReadonlySet<string> },
): SitePolicySettings {
  // Defaults first: a row written by an older version lacks what came since.
  const after = over({ ...sitePolicyDefaults, ...before }, given);
  checkPage(after.blockPage, "/blockPage/html");
  for (const [at, { addressListId }] of after.lists.entries()) {
    if (known.listIds.has(addressListId)) continue;
    const message = `"${addressListId}" is no list of this account`;
    throw new Problem("waf.listUnknown", {
      details: [{ path: `/lists/${at}/addressListId`, message }],
    });
  }
  for (const [at, { patchId }] of after.patches.entries()) {
    if (known.patchIds.has(patchId)) continue;
    const message = `"${patchId}" is no patch of this version`;
    throw new Problem("waf.patchUnknown", {
      details: [{ path: `/patches/${at}/patchId`, message }],
    });
  }
  checkOwnRules(after.secLang);
  return after;
}

/** @throws Problem waf.secLangInvalid with the line of every fault. */
function checkOwnRules(text: string): void {
  if (text === "") return;
  try {
    compileOwnRules(text);
  } catch (error) {
    if (!(error instanceof SecLangError)) throw error;
    const details = error.faults.slice(0, OWN_FAULTS_MAX).map(({ line, message }) => ({
      path: "/secLang",
      message: `line ${line}: ${message}`,
    }));
    throw new Problem("waf.secLangInvalid", { details });
  }
}
