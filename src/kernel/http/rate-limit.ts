/** Calls per minute by key, in memory: a brake, not an account of usage. */
const WINDOW_MS = 60_000;
const KEYS_MAX = 50_000;

export type RateLimiter = {
  /** Counts one call; false when the key has had `perMinute` calls in this window. */
  allow(key: string, perMinute: number, nowMs: number): boolean;
};

/** A limiter with fixed windows of one minute and a bounded number of keys. */
export function createRateLimiter(): RateLimiter {
  let windowStartMs = 0;
  let counts = new Map<string, number>();
  return {
    allow(key, perMinute, nowMs) {
      if (nowMs - windowStartMs >= WINDOW_MS || nowMs < windowStartMs) {
        windowStartMs = nowMs;
        counts = new Map();
      }
      // A flood of new keys must not grow the table: beyond the bound unknown keys share one.
      const counted = counts.has(key) || counts.size < KEYS_MAX ? key : "";
      const count = (counts.get(counted) ?? 0) + 1;
      counts.set(counted, count);
      return count <= perMinute;
    },
  };
}
