/**
 * Which upstream a request goes to when its site has settings for them: smooth weighted round
 * robin, a cookie that keeps a client where it was, and failures in a row that eject.
 */
import type { Exchange, Site, Upstream } from "./state.ts";
import { tellUpstream } from "./upstream-status.ts";

/**
 * The upstream for the next try of an exchange, or null. Ejected ones, and those that refused a
 * connection a moment ago, are used only when there is no other; those that fail their checks,
 * never.
 */
export function chooseBalanced(site: Site, exchange: Exchange): Upstream | null {
  const nowMs = Date.now();
  const usable = site.upstreams.filter(
    (one) => one.health.up && one.policy?.weight !== 0 && !exchange.tried.includes(one),
  );
  const ready = usable.filter(
    (one) => one.health.ejectedUntilMs <= nowMs && one.downUntilMs <= nowMs,
  );
  const sticky = stickyUpstream(site, exchange, nowMs);
  if (sticky !== null) return sticky;
  return weighted(ready.length > 0 ? ready : usable);
}

function weighted(upstreams: readonly Upstream[]): Upstream | null {
  let total = 0;
  let best: Upstream | null = null;
  for (const upstream of upstreams) {
    const weight = upstream.policy?.weight ?? 1;
    total += weight;
    upstream.health.credit += weight;
    if (best === null || upstream.health.credit > best.health.credit) best = upstream;
  }
  if (best !== null) best.health.credit -= total;
  return best;
}

/** The upstream that the client's cookie names; also one that is drained, to end its sessions. */
function stickyUpstream(site: Site, exchange: Exchange, nowMs: number): Upstream | null {
  const name = site.delivery?.stickyCookie ?? "";
  if (name === "" || exchange.tried.length > 0) return null;
  const { lower, values } = exchange.head.fields;
  for (let at = 0; at < lower.length; at++) {
    if (lower[at] !== "cookie") continue;
    const value = cookieValue(values[at] ?? "", name);
    const named = site.upstreams.find((one) => one.policy?.stickyId === value);
    if (named === undefined || !named.health.up) continue;
    if (named.health.ejectedUntilMs <= nowMs && named.downUntilMs <= nowMs) return named;
  }
  return null;
}

function cookieValue(cookies: string, name: string): string | undefined {
  for (const pair of cookies.split(";")) {
    const equals = pair.indexOf("=");
    if (equals > 0 && pair.slice(0, equals).trim() === name) return pair.slice(equals + 1).trim();
  }
  return undefined;
}

/** The Set-Cookie line of a response whose client is to stay; empty when it has the cookie. */
export function stickyLine(exchange: Exchange): string {
  const name = exchange.site?.delivery?.stickyCookie ?? "";
  const id = exchange.tried.at(-1)?.policy?.stickyId;
  if (name === "" || id === undefined) return "";
  const { lower, values } = exchange.head.fields;
  const has = values.some((value, at) => lower[at] === "cookie" && cookieValue(value, name) === id);
  if (has) return "";
  const secure = exchange.connection.isSecure ? "; Secure" : "";
  return `Set-Cookie: ${name}=${id}; Path=/; HttpOnly; SameSite=Lax${secure}\r\n`;
}

/** Counts how the exchange ended against the upstream that served it. */
export function noteOutcome(exchange: Exchange): void {
  const upstream = exchange.tried.at(-1);
  const policy = upstream?.policy ?? null;
  if (upstream === undefined || policy === null) return;
  const { ejectAfterFailures, ejectSeconds } = policy.settings;
  const { health } = upstream;
  const { status, reason } = exchange;
  if (reason === "upstreamConnectionsExhausted") return;
  const isFailure =
    reason.startsWith("upstream") || status === 502 || status === 503 || status === 504;
  if (!isFailure) {
    if (exchange.response !== null) health.failures = 0;
    return;
  }
  health.failures++;
  if (ejectAfterFailures === 0 || health.failures < ejectAfterFailures) return;
  const nowMs = Date.now();
  if (health.ejectedUntilMs > nowMs) return;
  health.ejectedUntilMs = nowMs + ejectSeconds * 1_000;
  health.reason = `${health.failures} requests in a row failed, the last with ${reason || status}`;
  health.failures = 0;
  tellUpstream(exchange.connection.gateway, upstream, "ejected");
}
