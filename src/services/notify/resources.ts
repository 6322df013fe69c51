/** What the notify service keeps: channels, routes, silences and deliveries. */
import Type, { type Static } from "typebox";
import { CodedOrNull, idSchema, Name, Text, Time } from "../../kernel/operation.ts";
import { languages } from "../../lib/coded-text.ts";

export const ChannelId = idSchema("channel");
export const RouteId = idSchema("route");
export const SilenceId = idSchema("silence");
export const DeliveryId = idSchema("delivery");

export const ChannelKind = Type.Enum(["email", "webhook", "slack", "teams", "feishu", "dingtalk"]);
export type ChannelKind = Static<typeof ChannelKind>;

/** From least to most; the place in the list plus one is OCSF's severity_id. */
export const severities = ["informational", "low", "medium", "high", "critical"] as const;
export const Severity = Type.Enum(severities);
export type Severity = Static<typeof Severity>;

const days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const;
export type Day = (typeof days)[number];

/** A mailbox without a display name: nothing in it can end a header line. */
const Mailbox = Type.String({ maxLength: 254, pattern: "^[^\\s<>,;:\"'@\\\\]+@[A-Za-z0-9.-]+$" });
const Host = Type.String({ maxLength: 253, pattern: "^[A-Za-z0-9.:_-]+$" });

/** Settings of a channel that are no secret; which are needed depends on the kind. */
export const channelSettings = {
  smtpHost: Type.Optional(Host),
  smtpPort: Type.Optional(Type.Integer({ minimum: 1, maximum: 65_535 })),
  /** `tls` from the first byte (port 465), `startTls` demanded (587), `none` without a password. */
  smtpSecurity: Type.Optional(Type.Enum(["tls", "startTls", "none"])),
  smtpUser: Type.Optional(Type.String({ minLength: 1, maxLength: 254 })),
  from: Type.Optional(Mailbox),
  to: Type.Optional(Type.Array(Mailbox, { minItems: 1, maxItems: 20, uniqueItems: true })),
  /** In which its messages are written; English when absent. */
  language: Type.Optional(Type.Enum([...languages])),
  /** Roots to trust beside the system's, PEM. */
  trustPem: Type.Optional(Type.String({ maxLength: 65_536 })),
} as const;

/** Settings that are sealed and never answered. The address of a chat room holds its token. */
export const channelSecrets = {
  url: Type.Optional(Type.String({ maxLength: 2_048, pattern: "^https?://[^\\s@]+$" })),
  /** Signs what is sent: of a webhook made here when absent, of Feishu and DingTalk theirs. */
  signingSecret: Type.Optional(Type.String({ minLength: 8, maxLength: 512, pattern: "^[!-~]+$" })),
  smtpPassword: Type.Optional(Type.String({ minLength: 1, maxLength: 512 })),
} as const;

const Settings = Type.Object(channelSettings);
export type ChannelSettings = Static<typeof Settings>;
const Secrets = Type.Object(channelSecrets);
export type ChannelSecrets = Static<typeof Secrets>;

export const Channel = Type.Object({
  channelId: ChannelId,
  name: Name,
  kind: ChannelKind,
  enabled: Type.Boolean(),
  /** The host or the mailboxes; never the whole address of a chat room. */
  target: Type.String(),
  ...channelSettings,
  /** How the last message that ended did: `none` before the first. */
  lastState: Type.Enum(["none", "sent", "failed"]),
  createTime: Time,
  updateTime: Time,
});
export type Channel = Static<typeof Channel>;

const TimeOfDay = Type.String({ pattern: "^(?:[01]\\d|2[0-3]):[0-5]\\d$" });
export const ServiceNames = Type.Array(Type.String({ pattern: "^[a-z][a-z0-9]{1,30}$" }), {
  maxItems: 32,
  uniqueItems: true,
});

export const routeFields = {
  name: Name,
  channelIds: Type.Array(ChannelId, { minItems: 1, maxItems: 10, uniqueItems: true }),
  severityMin: Severity,
  /** Services whose events it takes; empty = all. */
  services: ServiceNames,
  /** Days on which it is open; empty = every day. */
  days: Type.Array(Type.Enum(days), { maxItems: 7, uniqueItems: true }),
  /** Open from this time of day … */
  fromTime: TimeOfDay,
  /** … until this one, of the next day when it is earlier; the same twice = all day. */
  toTime: TimeOfDay,
  /** IANA name, such as Asia/Shanghai. */
  timeZone: Type.String({ maxLength: 64, pattern: "^[A-Za-z0-9_+/-]+$" }),
  /** Least time between two messages about the same kind of event. */
  groupSeconds: Type.Integer({ minimum: 10, maximum: 86_400 }),
  enabled: Type.Boolean(),
} as const;

export const Route = Type.Object({ routeId: RouteId, ...routeFields, createTime: Time });
export type Route = Static<typeof Route>;

export const Silence = Type.Object({
  silenceId: SilenceId,
  /** Services it quiets; empty = all. */
  services: ServiceNames,
  /** Only events about this resource; empty = any. */
  resource: Type.String({ maxLength: 256 }),
  /** Events above this severity are told all the same. */
  severityMax: Severity,
  reason: Text,
  createdBy: Type.String(),
  expireTime: Time,
  createTime: Time,
});
export type Silence = Static<typeof Silence>;

/** An event as a message tells it. */
export const Notice = Type.Object({
  time: Type.String(),
  type: Type.String(),
  severityId: Type.Integer(),
  message: Type.String(),
  /** Absent from what was kept before there were codes. */
  messageCoded: Type.Optional(CodedOrNull),
  /** What to do about it, where that is known: of alarms. */
  fix: Type.Optional(Type.String()),
  fixCoded: Type.Optional(CodedOrNull),
  resource: Type.String(),
});
export type Notice = Static<typeof Notice>;

const Attempt = Type.Object({ time: Time, error: Type.Union([Type.String(), Type.Null()]) });
export type Attempt = Static<typeof Attempt>;

const Attachment = Type.Object({
  fileName: Type.String(),
  mediaType: Type.String(),
  bytes: Type.Integer(),
});

export const DeliveryState = Type.Enum([
  "waiting",
  "sending",
  "retrying",
  "sent",
  "failed",
  "silenced",
]);

export const Delivery = Type.Object({
  deliveryId: DeliveryId,
  state: DeliveryState,
  channelId: ChannelId,
  channelName: Type.String(),
  routeId: Type.Union([RouteId, Type.Null()]),
  eventType: Type.String(),
  severity: Severity,
  title: Type.String(),
  titleCoded: CodedOrNull,
  eventCount: Type.Integer(),
  events: Type.Array(Notice),
  /** Files that go with it, by mail only. */
  attachments: Type.Array(Attachment),
  attempts: Type.Array(Attempt),
  /** When it is sent, or tried again; null when it has ended. */
  nextTime: Type.Union([Time, Type.Null()]),
  createTime: Time,
  endTime: Type.Union([Time, Type.Null()]),
});
export type Delivery = Static<typeof Delivery>;
