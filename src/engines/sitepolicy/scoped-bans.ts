/**
 * Bans that others have decided, each good for requests of one scope only: whoever makes one up for
 * a scope cannot refuse requests that are counted under another. Bounded over all scopes.
 */
import { banKey, type RateKey } from "./rate-book.ts";

export type ScopedBan = {
  readonly scope: string;
  readonly key: RateKey;
  readonly untilMs: number;
};

export type ScopedBans = {
  readonly scopes: Map<string, Map<number, ScopedBan>>;
  readonly bansMax: number;
  size: number;
  sweptMs: number;
};

/** How often, at most, ended bans are looked for in all scopes. */
const SWEEP_EVERY_MS = 1_000;

/** Room for so many bans. */
export function createScopedBans(bansMax: number): ScopedBans {
  return { scopes: new Map(), bansMax, size: 0, sweptMs: 0 };
}

/** Until when a key is refused in a scope; 0 when it is not. */
export function bannedUntil(bans: ScopedBans, scope: string, given: Asked): number {
  if (bans.size === 0) return 0;
  const untilMs = bans.scopes.get(scope)?.get(banKey(given.key))?.untilMs ?? 0;
  return untilMs > given.nowMs ? untilMs : 0;
}

type Asked = { readonly key: RateKey; readonly nowMs: number };

/** Takes a ban; false when there is no room left. */
export function addScopedBan(bans: ScopedBans, ban: ScopedBan, nowMs: number): boolean {
  if (bans.size >= bans.bansMax) sweep(bans, nowMs);
  const known = bans.scopes.get(ban.scope) ?? new Map<number, ScopedBan>();
  const at = banKey(ban.key);
  const isKnown = known.has(at);
  if (!isKnown && bans.size >= bans.bansMax) return false;
  bans.scopes.set(ban.scope, known);
  known.set(at, ban);
  if (!isKnown) bans.size++;
  return true;
}

/** The bans in force. */
export function scopedBansInForce(bans: ScopedBans, nowMs: number): ScopedBan[] {
  return [...bans.scopes.values()].flatMap((known) =>
    [...known.values()].filter(({ untilMs }) => untilMs > nowMs),
  );
}

function sweep(bans: ScopedBans, nowMs: number): void {
  if (nowMs - bans.sweptMs < SWEEP_EVERY_MS) return;
  bans.sweptMs = nowMs;
  for (const [scope, known] of bans.scopes) {
    for (const [at, { untilMs }] of known) {
      if (untilMs > nowMs) continue;
      known.delete(at);
      bans.size--;
    }
    if (known.size === 0) bans.scopes.delete(scope);
  }
}
