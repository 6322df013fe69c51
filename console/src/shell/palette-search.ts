/** What the palette finds for a text: places, actions, and things of the API by name, id or IP. */
import { callAny } from "../api/client.ts";
import { isAddress } from "../resource/address.ts";
import type { FilterToken } from "../resource/filter-text.ts";
import {
  allShown,
  hrefOf,
  type Item,
  itemsOf,
  listAddress,
  nameOf,
  operationOf,
} from "../resource/resources.ts";

export type Found = {
  readonly id: string;
  readonly text: string;
  readonly detail: string;
  readonly href: string;
};

export const limits = { queryCharsMin: 2, perResource: 4, foundMax: 40 } as const;

/** Lower-case words of the query that all must stand in the text, in any order. */
export function fits(text: string, query: string): boolean {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  const lower = text.toLowerCase();
  return words.every((word) => lower.includes(word));
}

type Titles = {
  resourceTitle(name: string): string;
  told(item: Item, field: string): unknown;
  readonly events: string;
  readonly block: string;
  readonly why: string;
};

/** What an address leads to: everything that is known of it, and blocking it. */
export function foundForAddress(query: string, titles: Titles): Found[] {
  if (!isAddress(query)) return [];
  const tokens: FilterToken[] = [{ field: "sourceIp", operator: "=", value: query }];
  const of = (path: string, text: string, more = ""): Found => ({
    id: `${path} ${query}`,
    text: `${text}: ${query}`,
    detail: "",
    href: listAddress(path, tokens, more),
  });
  return [
    of("search", titles.events, "range=week"),
    of("incidents", titles.resourceTitle("incident")),
    of("audit", titles.resourceTitle("entry")),
    {
      id: `block ${query}`,
      text: `${titles.block}: ${query}`,
      detail: "",
      href: `/responses/create?cidr=${encodeURIComponent(query)}&ttlSeconds=3600`,
    },
  ];
}

/** The page of an id, by the prefix that its contract declares. */
export function foundForId(query: string, titles: Titles): Found[] {
  const [prefix = ""] = query.split("-");
  if (prefix === "req") {
    return [
      { id: query, text: `${titles.why}: ${query}`, detail: "", href: `/why?request=${query}` },
    ];
  }
  return allShown
    .filter(({ resource }) => resource.idPrefix !== "" && resource.idPrefix === prefix)
    .map(({ resource, path }) => ({
      id: query,
      text: query,
      detail: titles.resourceTitle(resource.name),
      href:
        hrefOf(resource.idField, query) ??
        listAddress(path, [{ field: resource.idField, operator: "=", value: query }]),
    }));
}

/** Things whose name holds the text. A list that the caller may not read adds nothing. */
export async function foundByName(query: string, titles: Titles): Promise<Found[]> {
  const searched = allShown.filter(
    ({ resource, filterable }) =>
      resource.get !== undefined &&
      filterable.includes(resource.titleField) &&
      resource.name !== "event",
  );
  const answers = await Promise.allSettled(
    searched.map(async (shown) => {
      const list = operationOf(shown, "list");
      if (list === undefined) return [];
      const filters = [{ name: shown.resource.titleField, values: [query], operator: "contains" }];
      const answer = await callAny(list, { filters, pageSize: limits.perResource });
      return itemsOf(answer).map((item): Found => {
        const id = String(item[shown.resource.idField]);
        return {
          id,
          text: nameOf(shown, item, titles.told),
          detail: `${titles.resourceTitle(shown.resource.name)} · ${id}`,
          href: `/${shown.path}/${encodeURIComponent(id)}`,
        };
      });
    }),
  );
  return answers.flatMap((answer) => (answer.status === "fulfilled" ? answer.value : []));
}
