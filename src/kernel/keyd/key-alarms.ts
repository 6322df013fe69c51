/** What the keys' process complains of: a sealed root is noticed by who looks, not by who fails. */
import type { CodedText } from "../../lib/coded-text.ts";
import { type Alarm, alarmOf } from "../health.ts";
import { tell } from "../texts.ts";
import type { KeydHealth } from "./protocol.ts";

/** What to do about each state that is not `ready`. */
export const KEY_FIXES: Readonly<Record<Exclude<KeydHealth["state"], "ready">, CodedText>> = {
  sealed: tell("kernel.unsealKeys", {}),
  unavailable: tell("kernel.recoverKeys", {}),
  rolledBack: tell("kernel.acceptKeys", {}),
};
const ASK_EVERY_MS = 5_000;

type Unready = Pick<KeydHealth, "root" | "stateReason"> & {
  readonly state: keyof typeof KEY_FIXES;
};

function messageOf({ state, root, stateReason: failure }: Unready): CodedText {
  if (state === "sealed") return tell("kernel.keysSealed", { root });
  if (state === "rolledBack") return tell("kernel.keysRolledBack", { root, failure });
  return tell("kernel.keysUnavailable", { root, failure });
}

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
      alarms =
        state === "ready"
          ? []
          : [alarmOf("keys", messageOf({ state, root, stateReason }), KEY_FIXES[state])];
    } catch {
      alarms = [alarmOf("keys", tell("kernel.keysSilent", {}), tell("kernel.lookAtLog", {}))];
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
