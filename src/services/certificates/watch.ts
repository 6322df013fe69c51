/** Tells, once for each change, that a certificate is expiring, expired or revoked. */
import { timeText } from "../../kernel/context.ts";
import { writeSystemEvent } from "../../kernel/events/system-event.ts";
import type { Database } from "../../kernel/store/database.ts";
import { certificateState } from "./domain.ts";
import { certificateSystemStore } from "./store.ts";
import { tell } from "./texts.ts";

const EVENTS = {
  expiring: { type: "certificates.certificateExpiring", severityId: 3 },
  expired: { type: "certificates.certificateExpired", severityId: 4 },
  revoked: { type: "certificates.certificateRevoked", severityId: 4 },
} as const;

/** Returns how many were told. The mark and the event are written in one transaction. */
export async function warnOfExpiry(database: Database, nowMs: number): Promise<number> {
  return database.transaction("system", async (sql) => {
    const store = certificateSystemStore(sql);
    const rows = await store.listUnwarned(timeText(nowMs));
    for (const row of rows) {
      const state = certificateState(row, nowMs);
      await store.setWarned(row.certificateId, state);
      if (state !== "expiring" && state !== "expired" && state !== "revoked") continue;
      await writeSystemEvent(sql, {
        accountId: row.accountId,
        nowMs,
        ...EVENTS[state],
        resource: row.certificateId,
        message: tell(`certificates.is.${state}`, { name: row.name, names: row.names.join(", ") }),
        data: { names: row.names, expireTime: row.expireTime },
      });
    }
    return rows.length;
  });
}
