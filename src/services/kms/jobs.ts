/** Work that comes back by itself: rotation, the end of waiting times, and when keys were used. */

import { timeText } from "../../kernel/context.ts";
import { writeSystemEvent } from "../../kernel/events/system-event.ts";
import type { Job } from "../../kernel/jobs.ts";
import type { Sql } from "../../kernel/store/database.ts";
import { isExpired, type KeyRecord, stateFault } from "./domain.ts";
import { forgetMaterial } from "./imports.ts";
import { type Changing, changeKeys, lockedRecord, resealAll } from "./key-change.ts";
import { rotateDueSecrets } from "./secret-jobs.ts";
import type { Kms } from "./service.ts";
import { keyStore, versionStore } from "./store.ts";
import { type KmsEvent, tell } from "./texts.ts";
import { rotate } from "./versions.ts";

const limits = { duePerRun: 500, daysAfterReplicasMs: 7 * 86_400_000 } as const;

type JobParts = Kms & { readonly report: (line: Readonly<Record<string, unknown>>) => void };
type Due = { readonly accountId: string; readonly keyId: string };

/** The jobs of this service. */
export function kmsJobs(parts: JobParts, fenced: JobParts["database"]): Job[] {
  const { database, notes } = parts;
  const leading = { ...parts, database: fenced };
  return [
    { name: "kms uses", everyMs: 10_000, everywhere: true, run: () => notes.flush(database) },
    { name: "kms due keys", everyMs: 30_000, run: () => runDue(leading) },
    { name: "kms due secrets", everyMs: 30_000, run: () => rotateDueSecrets(leading) },
  ];
}

/** Does for every key what is due now. A key that fails does not stop the others. */
export async function runDue(parts: JobParts): Promise<void> {
  const now = timeText(parts.clock());
  const due = await parts.database.transaction("system", (sql) => dueKeys(sql, now));
  for (const { accountId, keyId } of due) {
    try {
      await inAccount(parts, accountId, (changing) => workOn(parts, changing, keyId));
    } catch (error) {
      parts.report({ level: "error", part: "kms", keyId, error: String(error) });
    }
  }
}

function dueKeys(sql: Sql, now: string): Promise<Due[]> {
  return sql<Due>`
    select k.account_id, k.key_id from kms_key k
    where (k.state = 'pendingDeletion' and k.delete_time <= ${now})
      or k.state = 'pendingReplicaDeletion'
      or (k.state = 'enabled' and k.next_rotation_time <= ${now})
      or (k.multi_region <> 'replica' and exists (select from kms_key_version v
        where v.account_id = k.account_id and v.material_id = k.material_id
          and (v.expire_time <= ${now}
            or (v.state = 'pendingDeletion' and v.delete_time <= ${now}))))
    order by k.key_id limit ${limits.duePerRun}`;
}

/** A transaction of an account that changes keys. */
async function inAccount(
  { database }: JobParts,
  accountId: string,
  work: (changing: Changing) => Promise<void>,
): Promise<void> {
  const committed: (() => void)[] = [];
  await database.transaction({ accountId }, (sql) =>
    work({ sql, accountId, afterCommit: (then) => committed.push(then) }),
  );
  for (const then of committed) then();
}

async function workOn(parts: JobParts, changing: Changing, keyId: string): Promise<void> {
  const nowMs = parts.clock();
  await changeKeys(parts, changing, async () => {
    const record = await lockedRecord(changing, keyId);
    const { key } = record;
    const { deleteTime, nextRotationTime } = key;
    const passed = (time: string | null) => time !== null && Date.parse(time) <= nowMs;
    if (key.state === "pendingDeletion" && passed(deleteTime)) {
      await destroy(changing, record, nowMs);
      return;
    }
    if (key.state === "pendingReplicaDeletion") await startWaiting(changing, record, nowMs);
    for (const row of record.versions) {
      if (isExpired(row, nowMs) && row.wrapped !== null)
        await forgetMaterial(changing, record, row);
      if (row.state !== "pendingDeletion" || !passed(row.deleteTime)) continue;
      const gone = { ...row, wrapped: null, state: "destroyed", deleteTime: null } as const;
      await versionStore(changing.sql).put(changing.accountId, gone);
      await resealAll(changing, key.materialId);
      await announce(changing, { type: "kms.keyVersionDestroyed", keyId, nowMs });
    }
    if (passed(nextRotationTime) && stateFault(key.state, "rotate") === undefined) {
      await rotate(parts, { ...changing, nowMs }, { key, rotation: "automatic" });
      await announce(changing, { type: "kms.keyRotated", keyId, nowMs });
    }
  });
}

/** The end of a key: its row, and its material when no other region has it. */
async function destroy(changing: Changing, { key }: KeyRecord, nowMs: number): Promise<void> {
  const { sql, accountId } = changing;
  const sharing = await keyStore(sql).sharing(accountId, key.materialId);
  await keyStore(sql).delete(accountId, key.keyId);
  if (sharing.length === 1) await versionStore(sql).deleteAll(accountId, key.materialId);
  await announce(changing, { type: "kms.keyDeleted", keyId: key.keyId, nowMs });
}

/** A primary key begins to wait for itself when its last replica is gone. */
async function startWaiting(changing: Changing, { key }: KeyRecord, nowMs: number): Promise<void> {
  const { sql, accountId } = changing;
  if ((await keyStore(sql).sharing(accountId, key.materialId)).length > 1) return;
  const soonest = nowMs + limits.daysAfterReplicasMs;
  const planned = key.deleteTime === null ? 0 : Date.parse(key.deleteTime);
  const deleteTime = timeText(Math.max(soonest, planned));
  await keyStore(sql).update(accountId, { ...key, state: "pendingDeletion", deleteTime });
  await resealAll(changing, key.materialId);
}

/** An event without a caller: the service did it by itself. */
function announce(
  { sql, accountId }: Pick<Changing, "sql" | "accountId">,
  { type, keyId, nowMs }: { type: KmsEvent; keyId: string; nowMs: number },
): Promise<void> {
  return writeSystemEvent(sql, {
    ...{ accountId, nowMs, type },
    severityId: 3,
    resource: `crn:kms::${accountId}:key/${keyId}`,
    message: tell(type, { id: keyId }),
    data: { keyId },
  });
}
