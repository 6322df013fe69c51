/** Asks providers for renewal windows (RFC 9773), and makes orders for what is due. */
import { renewalId } from "../../../engines/acme/challenge.ts";
import { type RenewalWindow, renewalTimeMs, windowCheckMs } from "../../../engines/acme/renewal.ts";
import { timeText } from "../../../kernel/context.ts";
import { applyStore, applySystemStore, type OrderRow, type RenewableRow } from "../apply-store.ts";
import type { CertificateRow, RenewalSettings } from "../domain.ts";
import { certificateStore } from "../store.ts";
import type { ClientParts } from "./parts.ts";
import { readPublic, textOf } from "./session.ts";

const PER_RUN_MAX = 500;

/** One turn of the renewal job. */
export async function renewDue(parts: ClientParts): Promise<void> {
  const nowText = timeText(parts.clock());
  const asked = await parts.database.transaction("system", (sql) =>
    applySystemStore(sql).listWindowDue(nowText, PER_RUN_MAX),
  );
  for (const one of asked) await askWindow(parts, one);
  const due = await parts.database.transaction("system", (sql) =>
    applySystemStore(sql).listRenewDue(nowText, PER_RUN_MAX),
  );
  for (const one of due) await orderRenewal(parts, one);
}

/** A provider that does not answer, or says nonsense, leaves the time as it is. */
async function askWindow(parts: ClientParts, one: RenewableRow): Promise<void> {
  const { accountId, certificateId } = one;
  const loaded = await parts.database.transaction({ accountId }, async (sql) => {
    const row = await certificateStore(sql).get(accountId, certificateId);
    const id = row?.renewal?.acmeProviderId ?? "";
    const provider = await applyStore(sql).getProvider(accountId, id);
    return row === undefined || provider === undefined ? undefined : { row, provider };
  });
  if (loaded === undefined) return;
  const { row, provider } = loaded;
  const told = await readWindow(parts, row, provider).catch(() => undefined);
  const nowMs = parts.clock();
  const windowCheckTime = timeText(nowMs + windowCheckMs(told?.retryAfterSeconds));
  const renewTime = chosenTime(row, told?.window, parts.chance());
  await parts.database.transaction("system", (sql) =>
    applySystemStore(sql).setRenewTime(certificateId, { renewTime, windowCheckTime }),
  );
}

/** The time stays while it lies in the window, so that asking again does not move it. */
function chosenTime(row: CertificateRow, window: RenewalWindow | undefined, chance: number) {
  const known = row.renewTime === null ? undefined : Date.parse(row.renewTime);
  const isInside =
    known !== undefined &&
    (window === undefined || (known >= window.startMs && known <= window.endMs));
  if (isInside && row.renewTime !== null) return row.renewTime;
  const notBeforeMs = Date.parse(row.notBeforeTime);
  const notAfterMs = Date.parse(row.expireTime);
  return timeText(renewalTimeMs({ notBeforeMs, notAfterMs }, window, chance));
}

async function readWindow(
  parts: ClientParts,
  row: CertificateRow,
  provider: Parameters<typeof readPublic>[1],
) {
  const directory = await readPublic(parts, provider, provider.directoryUrl);
  const base = textOf(directory.body.renewalInfo);
  if (base === "" || row.authorityKeyId === "") return undefined;
  const answer = await readPublic(parts, provider, `${base}/${renewalId(row)}`);
  const { start, end } = { start: "", end: "", ...Object(answer.body.suggestedWindow) };
  const startMs = Date.parse(textOf(start));
  const endMs = Date.parse(textOf(end));
  const { retryAfterSeconds } = answer;
  if (!(endMs > startMs)) return { window: undefined, retryAfterSeconds };
  return { window: { startMs, endMs }, retryAfterSeconds };
}

async function orderRenewal(parts: ClientParts, one: RenewableRow): Promise<void> {
  const { accountId, certificateId } = one;
  await parts.database.transaction({ accountId }, async (sql) => {
    const row = await certificateStore(sql).get(accountId, certificateId);
    if (row?.renewal == null) return;
    const order = renewalOrder(row, row.renewal, {
      accountId,
      orderId: parts.newId("ord"),
      timeText: timeText(parts.clock()),
    });
    await applyStore(sql).insertOrder(order);
  });
}

function renewalOrder(
  row: CertificateRow,
  settings: RenewalSettings,
  given: { accountId: string; orderId: string; timeText: string },
): OrderRow {
  return {
    accountId: given.accountId,
    orderId: given.orderId,
    ...settings,
    names: [...row.names].sort(),
    autoRenew: true,
    state: "new",
    stateReason: "",
    progress: {},
    keySealed: null,
    requestDer: null,
    certificateId: null,
    renewsId: row.certificateId,
    failures: 0,
    nextTime: given.timeText,
    createTime: given.timeText,
    updateTime: given.timeText,
  };
}
