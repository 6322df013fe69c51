/**
 * Mail with files that another service hands over: deliveries like any other, which no route
 * chooses and no silence holds back, since somebody asked for them.
 */
import { newId } from "../../kernel/id.ts";
import type { Sql } from "../../kernel/store/database.ts";
import { deliveryStore, type MailFile, type NewDelivery } from "./delivery-store.ts";
import { limits } from "./domain.ts";
import { plainLine } from "./messages.ts";
import type { Notice } from "./resources.ts";
import { channelStore } from "./store.ts";
import { tell } from "./texts.ts";

export type FileMail = {
  readonly accountId: string;
  readonly channelIds: readonly string[];
  /** What the mail says; its message becomes the subject. */
  readonly notice: Notice;
  readonly files: readonly MailFile[];
  /** Of this mail only: what is queued twice under one key is sent once. */
  readonly groupKey: string;
  readonly nowMs: number;
};

/** The account's channels that lead to mailboxes. */
export async function mailChannelIds(sql: Sql, accountId: string): Promise<ReadonlySet<string>> {
  const channels = await channelStore(sql).list(accountId);
  return new Set(channels.flatMap(({ kind, channelId }) => (kind === "email" ? [channelId] : [])));
}

/**
 * Queues one delivery for each channel, in the caller's transaction. Files that are too large for
 * mail together are left out, and the mail says so. A channel that is gone or disabled by then
 * fails on the delivery's record.
 */
export async function queueMail(sql: Sql, mail: FileMail): Promise<void> {
  const { accountId, channelIds, groupKey, nowMs } = mail;
  const channels = await channelStore(sql).list(accountId);
  const bytes = mail.files.reduce((sum, { content }) => sum + content.length, 0);
  const fits = bytes <= limits.mailFilesBytesMax;
  const tooLarge = tell("notify.filesTooLarge", { bytes });
  const notice = {
    ...mail.notice,
    message: plainLine(mail.notice.message),
    ...(fits ? {} : { fix: tooLarge.text, fixCoded: tooLarge.coded }),
  };
  for (const channelId of channelIds) {
    const name = channels.find((one) => one.channelId === channelId)?.name ?? channelId;
    const row: NewDelivery = {
      deliveryId: newId("delivery"),
      ...{ channelId, channelName: name, routeId: null, groupKey, notice, nowMs },
      state: "waiting",
      groupSeconds: 0,
    };
    await deliveryStore(sql).insertMail(accountId, row, fits ? mail.files : []);
  }
}
