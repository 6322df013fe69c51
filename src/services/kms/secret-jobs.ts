/** What becomes due on secrets: a new value, a reminder that there should be one, and the end. */
import { timeText } from "../../kernel/context.ts";
import { writeSystemEvent } from "../../kernel/events/system-event.ts";
import type { Sql } from "../../kernel/store/database.ts";
import { daysAfter } from "./domain.ts";
import { secretStore } from "./secret-store.ts";
import { rotateValue } from "./secrets.ts";
import type { Kms } from "./service.ts";
import { type KmsEvent, tell } from "./texts.ts";

const limits = { duePerRun: 500 } as const;

type JobParts = Kms & { readonly report: (line: Readonly<Record<string, unknown>>) => void };
type Due = { readonly accountId: string; readonly secretId: string };

/** Does for every secret what is due now. One that fails does not stop the others. */
export async function rotateDueSecrets(parts: JobParts): Promise<void> {
  const now = timeText(parts.clock());
  const due = await parts.database.transaction(
    "system",
    (sql) => sql<Due>`
      select account_id, secret_id from kms_secret
      where delete_time <= ${now}
        or (enabled and delete_time is null and next_rotation_time <= ${now})
      order by secret_id limit ${limits.duePerRun}`,
  );
  for (const one of due) {
    try {
      const { accountId } = one;
      await parts.database.transaction({ accountId }, (sql) => workOn(parts, sql, one));
    } catch (error) {
      parts.report({ level: "error", part: "kms", secretId: one.secretId, error: String(error) });
    }
  }
}

async function workOn(parts: JobParts, sql: Sql, { accountId, secretId }: Due): Promise<void> {
  const nowMs = parts.clock();
  const store = secretStore(sql);
  const row = await store.find(accountId, secretId);
  if (row === undefined) return;
  const announce = (type: KmsEvent) =>
    writeSystemEvent(sql, {
      ...{ accountId, nowMs, type },
      severityId: 3,
      resource: `crn:kms::${accountId}:secret/${secretId}`,
      message: tell(type, { id: row.name }),
      data: { secretId },
    });
  if (row.deleteTime !== null) {
    await store.delete(accountId, secretId);
    return announce("kms.secretDeleted");
  }
  const { generate, rotationPeriodDays } = row;
  if (rotationPeriodDays === null) return;
  if (generate !== null) {
    await rotateValue(parts.keyd, { sql, accountId, nowMs }, { ...row, generate });
    return announce("kms.secretRotated");
  }
  const nextRotationTime = daysAfter(nowMs, rotationPeriodDays);
  await store.update(accountId, { ...row, nextRotationTime });
  return announce("kms.secretRotationDue");
}
