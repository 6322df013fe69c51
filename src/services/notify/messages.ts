/**
 * What a message says, and its shape for each kind of receiver. Texts of events come from
 * attackers too (a host, a path, a user name): nothing in them may become a mention, a link or a
 * header in the receiver's language.
 */
import { createHmac } from "node:crypto";
import { type CodedText, type Language, type Texts, toldIn } from "../../lib/coded-text.ts";
import { limits, severityOf } from "./domain.ts";
import type { ChannelKind, Notice } from "./resources.ts";
import { tell } from "./texts.ts";

/** What is told, of a delivery. */
export type Told = {
  readonly deliveryId: string;
  readonly eventType: string;
  readonly severityId: number;
  readonly title: string;
  readonly eventCount: number;
  readonly events: readonly Notice[];
};

const CONTROL = /[\p{Cc}\p{Cf}\u2028\u2029]+/gu;

/** One line of bounded length without control and direction characters. */
export function plainLine(text: string): string {
  const line = text.replace(CONTROL, " ").trim();
  const max = limits.messageLengthMax;
  return line.length <= max ? line : `${line.slice(0, max - 1)}…`;
}

/** In which language a channel is told, and the words for it. */
export type Telling = { readonly texts: Texts; readonly language: Language };

/** Values are attackers' in every language, so each line is made plain after it is filled in. */
const plainIn = ({ texts, language }: Telling, coded: CodedText): string =>
  plainLine(toldIn(texts, language, coded));

/** What was composed elsewhere, in the channel's language. */
const messageIn = (
  telling: Telling,
  { message, messageCoded }: Pick<Notice, "message" | "messageCoded">,
): string => plainIn(telling, { text: message, coded: messageCoded ?? null });

/** The title of a delivery is the message of its first event. */
function titleIn(telling: Telling, { title, events: [first] }: Told): string {
  const coded = first?.message === title ? first.messageCoded : null;
  return plainIn(telling, { text: title, coded: coded ?? null });
}

/** The subject: severity, what, and how often. */
export function subjectOf(told: Told, telling: Telling): string {
  const severity = severityOf(told.severityId);
  const title = titleIn(telling, told);
  const { eventCount: count } = told;
  const subject =
    count > 1
      ? tell(`notify.times.${severity}`, { title, count })
      : tell(`notify.subject.${severity}`, { title });
  return toldIn(telling.texts, telling.language, subject);
}

/** The whole message as lines of plain text. */
export function textOf(told: Told, telling: Telling): string {
  const { events, eventCount, deliveryId } = told;
  const line = (coded: CodedText) => toldIn(telling.texts, telling.language, coded);
  const lines = events.flatMap((event) => {
    const message = messageIn(telling, event);
    const { time, resource, fix: text, fixCoded = null } = event;
    const what = line(tell(`notify.event.${severityOf(event.severityId)}`, { time, message }));
    const first = resource === "" ? what : `${what} [${resource}]`;
    if (text === undefined) return [first];
    return [first, line(tell("notify.fix", { fix: plainIn(telling, { text, coded: fixCoded }) }))];
  });
  const more = eventCount - events.length;
  return [
    subjectOf(told, telling),
    "",
    ...lines,
    ...(more > 0 ? [line(tell("notify.more", { count: more }))] : []),
    "",
    line(tell("notify.from", { deliveryId })),
  ].join("\n");
}

/** A request to a receiver that speaks HTTP. */
export type ReceiverRequest = {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
};

type Receiver = {
  readonly url: string;
  readonly signingSecret: string | undefined;
  readonly telling: Telling;
};

/** The message as a kind of receiver wants it. */
export function requestFor(
  kind: Exclude<ChannelKind, "email">,
  told: Told,
  receiver: Receiver & { readonly nowMs: number },
): ReceiverRequest {
  const { url, signingSecret, telling, nowMs } = receiver;
  const headers = { "content-type": "application/json", "cordon-delivery-id": told.deliveryId };
  switch (kind) {
    case "webhook":
      return signedWebhook(told, { ...receiver, headers });
    case "slack":
      return { url, headers, body: JSON.stringify({ text: slackText(textOf(told, telling)) }) };
    case "teams":
      return { url, headers, body: JSON.stringify(teamsCard(textOf(told, telling))) };
    case "feishu":
      return {
        url,
        headers,
        body: JSON.stringify(feishuMessage(textOf(told, telling), signingSecret, nowMs)),
      };
    case "dingtalk": {
      const body = JSON.stringify({ msgtype: "text", text: { content: textOf(told, telling) } });
      return { url: dingtalkUrl(url, signingSecret, nowMs), headers, body };
    }
  }
}

/**
 * The signature of a webhook: HMAC-SHA-256 of `<delivery id>.<seconds>.<body>` in hexadecimal. The
 * receiver refuses what is older than it likes and what it has seen by its delivery id.
 */
export function webhookSignature(
  secret: string,
  signed: { readonly deliveryId: string; readonly timestamp: string; readonly body: string },
): string {
  const { deliveryId, timestamp, body } = signed;
  const text = `${deliveryId}.${timestamp}.${body}`;
  return `v1=${createHmac("sha256", secret).update(text).digest("hex")}`;
}

function signedWebhook(
  told: Told,
  given: Receiver & { nowMs: number; headers: Readonly<Record<string, string>> },
): ReceiverRequest {
  const { deliveryId, eventType, severityId, eventCount, events } = told;
  const body = JSON.stringify({
    ...{ deliveryId, eventType, severity: severityOf(severityId), eventCount },
    title: titleIn(given.telling, told),
    events: events.map(({ severityId: id, ...event }) => ({
      ...event,
      message: messageIn(given.telling, event),
      severity: severityOf(id),
    })),
  });
  const timestamp = String(Math.floor(given.nowMs / 1000));
  const secret = given.signingSecret ?? "";
  const signature = webhookSignature(secret, { deliveryId, timestamp, body });
  const signed = { "cordon-timestamp": timestamp, "cordon-signature": signature };
  return { url: given.url, headers: { ...given.headers, ...signed }, body };
}

/** Slack reads `<…>` as links and mentions; these three are its escapes. */
function slackText(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

/** An Adaptive Card of text runs: unlike a TextBlock they are not read as Markdown. */
function teamsCard(text: string) {
  const [subject = "", ...lines] = text.split("\n");
  const run = (text: string, weight: "Bolder" | "Default") => ({
    type: "RichTextBlock",
    inlines: [{ type: "TextRun", text, weight }],
  });
  const body = [run(subject, "Bolder"), ...lines.filter(Boolean).map((one) => run(one, "Default"))];
  return {
    type: "message",
    attachments: [
      {
        contentType: "application/vnd.microsoft.card.adaptive",
        content: { type: "AdaptiveCard", version: "1.4", body },
      },
    ],
  };
}

/** Feishu reads `<at …>` in a text as a mention: its brackets become look-alikes. */
function feishuMessage(text: string, secret: string | undefined, nowMs: number) {
  const safe = text.replaceAll("<", "‹").replaceAll(">", "›");
  const message = { msg_type: "text", content: { text: safe } };
  if (secret === undefined) return message;
  const timestamp = String(Math.floor(nowMs / 1000));
  const sign = createHmac("sha256", `${timestamp}\n${secret}`).digest("base64");
  return { timestamp, sign, ...message };
}

function dingtalkUrl(url: string, secret: string | undefined, nowMs: number): string {
  if (secret === undefined) return url;
  const signed = new URL(url);
  const text = `${nowMs}\n${secret}`;
  signed.searchParams.set("timestamp", String(nowMs));
  signed.searchParams.set("sign", createHmac("sha256", secret).update(text).digest("base64"));
  return signed.href;
}

/**
 * Why the receiver's answer is no success; undefined when it is one. Feishu and DingTalk answer
 * 200 with a code of their own.
 */
export function answerFault(
  kind: Exclude<ChannelKind, "email">,
  { status, body }: { readonly status: number; readonly body: Buffer },
): string | undefined {
  if (status < 200 || status > 299) return `The receiver answered ${status}`;
  if (kind !== "feishu" && kind !== "dingtalk") return undefined;
  const answer = parsed(body);
  const code = answer.code ?? answer.errcode ?? answer.StatusCode;
  if (code === 0) return undefined;
  const text = String(answer.msg ?? answer.errmsg ?? "no reason given");
  return `The receiver answered with code ${String(code)}: ${plainLine(text).slice(0, 200)}`;
}

function parsed(body: Buffer): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(body.toString("utf8"));
    return typeof value === "object" && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}
