/** The steps of an order (RFC 8555 §7.4), each from a saved state to the next one to save. */
import { renewalId } from "../../../engines/acme/challenge.ts";
import {
  type KeptAuthorization,
  type Step,
  withAuthorization,
} from "../../../engines/acme/order.ts";
import { renewalTimeMs } from "../../../engines/acme/renewal.ts";
import { readBundle } from "../../../engines/x509/bundle.ts";
import { writePem } from "../../../engines/x509/pem.ts";
import { publicHalf } from "../../../engines/x509/private-key.ts";
import { publicKeyFacts } from "../../../engines/x509/public-key.ts";
import { type LeafKeyAlgorithm, newLeafKey, writeRequest } from "../../../engines/x509/request.ts";
import { timeText } from "../../../kernel/context.ts";
import { writeSystemEvent } from "../../../kernel/events/system-event.ts";
import { applyStore, type OrderRow } from "../apply-store.ts";
import type { CertificateRow } from "../domain.ts";
import { rowOf } from "../inventory.ts";
import { openSecret, purposes, sealSecret } from "../sealing.ts";
import { certificateStore } from "../store.ts";
import { tell } from "../texts.ts";
import { type ClientParts, clientLimits } from "./parts.ts";
import { presentProof, proofsReady } from "./proofs.ts";
import { AcmeRefusal, type Session, textOf } from "./session.ts";

/** The order at the provider leads nowhere any more; the next try makes a new one. */
export class OrderBroken extends Error {
  override readonly name = "OrderBroken";
}

type Given = {
  readonly order: OrderRow;
  readonly session: Session;
  readonly step: Step;
  /** What the provider says is wrong with the order. */
  readonly problem: string;
};

/** Does one step and gives the order as it is to be saved. */
export async function runStep(parts: ClientParts, given: Given): Promise<OrderRow> {
  const { order, session, step } = given;
  switch (step.kind) {
    case "createOrder":
      return createOrder(parts, order, session);
    case "readAuthorizations":
      return readAuthorizations(order, session);
    case "present":
      return present(parts, { order, session, at: step.at });
    case "answer":
      return answer(parts, { order, session, at: step.at });
    case "wait":
      return { ...order, nextTime: soon(parts) };
    case "finalize":
      return finalize(parts, order, session);
    case "download":
      return download(parts, order, session);
    case "fail":
      throw new OrderBroken(await brokenReason(given));
  }
}

const soon = (parts: ClientParts) => timeText(parts.clock() + clientLimits.pollMs);

async function createOrder(
  parts: ClientParts,
  order: OrderRow,
  session: Session,
): Promise<OrderRow> {
  const url = textOf(session.directory.newOrder);
  const replaces = await replacedId(parts, order, session);
  const payload = {
    identifiers: order.names.map((value) => ({ type: "dns", value })),
    ...(order.profile === "" ? {} : { profile: order.profile }),
  };
  const withReplaces = replaces === undefined ? payload : { ...payload, replaces };
  const made = await session.post(url, withReplaces).catch((error: unknown) => {
    // RFC 9773 §5: a certificate that counts as replaced already is ordered without saying so.
    if (replaces === undefined || !(error instanceof AcmeRefusal)) throw error;
    return session.post(url, payload);
  });
  const { location, body } = made;
  const finalizeUrl = textOf(body.finalize);
  if (location === "" || finalizeUrl === "") throw new AcmeRefusal("The order has no URL");
  const progress = { orderUrl: location, finalizeUrl };
  return { ...order, state: "proving", stateReason: "", progress };
}

async function replacedId(parts: ClientParts, { accountId, renewsId }: OrderRow, session: Session) {
  if (renewsId === null || textOf(session.directory.renewalInfo) === "") return undefined;
  const row = await parts.database.transaction({ accountId }, (sql) =>
    certificateStore(sql).get(accountId, renewsId),
  );
  return row === undefined || row.authorityKeyId === "" ? undefined : renewalId(row);
}

async function readAuthorizations(order: OrderRow, session: Session): Promise<OrderRow> {
  const { body } = await session.post(order.progress.orderUrl ?? "", undefined);
  const urls = Array.isArray(body.authorizations) ? body.authorizations.map(textOf) : [];
  const authorizations: KeptAuthorization[] = [];
  for (const url of urls.slice(0, order.names.length)) {
    const { body: found } = await session.post(url, undefined);
    // One that is valid from an earlier order needs no proof.
    if (found.status === "valid") continue;
    const challenges: unknown[] = Array.isArray(found.challenges) ? found.challenges : [];
    const challenge = Object(challenges.find((one) => Object(one).type === order.challenge));
    const name = textOf(Object(found.identifier).value);
    const token = textOf(challenge.token);
    // RFC 8555 §8: the token becomes part of a path, so its alphabet is checked.
    if (!/^[A-Za-z0-9_-]{16,200}$/.test(token)) {
      throw new AcmeRefusal(`The provider offers no ${order.challenge} challenge for ${name}`);
    }
    authorizations.push({
      ...{ url, name, token, challengeUrl: textOf(challenge.url) },
      ...{ wildcard: found.wildcard === true, presented: false, answered: false },
    });
  }
  return { ...order, progress: { ...order.progress, authorizations } };
}

type At = { readonly order: OrderRow; readonly session: Session; readonly at: number };

async function present(parts: ClientParts, { order, session, at }: At): Promise<OrderRow> {
  const authorization = order.progress.authorizations?.[at];
  if (authorization === undefined) throw new OrderBroken("The order lost an authorization");
  await presentProof(parts, { order, authorization }, session.thumbprint);
  const progress = withAuthorization(order.progress, at, { presented: true });
  return { ...order, progress: { ...progress, presentedMs: parts.clock() } };
}

async function answer(parts: ClientParts, { order, session, at }: At): Promise<OrderRow> {
  const authorization = order.progress.authorizations?.[at];
  if (authorization === undefined) throw new OrderBroken("The order lost an authorization");
  if (!(await proofsReady(parts, order, order.progress.presentedMs ?? 0))) {
    return { ...order, nextTime: soon(parts) };
  }
  await session.post(authorization.challengeUrl, {});
  return { ...order, progress: withAuthorization(order.progress, at, { answered: true }) };
}

/** The key is sealed and saved before the provider hears of it. */
async function finalize(parts: ClientParts, order: OrderRow, session: Session): Promise<OrderRow> {
  if (order.keySealed === null || order.requestDer === null) {
    const pkcs8 = await newLeafKey(order.keyAlgorithm as LeafKeyAlgorithm);
    const requestDer = await writeRequest(pkcs8, order.names);
    const owner = { purpose: purposes.privateKey, accountId: order.accountId };
    const keySealed = await sealSecret(parts.sealer, owner, pkcs8);
    pkcs8.fill(0);
    return { ...order, state: "finalizing", keySealed, requestDer };
  }
  const csr = order.requestDer.toString("base64url");
  await session.post(order.progress.finalizeUrl ?? "", { csr });
  return { ...order, state: "finalizing" };
}

/** Takes the certificate into the inventory, and into the place of the one it renews. */
async function download(parts: ClientParts, order: OrderRow, session: Session): Promise<OrderRow> {
  const { accountId, keySealed } = order;
  if (keySealed === null) throw new OrderBroken("The order is valid, but its key is not here");
  const { body } = await session.post(order.progress.orderUrl ?? "", undefined);
  const { text } = await session.post(textOf(body.certificate), undefined);
  const owner = { purpose: purposes.privateKey, accountId };
  const pkcs8 = await openSecret(parts.sealer, owner, keySealed);
  const keyFingerprint = publicKeyFacts(publicHalf(pkcs8)).fingerprint;
  const bundle = readBundle([text, writePem("PRIVATE KEY", pkcs8)]);
  pkcs8.fill(0);
  const nowMs = parts.clock();
  const certificateId = parts.newId("cert");
  const name = order.names[0] ?? certificateId;
  const base = await rowOf(bundle, { ...parts, accountId, certificateId, name, nowMs });
  if (base.keyFingerprint !== keyFingerprint) throw new OrderBroken("The key is another one");
  const row: CertificateRow = { ...base, origin: "acme", ...renewalOf(parts, order, base) };
  await keep(parts, order, row);
  const next = {
    state: "issued",
    stateReason: "",
    certificateId,
    nextTime: timeText(nowMs),
  } as const;
  return { ...order, ...next };
}

function renewalOf(parts: ClientParts, order: OrderRow, row: CertificateRow) {
  if (!order.autoRenew) return {};
  const { acmeProviderId, challenge, dnsProviderId, profile, keyAlgorithm } = order;
  const life = {
    notBeforeMs: Date.parse(row.notBeforeTime),
    notAfterMs: Date.parse(row.expireTime),
  };
  return {
    renewal: { acmeProviderId, challenge, dnsProviderId, profile, keyAlgorithm },
    renewTime: timeText(renewalTimeMs(life, undefined, parts.chance())),
  };
}

async function keep(parts: ClientParts, order: OrderRow, row: CertificateRow): Promise<void> {
  const { accountId, renewsId } = order;
  const nowMs = parts.clock();
  await parts.database.transaction({ accountId }, async (sql) => {
    await certificateStore(sql).insert(accountId, row);
    // In the same transaction: a crash leaves both or neither.
    await applyStore(sql).saveOrder({
      ...order,
      ...{ state: "issued", stateReason: "", certificateId: row.certificateId },
      ...{ nextTime: timeText(nowMs), updateTime: timeText(nowMs) },
    });
    if (renewsId !== null) {
      const change = { before: renewsId, after: row.certificateId, time: timeText(nowMs) };
      await applyStore(sql).replaceCertificate(accountId, change);
      await sql`insert into intent_change (plane) values ('gateway')`;
    }
    await writeSystemEvent(sql, {
      ...{ accountId, nowMs, resource: row.certificateId },
      type: renewsId === null ? "certificates.orderIssued" : "certificates.certificateRenewed",
      message: tell("certificates.issued", { names: order.names.join(", "), issuer: row.issuer }),
      data: { orderId: order.orderId, replaces: renewsId },
    });
  });
  if (renewsId !== null) await parts.refreshIntent();
}

/** Why the provider gave the order up: of the order, or of the authorization that failed. */
async function brokenReason({ order, session, problem }: Given): Promise<string> {
  if (problem !== "") return problem;
  for (const { url, name } of order.progress.authorizations ?? []) {
    const { body } = await session.post(url, undefined);
    const challenges: unknown[] = Array.isArray(body.challenges) ? body.challenges : [];
    const detail = challenges.map((one) => textOf(Object(Object(one).error).detail)).find(Boolean);
    if (detail !== undefined) return `${name}: ${detail}`;
  }
  return "The provider gave the order up";
}
