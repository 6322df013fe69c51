/** Refusals with the site's own page, by rules, lists and limits alike; and the challenge. */
import { fillPage } from "../../../engines/sitepolicy/block-page.ts";
import type { BlockPage } from "../../../kernel/intent/site-policy-document.ts";
import { answerWith } from "../answer.ts";
import { ownPage, wantsJson } from "../pages.ts";
import type { Exchange } from "../state.ts";
import { issueToken } from "./challenge.ts";
import { challengeFields, challengePage } from "./challenge-page.ts";
import type { SitePolicy } from "./site-policy.ts";

export type Refusal = {
  /** Default: that of the site's page, else 403. */
  readonly status?: number | undefined;
  readonly retryAfterSeconds?: number;
  /** Where the client is sent; latin1. */
  readonly location?: string;
};

/** Ends an exchange as blocked, with the page of its route or site if there is one. */
export function refuse(exchange: Exchange, reason: string, refusal: Refusal = {}): void {
  if (exchange.over) return;
  exchange.blocked = true;
  const page = pageOf(exchange);
  const status = refusal.status ?? page?.status ?? 403;
  const { retryAfterSeconds, location } = refusal;
  let fields = retryAfterSeconds === undefined ? "" : `Retry-After: ${retryAfterSeconds}\r\n`;
  if (location !== undefined) fields += `Location: ${encoded(location)}\r\n`;
  answerWith(exchange, reason, { status, fields, ...contentOf(exchange, page, status) });
}

/** A rule may make a location of what the client sent: no byte of it ends the field. */
const encoded = (location: string): string =>
  location.replace(
    /[^!-~]/g,
    (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`,
  );

/** The status of a rule that says nothing of one. */
const DENIED = 403;

/** Ends an exchange as blocked by rules, the way the rule says: its status, or its redirect. */
export function refuseByRules(exchange: Exchange, status: number): void {
  const location = exchange.inspection?.location() ?? "";
  if (location !== "") {
    const isRedirect = status >= 300 && status < 400;
    refuse(exchange, "blockedByRules", { status: isRedirect ? status : 302, location });
    return;
  }
  const isOwn = status !== DENIED && status >= 400 && status < 600;
  refuse(exchange, "blockedByRules", isOwn ? { status } : {});
}

function contentOf(exchange: Exchange, page: BlockPage | null, status: number) {
  const { requestId, head } = exchange;
  if (page === null || page.html === "") return ownPage(status, requestId, head.fields);
  const html = fillPage(page.html, {
    requestId,
    clientAddress: exchange.clientAddress,
    status: String(status),
    time: new Date(exchange.time).toISOString(),
  });
  // Bodies of the gateway's own are written as latin1; the operator's page is UTF-8.
  const body = Buffer.from(html, "utf8").toString("latin1");
  return { contentType: "text/html; charset=utf-8", body };
}

function pageOf({ policy: run, site }: Exchange): BlockPage | null {
  const policy = site?.policy?.intent;
  if (policy === undefined) return null;
  const route = policy.routes.find(({ routeId }) => routeId === run?.routeId);
  return route?.blockPage ?? policy.blockPage;
}

/** Ends an exchange with the page that lets a browser prove itself. */
export function challenge(exchange: Exchange, policy: SitePolicy): void {
  const facts = exchange.policy?.facts;
  if (exchange.over || facts === null || facts === undefined) return;
  exchange.blocked = true;
  const { challengeBits: bits, passSeconds } = policy.intent.bots;
  const { requestId, head } = exchange;
  if (wantsJson(head.fields)) {
    const page = ownPage(403, requestId, head.fields);
    answerWith(exchange, "challenged", { status: 403, fields: "", ...page });
    return;
  }
  const token = issueToken(facts, { key: policy.challengeKey, bits, passSeconds });
  const body = challengePage(head, { token, bits, passSeconds, requestId });
  const contentType = "text/html; charset=utf-8";
  answerWith(exchange, "challenged", { status: 403, contentType, body, fields: challengeFields });
}
