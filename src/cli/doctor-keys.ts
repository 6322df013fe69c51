/** Which root of trust there is, what protects it, and whether it opens. */
import { keydClient } from "../kernel/keyd/client.ts";
import { KEY_FIXES } from "../kernel/keyd/key-alarms.ts";
import { KeydError, keydSocket } from "../kernel/keyd/protocol.ts";
import type { Check, Finding } from "./doctor-check.ts";

const WAIT_MS = 2_000;

export const KEYS_CHECK: Check = {
  name: "root-of-trust",
  needed: false,
  async run(config): Promise<Finding> {
    const keyd = keydClient(keydSocket(config), { waitMs: WAIT_MS });
    try {
      const { state, stateReason, root, rootProtection } = await keyd.health();
      if (state !== "ready") {
        return { state: "off", why: `${root}: ${stateReason}`, fix: KEY_FIXES[state].text };
      }
      const weak = rootProtection.includes("key file");
      return {
        state: weak ? "warning" : "on",
        why: `${root}: ${rootProtection}`,
        fix: weak ? "run ./cordon keys set-passphrase, or ./cordon keys move-root" : "",
      };
    } catch (error) {
      if (!(error instanceof KeydError)) throw error;
      const why = "keyd does not run: it is asked when Cordon runs";
      return { state: "warning", why, fix: "run ./cordon up, then look again" };
    } finally {
      keyd.close();
    }
  },
};
