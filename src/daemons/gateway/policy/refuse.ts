/** Refusals with the site's own page, by rules, lists and limits alike; and the challenge. */
import { fieldValue } from "../../../engines/http1/fields.ts";
import { fillPage } from "../../../engines/sitepolicy/block-page.ts";
import type { BlockPage } from "../../../kernel/intent/site-policy-document.ts";
import { answerWith } from "../answer.ts";
import { ownPage } from "../pages.ts";
import type { Exchange } from "../state.ts";
import { issueToken } from "./challenge.ts";
import { challengeFields, challengePage } from "./challenge-page.ts";
import type { SitePolicy } from "./site-policy.ts";

export type Refusal = {
  /** Default: that of the site's page, else 403. */
  readonly status?: number | undefined;
  readonly retryAfterSeconds?: number;
};

/** Ends an exchange as blocked, with the page of its route or site if there is one. */
export function refuse(exchange: Exchange, reason: string, refusal: Refusal = {}): void {
  if (exchange.over) return;
  exchange.blocked = true;
  const page = pageOf(exchange);
  const status = refusal.status ?? page?.status ?? 403;
  const { retryAfterSeconds } = refusal;
  const fields = retryAfterSeconds === undefined ? "" : `Retry-After: ${retryAfterSeconds}\r\n`;
  answerWith(exchange, reason, { status, fields, ...contentOf(exchange, page, status) });
}

function contentOf(exchange: Exchange, page: BlockPage | null, status: number) {
  const accept = fieldValue(exchange.head.fields, "accept") ?? "";
  if (page === null || page.html === "") return ownPage(status, exchange.requestId, accept);
  const html = fillPage(page.html, {
    requestId: exchange.requestId,
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
  const accept = fieldValue(exchange.head.fields, "accept") ?? "";
  if (accept.includes("json") && !accept.includes("text/html")) {
    const page = ownPage(403, exchange.requestId, accept);
    answerWith(exchange, "challenged", { status: 403, fields: "", ...page });
    return;
  }
  const token = issueToken(facts, { key: policy.challengeKey, bits, passSeconds });
  const { requestId, head } = exchange;
  const body = challengePage({ token, bits, passSeconds, method: head.method, requestId });
  const contentType = "text/html; charset=utf-8";
  answerWith(exchange, "challenged", { status: 403, contentType, body, fields: challengeFields });
}
