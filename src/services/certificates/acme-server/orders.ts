/** Orders of the ACME server (RFC 8555 §7.4): made, proved, finalized, fetched. */
import { randomBytes } from "node:crypto";
import { readRenewalId } from "../../../engines/acme/challenge.ts";
import { publicKeyOf } from "../../../engines/acme/jws.ts";
import { X509Fault } from "../../../engines/x509/fault.ts";
import { publicKeyFacts } from "../../../engines/x509/public-key.ts";
import { type CertificateRequest, readRequest } from "../../../engines/x509/request.ts";
import { timeText } from "../../../kernel/context.ts";
import { writeSystemEvent } from "../../../kernel/events/system-event.ts";
import { authorityStore } from "../authority-store.ts";
import { issueCertificate } from "../signers.ts";
import { type AcmeCall, accountOf, notFound } from "./call.ts";
import { type AcmeAnswer, AcmeProblem, acmeLimits, isNameAllowed, NAME } from "./protocol.ts";
import type { AcmeOrderRow, AuthorizationRow } from "./store.ts";

/** RFC 8555 §7.1.6: the status of an order follows from its authorizations and the time. */
export function orderStatus(
  row: Pick<AcmeOrderRow, "status" | "expireTime">,
  authorizations: readonly Pick<AuthorizationRow, "status">[],
  nowMs: number,
): AcmeOrderRow["status"] {
  if (row.status !== "pending" && row.status !== "ready") return row.status;
  const broken = authorizations.some(
    ({ status }) => status === "invalid" || status === "deactivated",
  );
  if (broken || nowMs >= Date.parse(row.expireTime)) return "invalid";
  return authorizations.every(({ status }) => status === "valid") ? "ready" : "pending";
}

function orderObject(
  call: AcmeCall,
  row: AcmeOrderRow,
  authorizations: readonly AuthorizationRow[],
) {
  const { urls, nowMs } = call;
  return {
    status: orderStatus(row, authorizations, nowMs),
    expires: row.expireTime,
    identifiers: row.names.map((value) => ({ type: "dns", value })),
    authorizations: authorizations.map((one) => urls.authorization(one.acmeAuthorizationId)),
    finalize: `${urls.order(row.acmeOrderId)}/finalize`,
    ...(row.serialNumber === null ? {} : { certificate: urls.certificate(row.serialNumber) }),
    ...(row.replaces === null ? {} : { replaces: row.replaces }),
    ...(row.error === null ? {} : { error: row.error }),
  };
}

/** RFC 8555 §7.4, with `replaces` of RFC 9773 §5. */
export async function newOrder(call: AcmeCall): Promise<AcmeAnswer> {
  const { store, signed, nowMs, parts } = call;
  const account = accountOf(call);
  const names = namesOf(call, signed.payload.identifiers);
  const { notBefore, notAfter } = signed.payload;
  if (notBefore !== undefined || notAfter !== undefined) {
    throw new AcmeProblem("malformed", "The policy decides the lifetime; ask without dates");
  }
  const open = await store.countOpenOrders(account.acmeAccountId, timeText(nowMs));
  if (open >= acmeLimits.openOrdersPerAccountMax) {
    throw new AcmeProblem("rateLimited", `${open} orders are open already`, { status: 429 });
  }
  const replaces = await replacedBy(call, signed.payload.replaces, names);
  const row: AcmeOrderRow = {
    acmeOrderId: parts.newId("aord"),
    issuancePolicyId: call.policy.issuancePolicyId,
    acmeAccountId: account.acmeAccountId,
    status: "pending",
    names,
    replaces,
    error: null,
    serialNumber: null,
    expireTime: timeText(nowMs + acmeLimits.orderLifeMs),
    createTime: timeText(nowMs),
  };
  const authorizations = names.map(
    (name): AuthorizationRow => ({
      acmeAuthorizationId: parts.newId("authz"),
      acmeOrderId: row.acmeOrderId,
      acmeAccountId: account.acmeAccountId,
      name: name.replace(/^\*\./, ""),
      wildcard: name.startsWith("*."),
      status: "pending",
      token: randomBytes(32).toString("base64url"),
      challengeType: null,
      error: null,
      validateTime: null,
      expireTime: timeText(nowMs + acmeLimits.authorizationLifeMs),
    }),
  );
  await store.insertOrder(row, authorizations);
  const location = call.urls.order(row.acmeOrderId);
  return { status: 201, location, json: orderObject(call, row, authorizations) };
}

function namesOf({ policy }: AcmeCall, value: unknown): string[] {
  const items: readonly unknown[] = Array.isArray(value) ? value : [];
  if (items.length === 0 || items.length > acmeLimits.namesPerOrderMax) {
    const message = `An order has 1 to ${acmeLimits.namesPerOrderMax} identifiers`;
    throw new AcmeProblem("malformed", message);
  }
  const names = items.map((item) => {
    const { type, value: name } = { type: undefined, value: undefined, ...Object(item) };
    if (type !== "dns" || typeof name !== "string") {
      throw new AcmeProblem("unsupportedIdentifier", "Only identifiers of type dns are issued");
    }
    const lower = name.toLowerCase();
    if (lower.length > 253 || !NAME.test(lower)) {
      throw new AcmeProblem("malformed", `"${name.slice(0, 100)}" is no host name`);
    }
    return lower;
  });
  const refused = names.filter((name) => !isNameAllowed(policy.allowedNames, name));
  if (refused.length > 0) {
    const detail = "The policy of this directory does not allow it";
    throw new AcmeProblem("rejectedIdentifier", `${refused.join(", ")}: not allowed here`, {
      status: 403,
      subproblems: refused.map((name) => ({ type: "rejectedIdentifier", detail, name })),
    });
  }
  return [...new Set(names)].sort();
}

/** The identifier given, when it names a certificate of this account that shares a name. */
async function replacedBy(
  call: AcmeCall,
  value: unknown,
  names: readonly string[],
): Promise<string | null> {
  if (value === undefined) return null;
  const id = typeof value === "string" ? readRenewalId(value) : undefined;
  const issued = id === undefined ? undefined : await call.store.issued(id.serialNumber);
  const isOwn = issued?.acmeAccountId === accountOf(call).acmeAccountId;
  if (issued === undefined || !isOwn || !issued.names.some((name) => names.includes(name))) {
    throw new AcmeProblem("malformed", '"replaces" names no certificate of this account', {
      status: 404,
    });
  }
  if (issued.replaced) {
    throw new AcmeProblem("alreadyReplaced", "The certificate is replaced already", {
      status: 409,
    });
  }
  return String(value);
}

async function loadOrder(call: AcmeCall, id: string) {
  const row = await call.store.order(id, accountOf(call).acmeAccountId);
  if (row === undefined) throw notFound();
  return { row, authorizations: await call.store.authorizationsOf(id) };
}

export async function order(call: AcmeCall, id: string): Promise<AcmeAnswer> {
  const { row, authorizations } = await loadOrder(call, id);
  return { status: 200, json: orderObject(call, row, authorizations), retryAfterSeconds: 1 };
}

/** RFC 8555 §7.4: checks the request against the order and issues in the same transaction. */
export async function finalize(call: AcmeCall, id: string): Promise<AcmeAnswer> {
  const { row, authorizations } = await loadOrder(call, id);
  const status = orderStatus(row, authorizations, call.nowMs);
  if (status !== "ready") {
    throw new AcmeProblem("orderNotReady", `The order is ${status}, not ready`, { status: 403 });
  }
  const request = await requestOf(call, row);
  const authority = await authorityStore(call.sql).get(
    call.policy.accountId,
    call.policy.authorityId,
  );
  if (authority === undefined) throw new Error("the authority of the policy is gone");
  if (row.replaces !== null) await markReplaced(call, row.replaces);
  const issued = await issueCertificate(call.parts.signers, authority, {
    request,
    lifetimeSeconds: call.policy.lifetimeSeconds,
    nowMs: call.nowMs,
    issuancePolicyId: call.policy.issuancePolicyId,
    acmeAccountId: row.acmeAccountId,
  });
  await authorityStore(call.sql).insertIssued(issued);
  const done = { status: "valid", error: null, serialNumber: issued.serialNumber } as const;
  await call.store.setOrder(id, done);
  await writeSystemEvent(call.sql, {
    accountId: call.policy.accountId,
    nowMs: call.nowMs,
    type: "certificates.certificateIssued",
    message: `Certificate ${issued.serialNumber} for ${issued.names.join(", ")} was issued`,
    resource: call.policy.issuancePolicyId,
    sourceIp: call.sourceIp,
    data: { serialNumber: issued.serialNumber, acmeAccountId: row.acmeAccountId },
  });
  const location = call.urls.order(id);
  return { status: 200, location, json: orderObject(call, { ...row, ...done }, authorizations) };
}

async function markReplaced({ store }: AcmeCall, replaces: string): Promise<void> {
  const id = readRenewalId(replaces);
  const marked = id !== undefined && (await store.markReplaced(id.serialNumber));
  if (!marked) {
    throw new AcmeProblem("alreadyReplaced", "The certificate is replaced already", {
      status: 409,
    });
  }
}

async function requestOf(call: AcmeCall, row: AcmeOrderRow): Promise<CertificateRequest> {
  const { csr } = call.signed.payload;
  if (typeof csr !== "string") throw new AcmeProblem("malformed", "csr is missing");
  try {
    const request = await readRequest(Buffer.from(csr, "base64url"));
    const same =
      request.names.length === row.names.length &&
      request.names.every((name, at) => name === row.names[at]);
    if (!same) throw new AcmeProblem("badCSR", "The names are not those of the order");
    // RFC 8555 §11.1: whoever has the account's key must not have the certificate's with it.
    const accountKey = publicKeyOf(call.signed.jwk)?.export({ type: "spki", format: "der" });
    if (accountKey && publicKeyFacts(accountKey).fingerprint === request.key.fingerprint) {
      throw new AcmeProblem("badCSR", "The key of the account cannot be the certificate's");
    }
    return request;
  } catch (error) {
    if (error instanceof X509Fault) throw new AcmeProblem("badCSR", error.message);
    throw error;
  }
}

/** RFC 8555 §7.4.2: leaf and intermediate; the root is the client's to trust. */
export async function certificate(call: AcmeCall, serialNumber: string): Promise<AcmeAnswer> {
  const issued = await call.store.issued(serialNumber);
  if (issued === undefined || issued.acmeAccountId !== accountOf(call).acmeAccountId) {
    throw notFound();
  }
  const store = authorityStore(call.sql);
  const authority = await store.get(call.policy.accountId, issued.authorityId);
  return {
    status: 200,
    contentType: "application/pem-certificate-chain",
    text: issued.certificatePem + (authority?.certificatePem ?? ""),
  };
}
