/**
 * The policy stage: between finding the site and asking its rule set. One call for the head, one
 * for the body; a site without a policy never comes here.
 */
import { testReadings } from "../../../engines/sitepolicy/condition.ts";
import { type Facts, readingsOf } from "../../../engines/sitepolicy/facts.ts";
import { requestFingerprint } from "../../../engines/sitepolicy/fingerprint.ts";
import { type PathView, viewPath } from "../../../engines/sitepolicy/path.ts";
import { scopeOfRule } from "../../../kernel/intent/rate-scopes.ts";
import type { RateLimit } from "../../../kernel/intent/site-policy-document.ts";
import { forwardedScheme } from "../forward.ts";
import type { Exchange, Site } from "../state.ts";
import type { Crawlers } from "./crawlers.ts";
import { passGates } from "./gates.ts";
import { challengeUnlessPassed, decide, type Outcome, stop } from "./outcome.ts";
import { countRequest } from "./rates.ts";
import { type Refusal, refuse } from "./refuse.ts";
import type { PolicyRun } from "./run.ts";
import type { CompiledRule, SitePolicy } from "./site-policy.ts";

/**
 * Routes the request within its site and applies the site's policy to its head.
 *
 * @returns the site as the route changes it, or null when the exchange is over.
 */
export function applyPolicy(exchange: Exchange, site: Site): Site | null {
  const { policy } = site;
  if (policy === null) return site;
  const view = viewPath(exchange.head.parsedTarget.path);
  const at = policy.routeOf === null ? -1 : policy.routeOf(view);
  const route = policy.intent.routes[at];
  const there = (view.isAmbiguous ? site.strictRoutes[at] : site.routes[at]) ?? site;
  const run: PolicyRun = {
    routeId: route?.routeId ?? null,
    facts: null,
    readings: [],
    decisions: [],
    resumeAt: -1,
    skipsRules: false,
    headerChanges: null,
  };
  exchange.policy = run;
  exchange.site = there;
  if (route !== undefined && isTooLarge(exchange, route.uploadBytesMax)) return null;
  const facts = factsOf(exchange, policy, view);
  run.facts = facts;
  run.readings = readingsOf(facts, view.readings);
  const listed = applyLists(exchange, policy, facts);
  if (listed === "over") return null;
  // A route that is a bypass has the mode `off`, but for a path that may not be its own.
  if (listed === "allow" || there.intent.mode === "off") return there;
  const gate = passGates(exchange, policy, facts);
  if (gate === "over") return null;
  if (gate === "pass") return there;
  return applyRules(exchange, policy, 0) ? null : there;
}

/** Goes on with the rules that had to wait for the body; true when the exchange is over. */
export function applyPolicyToBody(exchange: Exchange, body: Buffer): boolean {
  const { policy: run, site } = exchange;
  if (run === null || run.resumeAt < 0 || run.facts === null || site === null) return false;
  run.facts.body = body.toString("latin1");
  const from = run.resumeAt;
  run.resumeAt = -1;
  return site.policy !== null && applyRules(exchange, site.policy, from);
}

/** Whether a body has grown beyond what its route takes; true when the exchange is over. */
export function refuseLargeBody(exchange: Exchange): boolean {
  const { policy: run, site, requestBytes } = exchange;
  if (run === null || run.routeId === null || site === null) return false;
  const route = site.policy?.intent.routes.find(({ routeId }) => routeId === run.routeId);
  const limit = route?.uploadBytesMax ?? null;
  if (limit === null || requestBytes <= limit) return false;
  refuseUpload(exchange, limit);
  return true;
}

function isTooLarge(exchange: Exchange, limit: number | null): boolean {
  const { framing } = exchange.head;
  if (limit === null || framing.kind !== "length" || framing.bytes <= limit) return false;
  refuseUpload(exchange, limit);
  return true;
}

function refuseUpload(exchange: Exchange, limit: number): void {
  const detail = `The body is larger than the ${limit} bytes that this route takes`;
  decide(exchange, { kind: "upload", id: exchange.policy?.routeId ?? "", name: "", detail });
  refuse(exchange, "uploadTooLarge", { status: 413 });
}

function factsOf(exchange: Exchange, policy: SitePolicy, { normal }: PathView): Facts {
  const { head, connection, clientAddress } = exchange;
  const target = head.parsedTarget.path;
  const question = target.indexOf("?");
  const { lower, values } = head.fields;
  let fingerprint: string | undefined;
  let country: string | undefined;
  let checked: ReturnType<Crawlers["check"]> | undefined;
  const crawler = () => {
    checked ??= policy.bots?.crawlers.check(clientAddress, facts.userAgent) ?? null;
    return checked;
  };
  let asn: string | undefined;
  const facts: Facts = {
    nowMs: exchange.time,
    address: clientAddress,
    method: head.method,
    host: head.authority?.host ?? "",
    scheme: forwardedScheme(exchange) ?? (connection.isSecure ? "https" : "http"),
    path: normal,
    rawPath: question < 0 ? target : target.substring(0, question),
    query: question < 0 ? "" : target.substring(question + 1),
    userAgent: values[lower.indexOf("user-agent")] ?? "",
    fields: head.fields,
    get country() {
      country ??= policy.geo?.country(clientAddress);
      return country;
    },
    get asn() {
      asn ??= policy.geo?.asn(clientAddress);
      return asn;
    },
    fingerprint: () => {
      fingerprint ??= requestFingerprint(head.minorVersion, head.fields);
      return fingerprint;
    },
    ja4: connection.ja4,
    crawler: () => (crawler()?.state === "verified" ? crawler()?.name : "") ?? "",
    crawlerState: () => crawler()?.state ?? "unknown",
    body: undefined,
  };
  return facts;
}

function applyLists(exchange: Exchange, policy: SitePolicy, facts: Facts): "allow" | "over" | "go" {
  let result: "allow" | "block" | "go" = "go";
  for (const { id, action, holds } of policy.lists) {
    if (!holds(facts.address, facts.nowMs)) continue;
    const isTelling = action === "allow" || (action === "block" && result === "go");
    if (isTelling) result = action;
    decide(exchange, { kind: "list", id, name: "", action, detail: facts.address });
  }
  if (result !== "block") return result;
  refuse(exchange, "listedSource");
  return "over";
}

/** Asks the rules in their order; true when the exchange is over. */
function applyRules(exchange: Exchange, policy: SitePolicy, from: number): boolean {
  const run = exchange.policy;
  const facts = run?.facts;
  if (run === null || facts === null || facts === undefined) return false;
  for (let at = from; at < policy.rules.length; at++) {
    const rule = policy.rules[at];
    if (rule === undefined || rule.expiresAtMs <= facts.nowMs) continue;
    const needed = rule.action.kind === "allow" ? "every" : "some";
    const result = rule.test === null ? true : testReadings(rule.test, run.readings, needed);
    if (result === undefined && rule.readsBody && facts.body === undefined) {
      run.resumeAt = at;
      return false;
    }
    if (result !== true) continue;
    const outcome = applyAction(exchange, policy, rule);
    if (outcome !== "next") return outcome === "over";
  }
  return false;
}

function applyAction(exchange: Exchange, policy: SitePolicy, rule: CompiledRule): Outcome {
  const { action, kind, id, name } = rule;
  const decided = { kind, id, name };
  const run = exchange.policy;
  switch (action.kind) {
    case "allow":
      decide(exchange, { kind, id, name, action: "allow" });
      if (run !== null) run.skipsRules = action.skipsRules === true;
      return "pass";
    case "log":
      decide(exchange, { kind, id, name, action: "log", enforced: false });
      return "next";
    case "rewriteHeader":
      decide(exchange, { kind, id, name, action: "rewriteHeader", detail: action.name });
      if (run !== null) {
        run.headerChanges ??= [];
        run.headerChanges.push({ name: action.name.toLowerCase(), value: action.value });
      }
      return "next";
    case "block":
      return stop(exchange, decided, () => refuseFor(exchange, kind, { status: action.status }));
    case "challenge":
      if (passesAsCrawler(exchange, policy)) return "next";
      return challengeUnlessPassed(exchange, policy, decided);
    case "rateLimit":
      return applyLimit(exchange, policy, { rule, limit: action.limit });
  }
}

function refuseFor(exchange: Exchange, kind: CompiledRule["kind"], refusal: Refusal): void {
  refuse(exchange, kind === "patch" ? "blockedByPatch" : "blockedByRule", refusal);
}

/** Confirmed crawlers are spared challenges and limits when the site says so. */
function passesAsCrawler({ policy: run }: Exchange, policy: SitePolicy): boolean {
  return policy.intent.bots.letCrawlersPass && (run?.facts?.crawler() ?? "") !== "";
}

function applyLimit(
  exchange: Exchange,
  policy: SitePolicy,
  { rule: { id, name }, limit }: { rule: CompiledRule; limit: RateLimit },
): Outcome {
  // Spellings of one path that some server takes for one count as one.
  const facts = exchange.policy?.readings[0];
  if (facts === undefined || passesAsCrawler(exchange, policy)) return "next";
  const { gateway } = exchange.connection;
  const scope = scopeOfRule(exchange.site?.intent.siteId ?? "", id);
  const waitMs = countRequest(gateway.rates, facts, { limit, scope });
  if (waitMs === 0) return "next";
  const decided = { kind: "rateLimit", id, name } as const;
  if (limit.exceeded === "challenge") return challengeUnlessPassed(exchange, policy, decided);
  const retryAfterSeconds = Math.ceil(waitMs / 1_000);
  const detail = `More than ${limit.requestsMax} requests in ${limit.windowSeconds} seconds`;
  return stop(exchange, { ...decided, detail }, () =>
    refuse(exchange, "rateLimited", { status: 429, retryAfterSeconds }),
  );
}
