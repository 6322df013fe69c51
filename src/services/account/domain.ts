/** Rules of accounts and of the first set-up. */

export const limits = {
  /** How long a set-up link works. */
  setupTokenTtlMs: 30 * 60_000,
} as const;

/** Set-up is pending while there is no account at all. */
export function setupPending(accountCount: number): boolean {
  return accountCount === 0;
}
