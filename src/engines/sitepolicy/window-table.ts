/**
 * Counts per key over sliding windows in a table of fixed size: eight places to a set, the least
 * counted gives way. A flood of keys can make a key be counted too low, never too high, and never
 * takes more memory.
 */

const WAYS = 8;

export type WindowTable = {
  readonly mask: number;
  readonly high: Uint32Array;
  readonly low: Uint32Array;
  /** Number of the window that `current` counts, 32 bits of it. */
  readonly window: Uint32Array;
  readonly current: Uint32Array;
  readonly previous: Uint32Array;
  /** When both counts are of no use any more. */
  readonly staleAtMs: Float64Array;
};

export type Key = { readonly high: number; readonly low: number };

/** A table with room for `sets` × 8 keys; `sets` is a power of two. 28 bytes a key. */
export function createWindowTable(sets: number): WindowTable {
  const places = sets * WAYS;
  return {
    mask: sets - 1,
    high: new Uint32Array(places),
    low: new Uint32Array(places),
    window: new Uint32Array(places),
    current: new Uint32Array(places),
    previous: new Uint32Array(places),
    staleAtMs: new Float64Array(places),
  };
}

/**
 * Adds to a key's count.
 *
 * @returns what the last `windowMs` held: the current window, and the part of the one before that
 *   has not slid out, taking its arrivals as evenly spread.
 */
export function addToWindow(
  table: WindowTable,
  key: Key,
  { amount, nowMs, windowMs }: { amount: number; nowMs: number; windowMs: number },
): number {
  const at = placeOf(table, key, nowMs);
  const window = Math.floor(nowMs / windowMs);
  roll(table, at, window >>> 0);
  const count = (table.current[at] ?? 0) + amount;
  table.current[at] = count;
  table.staleAtMs[at] = (window + 2) * windowMs;
  return count + (table.previous[at] ?? 0) * (1 - (nowMs % windowMs) / windowMs);
}

/**
 * How long until a key's count falls below a limit when nothing more arrives; 0 when it is below.
 */
export function msUntilBelow(
  table: WindowTable,
  key: Key,
  { limit, nowMs, windowMs }: { limit: number; nowMs: number; windowMs: number },
): number {
  const at = placeOf(table, key, nowMs);
  roll(table, at, Math.floor(nowMs / windowMs) >>> 0);
  const current = table.current[at] ?? 0;
  const previous = table.previous[at] ?? 0;
  const passed = nowMs % windowMs;
  if (current >= limit) {
    return windowMs - passed + windowMs * (1 - limit / Math.max(current, 1)) + 1;
  }
  const over = previous * (1 - passed / windowMs) + current - limit;
  return over < 0 ? 0 : (over / Math.max(previous, 1)) * windowMs + 1;
}

function roll(table: WindowTable, at: number, window: number): void {
  const known = table.window[at] ?? 0;
  if (known === window) return;
  table.previous[at] = (known + 1) >>> 0 === window ? (table.current[at] ?? 0) : 0;
  table.current[at] = 0;
  table.window[at] = window;
}

/** The place of a key; a new key takes a stale place, else the one of the least count. */
function placeOf(table: WindowTable, { high, low }: Key, nowMs: number): number {
  const base = (low & table.mask) * WAYS;
  let victim = base;
  let least = Number.POSITIVE_INFINITY;
  for (let at = base; at < base + WAYS; at++) {
    if (table.high[at] === high && table.low[at] === low) return at;
    const isStale = (table.staleAtMs[at] ?? 0) <= nowMs;
    const count = isStale ? -1 : (table.current[at] ?? 0) + (table.previous[at] ?? 0);
    if (count >= least) continue;
    least = count;
    victim = at;
  }
  table.high[victim] = high;
  table.low[victim] = low;
  table.current[victim] = 0;
  table.previous[victim] = 0;
  table.window[victim] = 0;
  table.staleAtMs[victim] = 0;
  return victim;
}
