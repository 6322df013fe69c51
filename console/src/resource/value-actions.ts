/** The actions that a value offers, by its field and by the list that shows it. */
import { navigate } from "../location.ts";
import { isAddress } from "./address.ts";
import type { FilterOperator, FilterToken } from "./filter-text.ts";
import { readTokens, withToken, writeTokens } from "./filter-text.ts";
import { hrefOf, listAddress, resourceAt } from "./resources.ts";

export type AskedValue = { readonly field: string; readonly value: string };
export type ValueAction = { readonly id: string; readonly text: string; run(): void };

/** Texts that the menu needs; given by the caller, since this file knows no language. */
type Words = {
  t(
    key:
      | "filterIn"
      | "filterOut"
      | "pivotEvents"
      | "pivotIncidents"
      | "pivotAudit"
      | "copyValue"
      | "openIt"
      | "blockValue"
      | "allowValue"
      | "whyThis",
    values?: Readonly<Record<string, string>>,
  ): string;
};

type Parts = {
  readonly words: Words;
  readonly pathname: string;
  readonly filter: string;
  copied(): void;
  block(cidr: string): void;
  allow(cidr: string): void;
};

/** The field of an event that holds what another resource's field holds. */
const EVENT_FIELD: Readonly<Record<string, string>> = { cidr: "sourceIp", ruleId: "ruleIds" };
const IP_FIELDS = ["sourceIp", "cidr"];

function filterActions({ field, value }: AskedValue, { words, pathname, filter }: Parts) {
  const [, first = ""] = pathname.split("/");
  const path = first === "live" ? "live" : first;
  const shown = resourceAt(path === "live" ? "search" : path);
  if (shown === undefined) return [];
  if (!shown.filterable.includes(field) && !shown.countedBy.includes(field)) return [];
  const tokens = readTokens(filter);
  const go = (operator: FilterOperator) => (): void => {
    const next = withToken(tokens, { field, operator, value });
    const address = new URL(window.location.href);
    address.searchParams.set("filter", writeTokens(next));
    address.searchParams.delete("page");
    navigate(`/${path}${address.search}`);
  };
  return [
    { id: `in ${value}`, text: words.t("filterIn", { value }), run: go("=") },
    { id: `out ${value}`, text: words.t("filterOut", { value }), run: go("!=") },
  ];
}

function pivotActions({ field, value }: AskedValue, { words, pathname }: Parts): ValueAction[] {
  const token = (name: string): FilterToken => ({ field: name, operator: "=", value });
  const at = (path: string) => pathname.startsWith(`/${path}`);
  const actions: ValueAction[] = [];
  const add = (key: "pivotEvents" | "pivotIncidents" | "pivotAudit", address: string): void => {
    actions.push({ id: key + value, text: words.t(key), run: () => navigate(address) });
  };
  const eventField = EVENT_FIELD[field] ?? field;
  if (resourceAt("search")?.filterable.includes(eventField) === true && !at("search")) {
    const ofResource = !["status", "severity", "message"].includes(field) || at("live");
    if (ofResource) add("pivotEvents", listAddress("search", [token(eventField)], "range=week"));
  }
  if (IP_FIELDS.includes(field) && !at("incidents")) {
    add("pivotIncidents", listAddress("incidents", [token("sourceIp")]));
  }
  const auditField = ["sourceIp", "principalId", "principalName", "requestId"].includes(field);
  if (auditField && !at("audit")) add("pivotAudit", listAddress("audit", [token(field)]));
  return actions;
}

/** Everything that can be done with this value here. */
export function valueActions(asked: AskedValue, parts: Parts): readonly ValueAction[] {
  const { field, value } = asked;
  const { words } = parts;
  const href = hrefOf(field, value);
  const source = IP_FIELDS.includes(field) && isAddress(value);
  return [
    ...filterActions(asked, parts),
    ...(href === undefined
      ? []
      : [{ id: `open ${value}`, text: words.t("openIt"), run: () => navigate(href) }]),
    ...pivotActions(asked, parts),
    ...(field === "requestId"
      ? [{ id: "why", text: words.t("whyThis"), run: () => navigate(`/why?request=${value}`) }]
      : []),
    {
      id: `copy ${value}`,
      text: words.t("copyValue"),
      run: () => void navigator.clipboard.writeText(value).then(parts.copied),
    },
    ...(source
      ? [
          { id: "block", text: words.t("blockValue"), run: () => parts.block(value) },
          { id: "allow", text: words.t("allowValue"), run: () => parts.allow(value) },
        ]
      : []),
  ];
}
