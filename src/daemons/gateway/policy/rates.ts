/**
 * Rate limits of a worker: what a request is counted by, the worker's own book, and what it tells
 * the master so that all workers, and all gateways, count together (docs/decisions/0029).
 */
import { hash } from "node:crypto";
import { readAddress } from "../../../engines/sitepolicy/address.ts";
import type { Facts } from "../../../engines/sitepolicy/facts.ts";
import { FIELDS } from "../../../engines/sitepolicy/facts.ts";
import {
  acceptBan,
  countArrivals,
  createRateBook,
  type RateBook,
  type RateKey,
  type RateTerms,
  refusedUntil,
} from "../../../engines/sitepolicy/rate-book.ts";
import {
  addScopedBan,
  bannedUntil,
  createScopedBans,
  type ScopedBan,
  type ScopedBans,
} from "../../../engines/sitepolicy/scoped-bans.ts";
import { rateExchangeLimits } from "../../../kernel/intent/rate-protocol.ts";
import { termsOfLimit } from "../../../kernel/intent/rate-scopes.ts";
import type { RateLimit } from "../../../kernel/intent/site-policy-document.ts";

export const rateLimits = {
  /** Sets of eight keys in a worker's book, and in the master's. */
  sets: 8_192,
  bansMax: 50_000,
  /** How often a worker tells the master what it counted. */
  shareEveryMs: 50,
  /** Keys of one report; more wait for the next, and beyond `pendingMax` are not shared. */
  reportMax: 4_096,
  pendingMax: 32_768,
} as const;

/** Arrivals of a key that the master does not know of yet. */
export type RateCount = {
  /** The limit that it is counted for. */
  readonly scope: string;
  readonly key: RateKey;
  readonly terms: RateTerms;
  amount: number;
};

export type Rates = {
  readonly book: RateBook;
  /** Bans that follow from what other gateways counted too. */
  readonly fleet: ScopedBans;
  /** Keys the hash, so that nobody can choose two keys that meet; one of all gateways once told. */
  seed: string;
  readonly pending: Map<string, RateCount>;
  /** Gives a report to the master; null for a worker that is alone. */
  readonly share: ((counts: readonly RateCount[]) => void) | null;
  timer: NodeJS.Timeout | null;
};

/** A worker's rates. */
export function createRates(seed: string, share: Rates["share"]): Rates {
  const book = createRateBook(rateLimits);
  const fleet = createScopedBans(rateExchangeLimits.bansMax);
  return { book, fleet, seed, pending: new Map(), share, timer: null };
}

/** Milliseconds for which the request is refused; 0 when it is within the limit. */
export function countRequest(
  rates: Rates,
  facts: Facts,
  { limit, scope }: { limit: RateLimit; scope: string },
): number {
  const { nowMs } = facts;
  const key = keyOf(rates, scope, keyText(limit, facts));
  const refused = refusedMs(rates, scope, { key, nowMs });
  if (refused > 0) return refused;
  const terms = termsOfLimit(limit);
  noteForMaster(rates, { scope, key, terms });
  const untilMs = countArrivals(rates.book, key, { terms, amount: 1, nowMs });
  return untilMs === 0 ? 0 : untilMs - nowMs;
}

function keyOf({ seed }: Rates, scope: string, text: string): RateKey {
  const digest = hash("sha256", `${seed}\0${scope}\0${text}`, "buffer");
  return { high: digest.readUInt32LE(0), low: digest.readUInt32LE(4) };
}

/** For how long a key is refused from now on, by this gateway's own count or by that of all. */
function refusedMs(
  { book, fleet }: Rates,
  scope: string,
  asked: { key: RateKey; nowMs: number },
): number {
  const own = refusedUntil(book, asked.key, asked.nowMs);
  return Math.max(own, bannedUntil(fleet, scope, asked), asked.nowMs) - asked.nowMs;
}

/** Counts the network of a client; returns for how long it is banned. */
export function countByNetwork(
  rates: Rates,
  { address, nowMs }: Facts,
  { scope, terms }: { scope: string; terms: RateTerms },
): number {
  const key = keyOf(rates, scope, networkOf(address));
  noteForMaster(rates, { scope, key, terms });
  return countArrivals(rates.book, key, { terms, amount: 1, nowMs }) - nowMs;
}

/** Milliseconds for which the network of a client is banned in a scope; 0 when it is not. */
export function refusedNetwork(rates: Rates, { address, nowMs }: Facts, scope: string): number {
  return refusedMs(rates, scope, { key: keyOf(rates, scope, networkOf(address)), nowMs });
}

/** Takes over bans that the master tells of. */
export function acceptBans(rates: Rates, bans: readonly { key: RateKey; untilMs: number }[]): void {
  for (const { key, untilMs } of bans) acceptBan(rates.book, key, untilMs);
}

/** Takes over what all gateways count by, and bans that follow from it. */
export function acceptFleetRates(
  rates: Rates,
  { seed, bans }: { seed: string; bans: readonly ScopedBan[] },
): void {
  // Counts under another seed can meet nobody's any more.
  if (seed !== rates.seed) rates.pending.clear();
  rates.seed = seed;
  for (const ban of bans) addScopedBan(rates.fleet, ban, Date.now());
}

function noteForMaster(rates: Rates, { scope, key, terms }: Omit<RateCount, "amount">): void {
  const { pending, share } = rates;
  if (share === null) return;
  const name = `${key.high}.${key.low}`;
  const known = pending.get(name);
  if (known !== undefined) known.amount++;
  else if (pending.size < rateLimits.pendingMax) {
    pending.set(name, { scope, key, terms, amount: 1 });
  }
  rates.timer ??= setTimeout(report, rateLimits.shareEveryMs, rates).unref();
}

function report(rates: Rates): void {
  const counts = [...rates.pending.values()].slice(0, rateLimits.reportMax);
  for (const { key } of counts) rates.pending.delete(`${key.high}.${key.low}`);
  rates.share?.(counts);
  const more = rates.pending.size > 0;
  rates.timer = more ? setTimeout(report, rateLimits.shareEveryMs, rates).unref() : null;
}

function keyText({ keys }: RateLimit, facts: Facts): string {
  const parts = keys.map(({ by, name = "" }) => {
    if (by === "ip") return networkOf(facts.address);
    if (by === "path") return facts.path;
    if (by === "fingerprint") return facts.fingerprint() ?? "";
    if (by === "ja4") return facts.ja4 || `\0${networkOf(facts.address)}`;
    const values =
      by === "header" ? FIELDS.header(facts, name.toLowerCase()) : FIELDS.cookie(facts, name);
    // Leaving the header out must not be a way to share nobody's count.
    return values?.[0] ?? `\0${networkOf(facts.address)}`;
  });
  return parts.join("\0");
}

const words = new Uint32Array(4);

/** An IPv4 address, or the /64 of an IPv6 one: whoever has one of it has all. */
export function networkOf(address: string): string {
  if (!address.includes(":") || !readAddress(address, words)) return address;
  return words[0] === 0 && words[1] === 0 ? address : `${words[0]}:${words[1]}/64`;
}
