/**
 * The senders: each takes what is due from the table of deliveries, sends, and says how it went.
 * Any number of processes may do so at once. A sender that dies leaves its lease behind, and
 * another sends again when it is over: at least once, always with the same delivery id.
 */
import { type Sealer, secretPurpose } from "../../kernel/identity/sealer.ts";
import type { Outbound } from "../../kernel/outbound.ts";
import type { Database } from "../../kernel/store/database.ts";
import type { Texts } from "../../lib/coded-text.ts";
import { type DeliveryRow, deliveryStore, type MailFile } from "./delivery-store.ts";
import { backoffMs, limits } from "./domain.ts";
import type { Attempt, ChannelSecrets } from "./resources.ts";
import { type OpenedChannel, SendError, sendMessage } from "./send.ts";
import { type ChannelRow, channelStore } from "./store.ts";

export type SenderParts = {
  readonly database: Database;
  readonly sealer: Sealer;
  readonly outbound: Outbound;
  /** Every text that Cordon composes, to tell events in a channel's language. */
  readonly texts: Texts;
  readonly clock: () => number;
  /** 0 to 1, for the spread of the next attempts. */
  readonly chance: () => number;
};

/** Sends what is due; returns how many messages were tried. */
export async function deliverDue(parts: SenderParts): Promise<number> {
  const { database, clock } = parts;
  let tried = 0;
  for (;;) {
    const claimed = await database.transaction("system", (sql) =>
      deliveryStore(sql).claim(clock()),
    );
    await Promise.all(claimed.map((row) => deliver(parts, row)));
    tried += claimed.length;
    if (claimed.length < limits.claimMax) return tried;
  }
}

async function deliver(parts: SenderParts, row: DeliveryRow): Promise<void> {
  const error = await attempt(parts, row);
  await parts.database.transaction("system", (sql) =>
    deliveryStore(sql).finish(row, outcomeOf(parts, row, error)),
  );
}

/** One attempt for a claimed delivery; the words of its failure, or null. */
async function attempt(parts: SenderParts, row: DeliveryRow): Promise<string | null> {
  const { channel, files } = await parts.database.transaction("system", async (sql) => ({
    channel: await channelStore(sql).get(row.accountId, row.channelId),
    files: await deliveryStore(sql).files(row),
  }));
  if (channel === undefined) return "The channel was deleted";
  if (!channel.enabled) return "The channel is disabled";
  return sendThrough(parts, channel, { row, files });
}

/** Sends one delivery through its channel; the words of the failure, or null. */
export async function sendThrough(
  { sealer, outbound, texts, clock }: Pick<SenderParts, "sealer" | "outbound" | "texts" | "clock">,
  channel: ChannelRow,
  { row, files }: { readonly row: DeliveryRow; readonly files: readonly MailFile[] },
): Promise<string | null> {
  let opened: OpenedChannel;
  try {
    opened = { ...channel, secrets: await openSecrets(sealer, channel) };
  } catch {
    return "The channel's secrets cannot be opened now: keyd does not answer or is sealed";
  }
  try {
    await sendMessage(outbound, opened, { told: row, texts, files, nowMs: clock() });
    return null;
  } catch (error) {
    if (error instanceof SendError) return error.message;
    throw error;
  }
}

function outcomeOf(parts: SenderParts, row: DeliveryRow, error: string | null) {
  const nowMs = parts.clock();
  const told: Attempt = { time: new Date(nowMs).toISOString(), error };
  if (error === null) return { state: "sent", attempt: told, nextMs: nowMs } as const;
  const isLast = row.attemptCount >= limits.attemptsMax;
  const nextMs = isLast ? nowMs : nowMs + backoffMs(row.attemptCount, parts.chance());
  return { state: isLast ? "failed" : "retrying", attempt: told, nextMs } as const;
}

const purposeOf = (channelId: string) => secretPurpose("notify.channel", channelId);

/** Seals a channel's secrets for this channel only. */
export function sealSecrets(sealer: Sealer, channelId: string, secrets: ChannelSecrets) {
  return sealer.seal(Buffer.from(JSON.stringify(secrets)), purposeOf(channelId));
}

/** Opens them. @throws Error when keyd refuses or the row was exchanged. */
export async function openSecrets(
  sealer: Sealer,
  { channelId, sealed }: Pick<ChannelRow, "channelId" | "sealed">,
): Promise<ChannelSecrets> {
  const bytes = await sealer.open(sealed, purposeOf(channelId));
  return JSON.parse(bytes.toString("utf8")) as ChannelSecrets;
}
