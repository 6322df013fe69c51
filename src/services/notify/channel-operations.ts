/** Operations on channels, which the contract spreads into its own. */
import Type from "typebox";
import { Empty, input, listInput, listOutput, Name, operation } from "../../kernel/operation.ts";
import {
  Channel,
  ChannelId,
  ChannelKind,
  channelSecrets,
  channelSettings,
  Delivery,
} from "./resources.ts";

const SECRETS = ["url", "signingSecret", "smtpPassword"] as const;
const channelInput = input({ channelId: ChannelId });

export const channelOperations = {
  listChannels: operation({
    name: "notify.listChannels",
    summary: "List channels",
    method: "GET",
    path: "/channels",
    action: "notify:ListChannels",
    resource: "channel/*",
    input: listInput({}),
    output: listOutput("channels", Channel),
  }),
  getChannel: operation({
    name: "notify.getChannel",
    summary: "Get one channel",
    method: "GET",
    path: "/channels/{channelId}",
    action: "notify:GetChannel",
    resource: "channel/{channelId}",
    input: channelInput,
    output: Channel,
    problems: ["notify.channelNotFound"],
  }),
  createChannel: operation({
    name: "notify.createChannel",
    summary: "Add a channel; the secret that signs a webhook's messages is shown once",
    method: "POST",
    path: "/channels",
    action: "notify:CreateChannel",
    resource: "channel/*",
    input: input({ name: Name, kind: ChannelKind, ...channelSecrets, ...channelSettings }),
    output: Type.Object({ channel: Channel, signingSecret: Type.Optional(Type.String()) }),
    problems: [
      "notify.channelExists",
      "notify.channelIncomplete",
      "notify.limit",
      "notify.keydUnavailable",
    ],
    secretInput: SECRETS,
    secretOutput: ["signingSecret"],
  }),
  updateChannel: operation({
    name: "notify.updateChannel",
    summary: "Change a channel; secrets that are not given stay",
    method: "PATCH",
    path: "/channels/{channelId}",
    action: "notify:UpdateChannel",
    resource: "channel/{channelId}",
    input: input({
      channelId: ChannelId,
      name: Type.Optional(Name),
      enabled: Type.Optional(Type.Boolean()),
      ...channelSecrets,
      ...channelSettings,
    }),
    output: Channel,
    problems: [
      "notify.channelNotFound",
      "notify.channelExists",
      "notify.channelIncomplete",
      "notify.keydUnavailable",
    ],
    secretInput: SECRETS,
  }),
  testChannel: operation({
    name: "notify.testChannel",
    summary: "Send a test message through a channel now and answer how that went",
    method: "POST",
    path: "/channels/{channelId}:test",
    action: "notify:TestChannel",
    resource: "channel/{channelId}",
    input: channelInput,
    output: Delivery,
    problems: ["notify.channelNotFound", "notify.testsBusy"],
    limits: { perMinute: 10 },
  }),
  deleteChannel: operation({
    name: "notify.deleteChannel",
    summary: "Delete a channel with its secrets",
    method: "DELETE",
    path: "/channels/{channelId}",
    action: "notify:DeleteChannel",
    resource: "channel/{channelId}",
    input: channelInput,
    output: Empty,
    problems: ["notify.channelNotFound", "notify.channelInUse"],
    dangerous: true,
  }),
} as const;
