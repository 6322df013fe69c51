/** What several files of handlers need: a site of the caller, and telling that it changed. */
import type { Context } from "../../kernel/context.ts";
import { Problem } from "../../kernel/problem.ts";
import { type SiteRow, wafStore } from "./store.ts";

const PLANE = "gateway";

/** Writes the event and has the gateways' intent rebuilt after the commit. */
export async function changed(context: Context, type: string, message: string): Promise<void> {
  await context.emit({ type, message });
  await context.intentChanged(PLANE);
}

/** What all accounts share is the operator's. @throws Problem account.operatorOnly. */
export function requireOperator({ caller }: Context): void {
  if (!caller.operator) throw new Problem("account.operatorOnly");
}

/** The site of this account. @throws Problem waf.siteNotFound. */
export async function loadSite({ sql, accountId }: Context, siteId: string): Promise<SiteRow> {
  const site = await wafStore(sql).getSite(accountId, siteId);
  if (site === undefined) throw new Problem("waf.siteNotFound");
  return site;
}

/** Those of one site, or all. */
export function ofSite<Owned extends { siteId: string | null }>(
  all: Owned[],
  siteId: string | undefined,
): Owned[] {
  return siteId === undefined ? all : all.filter((one) => one.siteId === siteId);
}
