/** Handlers of guarded pages. */
import { type Context, timeText } from "../../kernel/context.ts";
import type { InputOf } from "../../kernel/operation.ts";
import { Problem } from "../../kernel/problem.ts";
import { pageInMemory } from "../../kernel/store/page.ts";
import { pageIdOf, pageOfId, settled, withApproval, withPages } from "./domain.ts";
import type { GuardedPage, pageOperations } from "./page-contract.ts";
import type { DeliveryParts } from "./parts.ts";
import { deliveryStore } from "./store.ts";

type Operations = typeof pageOperations;

const PLANE = "gateway";
const pageFields = ["path", "siteId", "state", "gateway"];

export function pageHandlers(parts: DeliveryParts) {
  return {
    async getPages(context: Context, { siteId }: InputOf<Operations["getPages"]>) {
      await requireSite(parts, context, siteId);
      const { settings, updateTime } = await load(context, siteId);
      return { siteId, updateTime, pageMode: settings.mode, pagePaths: settings.paths };
    },
    async setPages(context: Context, input: InputOf<Operations["setPages"]>) {
      const { siteId, pageMode: mode = "off", pagePaths: paths = [] } = input;
      await requireSite(parts, context, siteId);
      const { settings } = await load(context, siteId);
      await save(context, siteId, withPages(settings, { mode, paths }));
      await context.emit({
        type: "delivery.pagesSet",
        message: `The guarded pages of site ${siteId} were changed`,
        resource: siteId,
      });
      return { siteId, updateTime: timeText(context.nowMs), pageMode: mode, pagePaths: paths };
    },
    async listGuardedPages(context: Context, input: InputOf<Operations["listGuardedPages"]>) {
      const all = await listPages(parts, context);
      const of = all.filter(({ siteId }) => (input.siteId ?? siteId) === siteId);
      const page = pageInMemory(of, input, pageFields);
      return { guardedPages: page.items, totalCount: page.totalCount };
    },
    async approvePage(context: Context, input: InputOf<Operations["approvePage"]>) {
      const { guardedPageId, digest } = input;
      const { siteId, path } = pageOfId(guardedPageId);
      const seen = (await listPages(parts, context)).filter(
        (one) => one.guardedPageId === guardedPageId,
      );
      const [first] = seen;
      if (first === undefined) throw new Problem("delivery.pageNotFound");
      // Only what a gateway has can be served; an approval of anything else could not be kept.
      if (!seen.some((one) => one.digest === digest)) throw new Problem("delivery.pageNotSeen");
      const { settings } = await load(context, siteId);
      await save(context, siteId, withApproval(settings, { path, digest }));
      await context.emit({
        type: "delivery.pageApproved",
        message: `Page ${path} of site ${siteId} was approved: SHA-256 ${digest}`,
        resource: siteId,
      });
      return { ...first, digest, approvedDigest: digest, state: "approved" as const };
    },
  };
}

async function requireSite(
  parts: DeliveryParts,
  { sql, accountId }: Context,
  siteId: string,
): Promise<void> {
  const upstreams = await parts.siteUpstreams(sql, accountId, siteId);
  if (upstreams === undefined) throw new Problem("delivery.siteNotFound");
}

async function load({ sql, accountId }: Context, siteId: string) {
  const row = await deliveryStore(sql).get(accountId, siteId, "pages");
  return { settings: settled("pages", row?.settings ?? {}), updateTime: row?.updateTime ?? null };
}

async function save(
  context: Context,
  siteId: string,
  settings: ReturnType<typeof withPages>,
): Promise<void> {
  await deliveryStore(context.sql).put(context.accountId, {
    ...{ siteId, concern: "pages", settings, clientCertificateId: null },
    updateTime: timeText(context.nowMs),
  });
  await context.intentChanged(PLANE);
}

/** Every guarded page of the account's sites, once for each gateway that reports it. */
async function listPages(
  parts: DeliveryParts,
  { sql, accountId }: Context,
): Promise<GuardedPage[]> {
  const own = new Set(await parts.siteIds(sql, accountId));
  const reports = await parts.reports();
  return reports.flatMap(({ gateway, pages }) =>
    pages
      .filter(({ siteId }) => own.has(siteId))
      .map((one) => ({
        guardedPageId: pageIdOf(one.siteId, one.path),
        siteId: one.siteId,
        path: one.path,
        state: one.state,
        digest: one.seenDigest,
        approvedDigest: one.approvedDigest,
        byteCount: one.seenBytes,
        seenTime: one.seenTimeMs === 0 ? null : timeText(one.seenTimeMs),
        gateway,
      })),
  );
}
