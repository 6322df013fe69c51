/**
 * Tamper protection: compares guarded pages with what was approved, and in `protect` serves the
 * approved copy when the upstream's differs.
 */
import { fieldValue } from "../../engines/http1/fields.ts";
import type { ResponseHead } from "../../engines/http1/response.ts";
import { viewPath } from "../../engines/sitepolicy/path.ts";
import type { PageSettings } from "../../kernel/intent/site-delivery.ts";
import { answerWith } from "./answer.ts";
import { codingOf } from "./content-coding.ts";
import type { PageStatus } from "./messages.ts";
import { digestOf, type PageCopy, pageLimits } from "./page-copies.ts";
import { pageEvent } from "./page-event.ts";
import type { GuardedPage, PageGuard } from "./page-guard-types.ts";
import type { Exchange, Gateway, Site } from "./state.ts";

/** The guard of a site; what was seen before is kept. */
export function pageGuard(
  settings: PageSettings | undefined,
  before: PageGuard | null,
  keep: (digest: string, copy: PageCopy) => boolean,
): PageGuard | null {
  if (settings === undefined || settings.mode === "off" || settings.paths.length === 0) return null;
  const pages = new Map<string, GuardedPage>();
  for (const path of settings.paths) {
    const approval = settings.approvals.find((one) => one.path === path);
    const known = before?.pages.get(keyOf(path)) ?? null;
    const page: GuardedPage = {
      path,
      approved: approval?.digest ?? null,
      seen: known?.seen ?? null,
      candidate: known?.candidate ?? null,
      state: "unseen",
    };
    page.state = stateOf(page);
    // What was just approved is what this worker saw: now it is worth the disk.
    if (page.state === "approved" && page.candidate !== null && page.seen !== null) {
      keep(page.seen.digest, page.candidate);
    }
    pages.set(keyOf(path), page);
  }
  return { protects: settings.mode === "protect", pages };
}

/** `/%61bout` is `/about` for every server; a path that servers read differently stays as it is. */
function keyOf(target: string): string {
  const { normal, isAmbiguous } = viewPath(target);
  const question = target.indexOf("?");
  return isAmbiguous ? target.slice(0, question < 0 ? undefined : question) : normal;
}

function stateOf({ approved, seen }: GuardedPage): GuardedPage["state"] {
  if (seen === null) return "unseen";
  if (approved === null) return "unapproved";
  return seen.digest === approved ? "approved" : "changed";
}

/** The guarded page that a request asks for, if any. */
export function guardedPage({ head, site }: Exchange): GuardedPage | null {
  const guard = site?.guard ?? null;
  if (guard === null || head.method !== "GET") return null;
  return guard.pages.get(keyOf(head.parsedTarget.path)) ?? null;
}

/**
 * Judges the whole body of a guarded page. True when the exchange was answered with the copy.
 *
 * @param body null: it was larger than what is guarded.
 */
export function judgePage(exchange: Exchange, page: GuardedPage, body: Buffer | null): boolean {
  const { site, response, connection } = exchange;
  if (site?.guard == null || response === null) return false;
  const guarded = body === null || body.length > pageLimits.pageBytesMax ? null : body;
  if (guarded === null && page.approved === null) {
    exchange.reason = "pageTooLargeToGuard";
    return false;
  }
  const digest = pageDigest(response, guarded);
  const contentType = fieldValue(response.fields, "content-type") ?? "";
  const copy = guarded === null ? null : { contentType, body: guarded };
  take(connection.gateway, page, { digest, copy, site });
  if (page.approved === null || digest === page.approved) return false;
  exchange.reason = "pageChanged";
  if (!site.guard.protects) return false;
  const approved = connection.gateway.copies.find(page.approved);
  if (approved === null) exchange.reason = "pageChangedNoCopy";
  else {
    const { contentType, body: text } = approved;
    const page = { status: 200, contentType, body: text.toString("latin1"), fields: "" };
    answerWith(exchange, "pageChanged", page);
  }
  return approved !== null;
}

/**
 * Another status is another page, and so is what cannot be read or is larger than any that was
 * approved: these texts equal no digest.
 */
function pageDigest({ status, fields }: ResponseHead, body: Buffer | null): string {
  if (status !== 200) return `status ${status}`;
  if (body === null) return "too large";
  return codingOf(fields) === "identity" ? digestOf(body) : "unknown coding";
}

function take(
  gateway: Gateway,
  page: GuardedPage,
  { digest, copy, site }: { digest: string; copy: PageCopy | null; site: Site },
): void {
  const isNew = page.seen?.digest !== digest;
  page.seen = { digest, bytes: copy?.body.length ?? 0, timeMs: Date.now() };
  page.state = stateOf(page);
  if (!isNew) return;
  page.candidate = copy;
  if (page.state === "changed") {
    const { accountId, siteId, domains } = site.intent;
    const approvedDigest = page.approved ?? "";
    const isCovered = site.guard?.protects === true && gateway.copies.find(approvedDigest) !== null;
    const change = { accountId, siteId, host: domains[0] ?? siteId, path: page.path };
    const time = Date.now();
    gateway.emit(pageEvent({ ...change, approvedDigest, digest, isCovered, time }));
  }
  if (page.state === "approved" && copy !== null && gateway.copies.find(digest) === null) {
    gateway.copies.keep(digest, copy);
  }
}

const STATUSES_MAX = 1_000;

/** What this worker says of guarded pages. */
export function pageStatuses(sites: readonly Site[]): PageStatus[] {
  const found: PageStatus[] = [];
  for (const { intent, guard } of sites) {
    for (const { path, approved, seen, state } of guard?.pages.values() ?? []) {
      if (found.length >= STATUSES_MAX) return found;
      found.push({
        siteId: intent.siteId,
        path,
        state,
        approvedDigest: approved,
        seenDigest: seen?.digest ?? null,
        seenBytes: seen?.bytes ?? 0,
        seenTimeMs: seen?.timeMs ?? 0,
      });
    }
  }
  return found;
}

/** The pages as the gateway as a whole saw them: what was seen last. */
export function joinPages(workers: readonly PageStatus[][]): PageStatus[] {
  const joined = new Map<string, PageStatus>();
  for (const status of workers.flat()) {
    const key = `${status.siteId} ${status.path}`;
    const known = joined.get(key);
    if (known === undefined || status.seenTimeMs > known.seenTimeMs) joined.set(key, status);
  }
  return [...joined.values()];
}

/** What the operator should know now: pages that are not what was approved. */
export const pageTroubles = (sites: readonly Site[]): string[] =>
  pageStatuses(sites)
    .filter(({ state }) => state === "changed")
    .map(({ siteId, path }) => `page ${path} of ${siteId} is not what was approved`);
