/** Mail with files, against a real SMTP server; read back by another MIME parser. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { composedTexts } from "../src/catalog.ts";
import { createOutbound } from "../src/kernel/outbound.ts";
import { deliverDue } from "../src/services/notify/deliver.ts";
import { deliveryStore } from "../src/services/notify/delivery-store.ts";
import { limits } from "../src/services/notify/domain.ts";
import { type FileMail, queueMail } from "../src/services/notify/mail-files.ts";
import { canParseMail, mailParts } from "./mail-parts.ts";
import { startMailServer } from "./mail-server.ts";
import { type Operations, startOperations } from "./service-kit.ts";

let cordon: Operations;
let accountId: string;
const closing: (() => Promise<void>)[] = [];

beforeAll(async () => {
  cordon = await startOperations();
  const own = await cordon.api("GET", "/v1/account/accounts");
  accountId = own.result.accounts[0].accountId;
});
afterAll(async () => {
  for (const close of closing) await close();
  await cordon?.stop();
});

const outbound = createOutbound({ privateTargets: ["127.0.0.1"], resolver: undefined });
const sendLater = (afterMs: number) =>
  deliverDue({
    ...{ database: cordon.database, sealer: cordon.sealer, outbound, chance: () => 0 },
    texts: composedTexts,
    clock: () => Date.now() + afterMs,
  });

/** An e-mail channel, and what arrives there. */
async function mailbox(name: string) {
  const { mails, settings, close } = await startMailServer(true);
  closing.push(close);
  const made = await cordon.api("POST", "/v1/notify/channels", { name, ...settings });
  expect(made.error).toBeUndefined();
  return { mails, channelId: made.result.channel.channelId as string };
}
const deliveriesOf = async (channelId: string) => {
  const query = `filters.1.name=channelId&filters.1.values.1=${channelId}`;
  return (await cordon.api("GET", `/v1/notify/deliveries?${query}`)).result.deliveries;
};

const small = {
  fileName: "report-ü.csv",
  mediaType: "text/csv",
  content: Buffer.from("a,b\n1,2\n"),
};
const large = {
  ...{ fileName: "report.pdf", mediaType: "application/pdf" },
  content: Buffer.from(Array.from({ length: 100_000 }, (_, at) => (at * 7 + (at >> 8)) & 255)),
};
const queue = (channelIds: readonly string[], more: Partial<FileMail> = {}) =>
  cordon.database.transaction({ accountId }, (sql) =>
    queueMail(sql, {
      ...{ accountId, channelIds, groupKey: `files ${channelIds.join()}`, nowMs: Date.now() },
      notice: {
        ...{ time: new Date().toISOString(), type: "appgateway.reportMade", severityId: 1 },
        ...{ message: "Report of shop.test", resource: "site-0000000000" },
      },
      files: [small, large],
      ...more,
    }),
  );

test.skipIf(!canParseMail)(
  "files go with a mail byte for byte, at a later attempt too, and the record names them",
  async () => {
    const { mails, channelId } = await mailbox("files");
    const gone = "channel-gone000000";
    await cordon.api("PATCH", `/v1/notify/channels/${channelId}`, { enabled: false });
    await queue([channelId, gone]);
    // Queued twice, sent once.
    await queue([channelId, gone]);
    await sendLater(0);
    const [waiting] = await deliveriesOf(channelId);
    expect(waiting.state).toBe("retrying");
    await cordon.api("PATCH", `/v1/notify/channels/${channelId}`, { enabled: true });
    await sendLater(60_000);
    const deliveries = await deliveriesOf(channelId);
    expect(deliveries).toHaveLength(1);
    expect(deliveries[0]).toMatchObject({
      ...{ state: "sent", routeId: null, eventType: "appgateway.reportMade" },
      attachments: [
        { fileName: "report-ü.csv", mediaType: "text/csv", bytes: small.content.length },
        { fileName: "report.pdf", mediaType: "application/pdf", bytes: 100_000 },
      ],
    });
    expect((await deliveriesOf(gone))[0].attempts[0].error).toBe("The channel was deleted");
    expect(mails).toHaveLength(1);
    const { subject, files } = mailParts(mails[0]?.text ?? "");
    expect(subject).toBe("[informational] Report of shop.test");
    const sent = files.map(({ contentBase64, ...named }) => ({
      ...named,
      content: Buffer.from(contentBase64, "base64"),
    }));
    expect(sent).toEqual([small, large]);
  },
);

test("files that are too large for mail are left out, and the mail says so", async () => {
  const { mails, channelId } = await mailbox("too large");
  const content = Buffer.alloc(limits.mailFilesBytesMax);
  await queue([channelId], { files: [small, { ...large, content }] });
  await sendLater(0);
  const [delivery] = await deliveriesOf(channelId);
  expect(delivery).toMatchObject({ state: "sent", attachments: [] });
  const text = mails[0]?.text ?? "";
  if (canParseMail) expect(mailParts(text).text).toMatch(/ \d+ bytes are too large to attach/);
  expect(text).not.toContain("report.pdf");
});

test("what was attached is deleted with its delivery, and is of its account only", async () => {
  const { channelId } = await mailbox("forgotten");
  await queue([channelId]);
  await sendLater(0);
  const count = (as: "system" | { accountId: string }) =>
    cordon.database.transaction(as, async (sql) => {
      const rows = await sql<{ files: number }>`select count(*) as files from notify_attachment`;
      return rows[0]?.files ?? 0;
    });
  expect(await count({ accountId })).toBeGreaterThan(0);
  expect(await count({ accountId: "acc-zzzzzzzzzz" })).toBe(0);
  const laterMs = Date.now() + (limits.keepDays + 1) * 86_400_000;
  await cordon.database.transaction("system", (sql) => deliveryStore(sql).deleteOld(laterMs));
  expect(await deliveriesOf(channelId)).toEqual([]);
  const left = await cordon.database.transaction(
    "system",
    (sql) => sql`select 1 as one from notify_attachment join notify_delivery using (delivery_id)
      where channel_id = ${channelId}`,
  );
  expect(left).toEqual([]);
});
