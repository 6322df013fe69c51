/** The lists behind the numbers of the user access audit: users, URLs and requests of a site. */
import type { FilterToken } from "./filter-text.ts";
import { type Item, listAddress, requestFields } from "./resources.ts";

type Path = "site-users" | "user-urls" | "user-requests";
type Behind = {
  readonly path: Path;
  /** Fields of the item that the list is about, such as the user. */
  readonly pinned: readonly string[];
  readonly more?: readonly FilterToken[];
  /** A column, with `-` in front for the largest first. */
  readonly sort?: string;
};

const isField = (field: string) => (one: FilterToken) => one.field === field;
const token = (field: string, operator: FilterToken["operator"], value: string): FilterToken => ({
  ...{ field, operator, value },
});
const BLOCKED = token("disposition", "=", "Blocked");

const OF_USER = { path: "user-requests", pinned: ["userName"] } as const;
const OF_URL = { path: "user-requests", pinned: ["path", "method"] } as const;
const BEHIND: Readonly<Record<string, Behind>> = {
  "siteUser.requestCount": OF_USER,
  "siteUser.urlCount": { path: "user-urls", pinned: ["userName"] },
  "siteUser.blockedCount": { ...OF_USER, more: [BLOCKED] },
  "siteUser.errorCount": { ...OF_USER, more: [token("status", ">=", "500")] },
  "siteUser.sourceCount": { ...OF_USER, sort: "sourceIp" },
  "userUrl.userCount": { path: "site-users", pinned: ["path", "method"] },
  "userUrl.requestCount": OF_URL,
  "userUrl.blockedCount": { ...OF_URL, more: [BLOCKED] },
  "userUrl.successCount": {
    ...OF_URL,
    more: [token("status", ">=", "100"), token("status", "<", "400")],
  },
  "userUrl.clientErrorCount": {
    ...OF_URL,
    more: [token("status", ">=", "400"), token("status", "<", "500")],
  },
  "userUrl.errorCount": { ...OF_URL, more: [token("status", ">=", "500")] },
  "userUrl.latencyP50Ms": { ...OF_URL, sort: "latencyMs" },
  "userUrl.latencyP95Ms": { ...OF_URL, sort: "-latencyMs" },
};

/**
 * Address of what a number of a user or a URL counts.
 *
 * @param within filters of the list that shows the number: they chose what it counts.
 */
export function accessHref(
  column: string,
  { item, within }: { readonly item: Item; readonly within: readonly FilterToken[] },
): string | undefined {
  if (column === "userRequest.time") return `/search/${encodeURIComponent(String(item.uid))}`;
  const behind = BEHIND[column];
  const [, field = ""] = column.split(".");
  // Behind none there is no list.
  if (behind === undefined || item[field] === 0) return undefined;
  const pinned = behind.pinned.map((field) => token(field, "=", String(item[field])));
  const kept = within.filter(
    (one) =>
      one.field !== undefined &&
      requestFields.includes(one.field) &&
      !pinned.some(isField(one.field)),
  );
  // The end of a range is not in it, and all may lie within one second.
  const from = new Date(Date.parse(String(item.firstTime)) - 1_000).toISOString();
  const to = new Date(Date.parse(String(item.lastTime)) + 1_000).toISOString();
  const query = new URLSearchParams({ siteId: String(item.siteId), from, to });
  if (behind.sort !== undefined) query.set("sort", behind.sort);
  return listAddress(behind.path, [...pinned, ...kept, ...(behind.more ?? [])], query.toString());
}
