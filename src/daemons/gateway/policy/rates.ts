/**
 * Rate limits of a worker: what a request is counted by, the worker's own book, and what it tells
 * the master so that all workers count together (docs/decisions/0029).
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
export type RateCount = { readonly key: RateKey; readonly terms: RateTerms; amount: number };

export type Rates = {
  readonly book: RateBook;
  /** Keys the hash, so that nobody can choose two keys that meet. */
  readonly seed: string;
  readonly pending: Map<string, RateCount>;
  /** Gives a report to the master; null for a worker that is alone. */
  readonly share: ((counts: readonly RateCount[]) => void) | null;
  timer: NodeJS.Timeout | null;
};

/** A worker's rates. */
export function createRates(seed: string, share: Rates["share"]): Rates {
  const book = createRateBook(rateLimits);
  return { book, seed, pending: new Map(), share, timer: null };
}

/** Milliseconds for which the request is refused; 0 when it is within the limit. */
export function countRequest(
  rates: Rates,
  facts: Facts,
  { limit, scope }: { limit: RateLimit; scope: string },
): number {
  const { nowMs } = facts;
  const key = keyOf(rates, scope, keyText(limit, facts));
  const refused = refusedUntil(rates.book, key, nowMs);
  if (refused > 0) return refused - nowMs;
  const terms: RateTerms = {
    requestsMax: limit.requestsMax,
    windowMs: limit.windowSeconds * 1_000,
    banMs: limit.banSeconds * 1_000,
    banMsMax: limit.banSecondsMax * 1_000,
  };
  noteForMaster(rates, key, terms);
  const untilMs = countArrivals(rates.book, key, { terms, amount: 1, nowMs });
  return untilMs === 0 ? 0 : untilMs - nowMs;
}

function keyOf({ seed }: Rates, scope: string, text: string): RateKey {
  const digest = hash("sha256", `${seed}\0${scope}\0${text}`, "buffer");
  return { high: digest.readUInt32LE(0), low: digest.readUInt32LE(4) };
}

/** Bans the network of a client at its first request; returns for how long. */
export function countByNetwork(
  rates: Rates,
  { address, nowMs }: Facts,
  { scope, banMs }: { scope: string; banMs: number },
): number {
  const key = keyOf(rates, scope, networkOf(address));
  const terms: RateTerms = { requestsMax: 0, windowMs: 1_000, banMs, banMsMax: banMs };
  noteForMaster(rates, key, terms);
  return countArrivals(rates.book, key, { terms, amount: 1, nowMs }) - nowMs;
}

/** Milliseconds for which the network of a client is banned in a scope; 0 when it is not. */
export function refusedNetwork(rates: Rates, { address, nowMs }: Facts, scope: string): number {
  const untilMs = refusedUntil(rates.book, keyOf(rates, scope, networkOf(address)), nowMs);
  return untilMs === 0 ? 0 : untilMs - nowMs;
}

/** Takes over bans that the master tells of. */
export function acceptBans(rates: Rates, bans: readonly { key: RateKey; untilMs: number }[]): void {
  for (const { key, untilMs } of bans) acceptBan(rates.book, key, untilMs);
}

function noteForMaster(rates: Rates, key: RateKey, terms: RateTerms): void {
  const { pending, share } = rates;
  if (share === null) return;
  const name = `${key.high}.${key.low}`;
  const known = pending.get(name);
  if (known !== undefined) known.amount++;
  else if (pending.size < rateLimits.pendingMax) pending.set(name, { key, terms, amount: 1 });
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
