/**
 * When a certificate is renewed, and when the next try is after a failure. Pure: time and chance
 * are passed in, so that a year of ten thousand certificates can be played in a test.
 */

export const renewalLimits = {
  /** A window of the authority is asked for again at least so often (RFC 9773 §4.3). */
  windowCheckMsMin: 60_000,
  windowCheckMsMax: 86_400_000,
  windowCheckMsDefault: 21_600_000,
  backOffMsMin: 60_000,
  /** Never longer, or an authority that comes back late would find us waiting. */
  backOffMsMax: 6 * 3_600_000,
} as const;

export type RenewalWindow = { readonly startMs: number; readonly endMs: number };

export type Lifetime = { readonly notBeforeMs: number; readonly notAfterMs: number };

/**
 * The moment of renewal: a random point in the authority's window (RFC 9773 §4.2), or two thirds
 * of life, spread over a twentieth of it so that certificates of one day do not come all at once.
 *
 * @param chance from 0 to 1.
 */
export function renewalTimeMs(
  { notBeforeMs, notAfterMs }: Lifetime,
  window: RenewalWindow | undefined,
  chance: number,
): number {
  const life = notAfterMs - notBeforeMs;
  const latest = notAfterMs - life / 4;
  if (window !== undefined && window.endMs > window.startMs) {
    const chosen = window.startMs + (window.endMs - window.startMs) * chance;
    // INVARIANT: a window, however wrong, never makes us begin after three quarters of
    // life: what is left is what an authority may be away without a certificate running out.
    return Math.min(chosen, latest);
  }
  return notBeforeMs + (life * 2) / 3 + (life / 20) * chance;
}

/**
 * Wait before the next try after `failures` in a row: doubles, with up to a quarter of chance, and
 * never more than a tenth of the time that is left.
 */
export function backOffMs(failures: number, leftMs: number, chance: number): number {
  const { backOffMsMin, backOffMsMax } = renewalLimits;
  const doubled = backOffMsMin * 2 ** Math.min(failures - 1, 20);
  const wanted = Math.min(doubled, backOffMsMax) * (1 + chance / 4);
  return Math.max(backOffMsMin, Math.min(wanted, leftMs / 10));
}

/** When the window is asked for again, from the answer's Retry-After in seconds. */
export function windowCheckMs(retryAfterSeconds: number | undefined): number {
  const { windowCheckMsMin, windowCheckMsMax, windowCheckMsDefault } = renewalLimits;
  const wanted = retryAfterSeconds === undefined ? windowCheckMsDefault : retryAfterSeconds * 1000;
  return Math.min(Math.max(wanted, windowCheckMsMin), windowCheckMsMax);
}

/** The window that our own authority suggests: a twentieth of life after two thirds of it. */
export function suggestedWindow({ notBeforeMs, notAfterMs }: Lifetime): RenewalWindow {
  const life = notAfterMs - notBeforeMs;
  const startMs = notBeforeMs + (life * 2) / 3;
  return { startMs, endMs: startMs + life / 20 };
}
