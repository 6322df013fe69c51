/** The list behind a number: every count of an item leads to what was counted. */
import { accessHref } from "./access-lists.ts";
import type { FilterToken } from "./filter-text.ts";
import { type Item, listAddress } from "./resources.ts";

function same(item: Item, field: string, as = field): FilterToken[] {
  const value = item[field];
  if (typeof value !== "string" || value === "") return [];
  return [{ field: as, operator: "=", value }];
}

/** The events of an attacker at a site, over the time that the item tells of. */
function eventsOf(item: Item, more: readonly FilterToken[] = []): string {
  const tokens = [...same(item, "sourceIp"), ...same(item, "siteId"), ...more];
  const { firstTime, lastTime } = item;
  if (typeof firstTime !== "string" || typeof lastTime !== "string") {
    return listAddress("search", tokens, "range=week");
  }
  // The end of a range is not in it, and a burst lies within one second.
  const from = new Date(Date.parse(firstTime) - 1_000).toISOString();
  const to = new Date(Date.parse(lastTime) + 1_000).toISOString();
  return listAddress("search", tokens, new URLSearchParams({ from, to }).toString());
}

const BLOCKED: FilterToken = { field: "disposition", operator: "=", value: "Blocked" };
const SCORED: FilterToken = { field: "score", operator: ">", value: "0" };

const HREFS: Readonly<Record<string, (item: Item) => string | undefined>> = {
  "incident.eventCount": (item) => eventsOf(item),
  "incident.blockedCount": (item) => eventsOf(item, [BLOCKED]),
  "incident.scoreTotal": (item) => eventsOf(item, [SCORED]),
  "channel.lastState": (item) =>
    item.lastState === "none"
      ? undefined
      : listAddress("deliveries", [
          ...same(item, "channelId"),
          ...same(item, "lastState", "state"),
        ]),
  "policy.attachedUserCount": (item) => listAddress("users", same(item, "policyId", "policyIds")),
  "finding.eventCount": (item) => eventsOf(item),
  "finding.blockedCount": (item) => eventsOf(item, [BLOCKED]),
  "finding.scoreMax": (item) => eventsOf(item, [SCORED]),
};

type Counted = {
  readonly resource: string;
  readonly field: string;
  readonly item: Item;
  /** Filters of the list that shows the number. */
  readonly within?: readonly FilterToken[];
};

/** Address of the list behind a number, if the console has one. */
export function countHref({ resource, field, item, within = [] }: Counted): string | undefined {
  const column = `${resource}.${field}`;
  return HREFS[column]?.(item) ?? accessHref(column, { item, within });
}
