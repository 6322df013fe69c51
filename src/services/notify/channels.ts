/** Channels: where messages go. Their secrets are sealed before they are stored. */
import { type Context, timeText } from "../../kernel/context.ts";
import { newSecret } from "../../kernel/id.ts";
import type { Sealer } from "../../kernel/identity/sealer.ts";
import type { InputOf } from "../../kernel/operation.ts";
import { Problem } from "../../kernel/problem.ts";
import { violates } from "../../kernel/store/database.ts";
import type { channelOperations } from "./channel-operations.ts";
import { openSecrets, sealSecrets } from "./deliver.ts";
import { limits, settingFaults, targetOf } from "./domain.ts";
import {
  type Channel,
  type ChannelKind,
  type ChannelSecrets,
  type ChannelSettings,
  channelSecrets,
  channelSettings,
} from "./resources.ts";
import { type ChannelRow, channelStore, routeStore } from "./store.ts";

type Parts = { readonly sealer: Sealer };

/** The account's channels as they are shown. */
export async function listChannels({ sql, accountId }: Context): Promise<Channel[]> {
  const store = channelStore(sql);
  const states = new Map(
    (await store.lastStates(accountId)).map(({ channelId, state }) => [channelId, state]),
  );
  return (await store.list(accountId)).map((row) => channelView(row, states.get(row.channelId)));
}

function channelView(row: ChannelRow, lastState: "sent" | "failed" | undefined): Channel {
  const { channelId, name, kind, enabled, target, settings, createTime, updateTime } = row;
  const shown = { channelId, name, kind, enabled, target, createTime, updateTime };
  return { ...shown, ...settings, lastState: lastState ?? "none" };
}

/** @throws Problem notify.channelIncomplete, channelExists, limit or keydUnavailable. */
export async function createChannel(
  parts: Parts,
  context: Context,
  input: InputOf<typeof channelOperations.createChannel>,
) {
  const { accountId, sql, nowMs } = context;
  if ((await channelStore(sql).list(accountId)).length >= limits.channelsMax) {
    throw new Problem("notify.limit");
  }
  const given = chosen<ChannelSecrets>(input, channelSecrets);
  const isOurs = input.kind === "webhook" && given.signingSecret === undefined;
  const secrets = isOurs ? { ...given, signingSecret: newSecret() } : given;
  const row = await sealedRow(parts, {
    ...{ accountId, channelId: context.newId("channel"), name: input.name, kind: input.kind },
    ...{ enabled: true, createTime: timeText(nowMs), updateTime: timeText(nowMs) },
    ...{ settings: chosen<ChannelSettings>(input, channelSettings), secrets },
  });
  await put(context, row);
  await context.emit({ type: "notify.channelCreated", message: `Channel ${row.name} was added` });
  const channel = channelView(row, undefined);
  const signingSecret = isOurs ? secrets.signingSecret : undefined;
  return signingSecret === undefined ? { channel } : { channel, signingSecret };
}

/** @throws Problem notify.channelNotFound, channelIncomplete, channelExists or keydUnavailable. */
export async function updateChannel(
  parts: Parts,
  context: Context,
  input: InputOf<typeof channelOperations.updateChannel>,
): Promise<Channel> {
  const { accountId, sql, nowMs } = context;
  const before = await channelStore(sql).get(accountId, input.channelId);
  if (before === undefined) throw new Problem("notify.channelNotFound");
  const secrets = await openSecrets(parts.sealer, before).catch((cause: unknown) => {
    throw new Problem("notify.keydUnavailable", { cause });
  });
  const row = await sealedRow(parts, {
    ...before,
    name: input.name ?? before.name,
    enabled: input.enabled ?? before.enabled,
    updateTime: timeText(nowMs),
    settings: { ...before.settings, ...chosen<ChannelSettings>(input, channelSettings) },
    secrets: { ...secrets, ...chosen<ChannelSecrets>(input, channelSecrets) },
  });
  await put(context, row);
  return channelView(row, undefined);
}

/** @throws Problem notify.channelNotFound or channelInUse. */
export async function deleteChannel(context: Context, channelId: string): Promise<void> {
  const { accountId, sql } = context;
  const store = channelStore(sql);
  const row = await store.get(accountId, channelId);
  if (row === undefined) throw new Problem("notify.channelNotFound");
  const routes = await routeStore(sql).list(accountId);
  const using = routes.filter(({ channelIds }) => channelIds.includes(channelId));
  if (using.length > 0) {
    const details = using.map(({ routeId, name }) => ({ path: routeId, message: name }));
    throw new Problem("notify.channelInUse", { details });
  }
  await store.delete(accountId, channelId);
  await context.emit({ type: "notify.channelDeleted", message: `Channel ${row.name} was deleted` });
}

/** The fields of the input that these schemas name and that were given. */
function chosen<Fields extends object>(
  input: Readonly<Record<string, unknown>>,
  schemas: Readonly<Record<string, unknown>>,
): Fields {
  const entries = Object.keys(schemas).map((name) => [name, input[name]] as const);
  // The input was parsed by the operation's schema, which is made of these fields.
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined)) as Fields;
}

async function sealedRow(
  { sealer }: Parts,
  given: Omit<ChannelRow, "sealed" | "target"> & { kind: ChannelKind; secrets: ChannelSecrets },
): Promise<ChannelRow> {
  const { secrets, ...row } = given;
  const details = settingFaults(row.kind, row.settings, secrets);
  if (details.length > 0) throw new Problem("notify.channelIncomplete", { details });
  try {
    const sealed = await sealSecrets(sealer, row.channelId, secrets);
    return { ...row, target: targetOf(row.settings, secrets), sealed };
  } catch (cause) {
    throw new Problem("notify.keydUnavailable", { cause });
  }
}

async function put({ sql }: Context, row: ChannelRow): Promise<void> {
  try {
    await channelStore(sql).put(row);
  } catch (error) {
    if (violates(error, "notify_channel_name_unique")) throw new Problem("notify.channelExists");
    throw error;
  }
}
