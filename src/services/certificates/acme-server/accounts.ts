/** Accounts of the ACME server (RFC 8555 §7.3): registration, contacts, key change, the end. */
import {
  jwkOf,
  jwsOf,
  parseObject,
  thumbprint,
  verifyExternalAccount,
  verifyJws,
} from "../../../engines/acme/jws.ts";
import { timeText } from "../../../kernel/context.ts";
import { writeSystemEvent } from "../../../kernel/events/system-event.ts";
import { openSecret, purposes } from "../sealing.ts";
import { type AcmeCall, accountOf, notFound } from "./call.ts";
import { type AcmeAnswer, AcmeProblem, acmeLimits } from "./protocol.ts";
import type { AcmeAccountRow } from "./store.ts";

function accountObject(call: AcmeCall, row: AcmeAccountRow) {
  return {
    status: row.status,
    contact: row.contacts,
    orders: `${call.urls.account(row.acmeAccountId)}/orders`,
  };
}

/** RFC 8555 §7.3. */
export async function newAccount(call: AcmeCall): Promise<AcmeAnswer> {
  const { signed, store, urls } = call;
  const known = signed.account;
  if (known !== undefined) {
    if (known.status !== "valid") {
      throw new AcmeProblem("unauthorized", `The account is ${known.status}`, { status: 403 });
    }
    const location = urls.account(known.acmeAccountId);
    return { status: 200, location, json: accountObject(call, known) };
  }
  if (signed.payload.onlyReturnExisting === true) {
    throw new AcmeProblem("accountDoesNotExist", "There is no account with this key");
  }
  if ((await store.countAccounts()) >= acmeLimits.accountsPerPolicyMax) {
    throw new AcmeProblem("rateLimited", "This directory has as many accounts as it may have", {
      status: 429,
    });
  }
  const externalAccountId = await externalAccountOf(call);
  const row: AcmeAccountRow = {
    acmeAccountId: call.parts.newId("acct"),
    issuancePolicyId: call.policy.issuancePolicyId,
    jwk: signed.jwk,
    thumbprint: signed.thumbprint,
    contacts: contactsOf(signed.payload.contact),
    status: "valid",
    externalAccountId,
    createTime: timeText(call.nowMs),
  };
  await store.insertAccount(row);
  if (externalAccountId !== null) {
    await store.useExternalAccount(externalAccountId, row.acmeAccountId);
  }
  await writeSystemEvent(call.sql, {
    accountId: call.policy.accountId,
    nowMs: call.nowMs,
    type: "certificates.acmeAccountRegistered",
    message: `ACME account ${row.acmeAccountId} registered at policy "${call.policy.name}"`,
    resource: call.policy.issuancePolicyId,
    sourceIp: call.sourceIp,
  });
  const location = urls.account(row.acmeAccountId);
  return { status: 201, location, json: accountObject(call, row) };
}

/** RFC 8555 §7.3.4. The key serves one account: a copy of it registers nobody else. */
async function externalAccountOf(call: AcmeCall): Promise<string | null> {
  const { policy, signed, store, urls, parts } = call;
  const binding = signed.payload.externalAccountBinding;
  if (binding === undefined) {
    if (!policy.externalAccountRequired) return null;
    throw new AcmeProblem("externalAccountRequired", "This directory needs an external account", {
      status: 403,
    });
  }
  const jws = jwsOf(binding);
  const id = jws?.header.kid;
  if (jws === undefined || id === undefined) {
    throw new AcmeProblem("malformed", "externalAccountBinding is no JWS with a key id");
  }
  const refusal = new AcmeProblem("unauthorized", "The external account key does not hold", {
    status: 403,
  });
  const row = await store.externalAccount(id);
  if (row === undefined || row.acmeAccountId !== null) throw refusal;
  const owner = { purpose: purposes.externalMac, accountId: policy.accountId };
  const mac = await openSecret(parts.sealer, owner, row.macSealed);
  const url = urls.newAccount;
  if (!verifyExternalAccount(jws, { mac, url, accountKey: signed.jwk })) throw refusal;
  return id;
}

function contactsOf(value: unknown): string[] {
  if (value === undefined) return [];
  const texts = Array.isArray(value) ? value : [undefined];
  if (texts.length > acmeLimits.contactsMax) {
    throw new AcmeProblem("malformed", `At most ${acmeLimits.contactsMax} contacts are kept`);
  }
  return texts.map((text) => {
    if (typeof text === "string" && /^mailto:[^\s,?@]{1,64}@[^\s,?@]{1,253}$/.test(text)) {
      return text;
    }
    throw new AcmeProblem("unsupportedContact", "A contact must be one mailto: address");
  });
}

/** RFC 8555 §7.3.2, §7.3.6. */
export async function account(call: AcmeCall, id: string): Promise<AcmeAnswer> {
  const row = accountOf(call);
  if (row.acmeAccountId !== id) throw notFound();
  const { contact, status } = call.signed.payload;
  const changed: AcmeAccountRow = {
    ...row,
    contacts: contact === undefined ? row.contacts : contactsOf(contact),
    status: status === "deactivated" ? "deactivated" : row.status,
  };
  await call.store.updateAccount(changed);
  return { status: 200, json: accountObject(call, changed) };
}

/** The list that an account object names (RFC 8555 §7.1.2.1), newest hundred. */
export async function accountOrders(call: AcmeCall, id: string): Promise<AcmeAnswer> {
  if (accountOf(call).acmeAccountId !== id) throw notFound();
  const rows = await call.store.ordersOf(id);
  return { status: 200, json: { orders: rows.map((row) => call.urls.order(row.acmeOrderId)) } };
}

/** RFC 8555 §7.3.5. */
export async function keyChange(call: AcmeCall): Promise<AcmeAnswer> {
  const row = accountOf(call);
  const inner = jwsOf(call.signed.payload);
  const jwk = inner?.header.jwk;
  if (inner === undefined || jwk === undefined || inner.header.nonce !== undefined) {
    throw new AcmeProblem("malformed", "The payload is no JWS with the new key");
  }
  const said = parseObject(inner.payload);
  const oldKey = jwkOf(said?.oldKey);
  const holds =
    inner.header.url === call.urls.keyChange &&
    verifyJws(inner, jwk) === "valid" &&
    said?.account === call.urls.account(row.acmeAccountId) &&
    oldKey !== undefined &&
    thumbprint(oldKey) === row.thumbprint;
  if (!holds) throw new AcmeProblem("malformed", "The inner JWS does not hold for this account");
  const print = thumbprint(jwk);
  const other = await call.store.accountByKey(print);
  if (other !== undefined) {
    throw new AcmeProblem("malformed", "The new key belongs to an account already", {
      status: 409,
    });
  }
  await call.store.changeKey(row.acmeAccountId, { jwk, thumbprint: print });
  return { status: 200, json: accountObject(call, row) };
}
