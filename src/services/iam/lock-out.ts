/**
 * A brake on guessing that cannot be used against others. Failures are counted for the name that
 * was tried together with the network they come from, so that an attacker locks only his own
 * network out of that name. A browser that signed in before is counted by itself: whoever shares
 * the network with an attacker still signs in. (After the device cookies of OWASP.)
 */
import { createHash } from "node:crypto";
import ipaddr from "ipaddr.js";
import { type Context, timeText } from "../../kernel/context.ts";
import { hashSecret } from "../../kernel/identity/authenticate.ts";
import type { Database } from "../../kernel/store/database.ts";
import { lockMs } from "./domain.ts";
import { ceremonyStore } from "./factor-store.ts";

/** Failures are forgotten after this long without another. */
const FORGET_MS = 3_600_000;

export type LockOut = {
  /** True while attempts are refused, whatever they hold. */
  readonly locked: boolean;
  failed(): Promise<void>;
  succeeded(): Promise<void>;
};

/**
 * The brake of one attempt.
 *
 * @param name what is tried, whether it exists or not.
 * @param userId the user of that name, when there is one.
 */
export async function lockOutOf(
  database: Database,
  context: Context,
  { name, userId }: { name: string; userId: string | undefined },
): Promise<LockOut> {
  const { nowMs, deviceToken, sourceIp } = context;
  const device = deviceToken === undefined ? undefined : hashSecret(deviceToken);
  const key = await database.transaction("system", async (sql) => {
    const known =
      device !== undefined &&
      userId !== undefined &&
      (await ceremonyStore(sql).knowsDevice(userId, device));
    const from = known ? `device ${device.toString("hex")}` : `network ${networkOf(sourceIp)}`;
    const hash = createHash("sha256").update(`${name}\n${from}`).digest();
    const until = await ceremonyStore(sql).lockedUntil(hash);
    return { hash, locked: until !== undefined && Date.parse(until) > nowMs };
  });
  return {
    locked: key.locked,
    failed: () =>
      database.transaction("system", async (sql) => {
        const times = { nowText: timeText(nowMs), sinceText: timeText(nowMs - FORGET_MS) };
        const failures = await ceremonyStore(sql).failed(key.hash, times);
        const ms = lockMs(failures);
        if (ms > 0) await ceremonyStore(sql).lock(key.hash, timeText(nowMs + ms));
      }),
    succeeded: () => database.transaction("system", (sql) => ceremonyStore(sql).forgive(key.hash)),
  };
}

/** IPv4 by /24 and IPv6 by /64: what one customer usually has. */
function networkOf(address: string): string {
  if (!ipaddr.isValid(address)) return address;
  const parsed = ipaddr.process(address);
  const bytes = parsed.toByteArray();
  return `${parsed.kind()} ${bytes.slice(0, parsed.kind() === "ipv4" ? 3 : 8).join(".")}`;
}
