/** One attempt to bring one message to its receiver, by HTTP or by SMTP. */
import { isIP } from "node:net";
import nodemailer from "nodemailer";
import { type Outbound, OutboundError } from "../../kernel/outbound.ts";
import type { Texts } from "../../lib/coded-text.ts";
import type { MailFile } from "./delivery-store.ts";
import { limits } from "./domain.ts";
import { answerFault, plainLine, requestFor, subjectOf, type Told, textOf } from "./messages.ts";
import type { ChannelKind, ChannelSecrets, ChannelSettings } from "./resources.ts";

const CONNECT_MAX_MS = 10_000;
const ANSWER_BYTES_MAX = 65_536;

export type OpenedChannel = {
  readonly kind: ChannelKind;
  readonly settings: ChannelSettings;
  readonly secrets: ChannelSecrets;
};

/** Why an attempt failed, in words that the account may see: no secret, no bytes of the answer. */
export class SendError extends Error {
  override readonly name = "SendError";
}

type Sent = { readonly told: Told; readonly texts: Texts };

/**
 * Sends the message once.
 *
 * @throws SendError when the receiver did not take it, or may not have.
 */
export async function sendMessage(
  outbound: Outbound,
  channel: OpenedChannel,
  given: Sent & { readonly nowMs: number; readonly files: readonly MailFile[] },
): Promise<void> {
  try {
    if (channel.kind === "email") await sendMail(outbound, channel, given);
    else await sendRequest(outbound, { ...channel, kind: channel.kind }, given);
  } catch (error) {
    if (error instanceof SendError) throw error;
    // An OutboundError's text is for the account; any other may quote what was sent.
    if (error instanceof OutboundError) throw new SendError(error.message);
    throw new SendError("The message could not be made", { cause: error });
  }
}

async function sendRequest(
  outbound: Outbound,
  channel: OpenedChannel & { readonly kind: Exclude<ChannelKind, "email"> },
  { told, texts, nowMs }: Sent & { readonly nowMs: number },
): Promise<void> {
  const { kind, settings, secrets } = channel;
  const telling = { texts, language: settings.language ?? "en" };
  const receiver = { url: secrets.url ?? "", signingSecret: secrets.signingSecret, telling, nowMs };
  const answer = await outbound.request({
    ...requestFor(kind, told, receiver),
    method: "POST",
    bytesMax: ANSWER_BYTES_MAX,
    timeoutMs: limits.sendMaxMs,
    ...(settings.trustPem === undefined ? {} : { trustPem: settings.trustPem }),
  });
  const fault = answerFault(kind, answer);
  if (fault !== undefined) throw new SendError(fault);
}

async function sendMail(
  outbound: Outbound,
  { settings, secrets }: OpenedChannel,
  { told, texts, files }: Sent & { readonly files: readonly MailFile[] },
): Promise<void> {
  const { smtpHost = "", smtpPort, smtpSecurity, smtpUser, from = "", to = [] } = settings;
  const telling = { texts, language: settings.language ?? "en" };
  const address = await outbound.resolved(smtpHost);
  const transport = nodemailer.createTransport({
    // INVARIANT: the address that was checked, so that no second answer of the DNS is followed.
    host: address,
    port: smtpPort,
    secure: smtpSecurity === "tls",
    requireTLS: smtpSecurity === "startTls",
    ignoreTLS: smtpSecurity === "none",
    tls: {
      ...(isIP(smtpHost) === 0 ? { servername: smtpHost } : {}),
      ...(settings.trustPem === undefined ? {} : { ca: [settings.trustPem] }),
      minVersion: "TLSv1.2",
    },
    ...(smtpUser === undefined ? {} : { auth: { user: smtpUser, pass: secrets.smtpPassword } }),
    connectionTimeout: CONNECT_MAX_MS,
    greetingTimeout: CONNECT_MAX_MS,
    socketTimeout: limits.sendMaxMs,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  const watch = setTimeout(() => transport.close(), limits.sendMaxMs);
  try {
    await transport.sendMail({
      ...{ from, to },
      subject: plainLine(subjectOf(told, telling)),
      text: textOf(told, telling),
      attachments: files.map(({ fileName, mediaType, content }) => ({
        ...{ filename: fileName, contentType: mediaType, content },
      })),
      // A repeated delivery has the same id, by which mail programs show it once.
      messageId: `<${told.deliveryId}@cordon>`,
      headers: { "Auto-Submitted": "auto-generated" },
    });
  } catch (error) {
    throw new SendError(mailFault(smtpHost, error));
  } finally {
    clearTimeout(watch);
    transport.close();
  }
}

/** The server's code and stage; its text may repeat what was sent to it, so it is left out. */
function mailFault(host: string, error: unknown): string {
  const field = (name: string) =>
    typeof error === "object" && error !== null ? Reflect.get(error, name) : undefined;
  const stage = String(field("command") ?? field("code") ?? "connection");
  const code = field("responseCode");
  const reason = typeof code === "number" ? `answered ${code}` : reasonOf(field("code"), error);
  return `${host}: ${reason} at ${plainLine(stage).slice(0, 40)}`;
}

function reasonOf(code: unknown, error: unknown): string {
  if (code === "ETLS" || /certificate|TLS|SSL/i.test(String(error))) {
    return "no trusted TLS connection";
  }
  return `no answer (${String(code ?? "unknown")})`;
}
