/** Events of jobs and of protocols beside the API, which run outside the pipeline of operations. */

import { type CodedText, messageFields } from "../../lib/coded-text.ts";
import { timeText } from "../context.ts";
import type { Sql } from "../store/database.ts";

/** Writes an event in the transaction of the change that it tells of. */
export async function writeSystemEvent(
  sql: Sql,
  event: {
    readonly accountId: string;
    readonly nowMs: number;
    readonly type: string;
    readonly message: string | CodedText;
    readonly resource: string;
    /** OCSF class; API Activity (6003) when absent. */
    readonly classUid?: number;
    readonly severityId?: number;
    readonly sourceIp?: string;
    readonly data?: Readonly<Record<string, unknown>>;
  },
): Promise<void> {
  const { accountId, nowMs, message, ...rest } = event;
  const body = {
    ...rest,
    ...messageFields(message),
    time: timeText(nowMs),
    principalName: "Cordon",
  };
  await sql`insert into outbox (account_id, event) values (${accountId}, ${body})`;
}
