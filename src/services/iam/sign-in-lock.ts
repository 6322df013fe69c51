/**
 * The brake on guessing passwords: a user name is locked for the one source that failed too often,
 * and for nobody else, so that it cannot be used to lock anybody out.
 */
import { createHash } from "node:crypto";
import { formatPrefix, parsePrefix } from "../../engines/netpolicy/prefix.ts";
import { timeText } from "../../kernel/context.ts";
import type { Database } from "../../kernel/store/database.ts";

export const lockLimits = {
  /** Attempts of one source at one user within the window, right or wrong. */
  attemptsMax: 5,
  /** From the first of them; more attempts do not extend it. */
  windowMs: 15 * 60_000,
  /** One customer of a provider has at least this much of IPv6 (RFC 6177). */
  ipv6Prefix: 64,
} as const;

export type SignInAttempt = {
  readonly accountName: string;
  readonly userName: string;
  readonly sourceIp: string;
};

/**
 * Counts an attempt before its password is looked at, so that attempts at the same time do not
 * slip past the limit together.
 *
 * @returns false when this source has had its attempts: whatever the password is, it fails.
 */
export async function countAttempt(
  database: Database,
  attempt: SignInAttempt,
  nowMs: number,
): Promise<boolean> {
  const now = timeText(nowMs);
  const windowStart = timeText(nowMs - lockLimits.windowMs);
  return database.transaction("system", async (sql) => {
    await sql`delete from sign_in_attempt where since_time < ${windowStart}`;
    const [row] = await sql<{ attempts: number }>`
      insert into sign_in_attempt (key_hash, attempts, since_time)
      values (${keyOf(attempt)}, 1, ${now})
      on conflict (key_hash) do update set attempts = least(sign_in_attempt.attempts + 1, 1000000)
      returning attempts`;
    return (row?.attempts ?? 0) <= lockLimits.attemptsMax;
  });
}

/** A right password clears what its source had failed before. */
export async function clearAttempts(database: Database, attempt: SignInAttempt): Promise<void> {
  await database.transaction(
    "system",
    (sql) => sql`delete from sign_in_attempt where key_hash = ${keyOf(attempt)}`,
  );
}

function keyOf({ accountName, userName, sourceIp }: SignInAttempt): Buffer {
  const parts = [accountName, userName, networkOf(sourceIp)];
  return createHash("sha256").update(JSON.stringify(parts)).digest();
}

/** The address, or its network where one person has a whole one. */
function networkOf(sourceIp: string): string {
  const address = parsePrefix(sourceIp);
  if (address === undefined) return sourceIp;
  if (address.family === 4) return formatPrefix(address);
  const network = parsePrefix(`${sourceIp}/${lockLimits.ipv6Prefix}`);
  return network === undefined ? sourceIp : formatPrefix(network);
}
