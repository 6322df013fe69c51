/** What the keys' process complains of: a sealed root is noticed by who looks, not by who fails. */
import type { Alarm } from "../health.ts";
import type { KeydHealth } from "./protocol.ts";

/** What to do about each state that is not `ready`. */
export const KEY_FIXES: Readonly<Record<Exclude<KeydHealth["state"], "ready">, string>> = {
  sealed: "run ./cordon keys unseal",
  unavailable: "see docs/root-of-trust.md, or run ./cordon keys recover with recovery shares",
  rolledBack: "put the newest data/keys back, or run ./cordon keys accept-restored",
};
const ASK_EVERY_MS = 5_000;

/**
 * Alarms of the keys as last heard. Asking is a message to another process and alarms are read at
 * once, so each reading asks anew for the next one, not more often than every five seconds.
 */
export function createKeyAlarms(parts: {
  readonly health: () => Promise<Pick<KeydHealth, "state" | "stateReason" | "root">>;
  readonly clock: () => number;
}): () => readonly Alarm[] {
  let alarms: readonly Alarm[] = [];
  let askedMs = Number.NEGATIVE_INFINITY;
  const ask = async (): Promise<void> => {
    try {
      const { state, stateReason, root } = await parts.health();
      const message = `No key can be used: ${root}: ${stateReason}`;
      alarms = state === "ready" ? [] : [{ part: "keys", message, fix: KEY_FIXES[state] }];
    } catch {
      const message = "No key can be used: the process of the keys does not answer";
      alarms = [{ part: "keys", message, fix: "run ./cordon status and look at its log" }];
    }
  };
  return () => {
    const nowMs = parts.clock();
    if (nowMs - askedMs >= ASK_EVERY_MS) {
      askedMs = nowMs;
      void ask();
    }
    return alarms;
  };
}
