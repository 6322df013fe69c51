/** Revocation (RFC 8555 §7.6) and renewal information (RFC 9773). */
import { readRenewalId } from "../../../engines/acme/challenge.ts";
import { publicKeyOf } from "../../../engines/acme/jws.ts";
import { suggestedWindow } from "../../../engines/acme/renewal.ts";
import { certificateFacts } from "../../../engines/x509/certificate.ts";
import { revocationReason } from "../../../engines/x509/crl.ts";
import { X509Fault } from "../../../engines/x509/fault.ts";
import { readPem } from "../../../engines/x509/pem.ts";
import { publicKeyFacts } from "../../../engines/x509/public-key.ts";
import { timeText } from "../../../kernel/context.ts";
import { writeSystemEvent } from "../../../kernel/events/system-event.ts";
import { authorityStore, type IssuedRow } from "../authority-store.ts";
import { type AcmeCall, notFound } from "./call.ts";
import { type AcmeAnswer, AcmeProblem, acmeLimits } from "./protocol.ts";
import type { AcmeStore } from "./store.ts";

/** Signed by the account that got it, by one that proved all its names, or by its own key. */
export async function revokeCertificate(call: AcmeCall): Promise<AcmeAnswer> {
  const { certificate, reason = 0 } = call.signed.payload;
  if (typeof certificate !== "string") throw new AcmeProblem("malformed", "certificate is missing");
  const der = Buffer.from(certificate, "base64url");
  const issued = await findIssued(call.store, der);
  if (!(await mayRevoke(call, issued))) {
    throw new AcmeProblem("unauthorized", "The signer may not revoke this certificate", {
      status: 403,
    });
  }
  if (issued.revokeTime !== null) {
    throw new AcmeProblem("alreadyRevoked", "The certificate is revoked already");
  }
  const name = typeof reason === "number" ? revocationReason(reason) : undefined;
  if (name === undefined) {
    throw new AcmeProblem("badRevocationReason", `${String(reason)} is no reason taken here`);
  }
  const revoked = { time: timeText(call.nowMs), reason: name };
  await authorityStore(call.sql).revoke(call.policy.accountId, issued.serialNumber, revoked);
  await writeSystemEvent(call.sql, {
    accountId: call.policy.accountId,
    nowMs: call.nowMs,
    type: "certificates.issuedCertificateRevoked",
    message: `Certificate ${issued.serialNumber} for ${issued.names.join(", ")} was revoked`,
    resource: call.policy.issuancePolicyId,
    severityId: 2,
    sourceIp: call.sourceIp,
    data: { serialNumber: issued.serialNumber, reason: name },
  });
  return { status: 200 };
}

async function findIssued(store: AcmeStore, der: Buffer): Promise<IssuedRow> {
  try {
    const { serialNumber } = certificateFacts(der);
    const issued = await store.issued(serialNumber);
    const [own] = issued === undefined ? [] : readPem(issued.certificatePem);
    // The same serial is not enough: the very bytes must be ours.
    if (issued !== undefined && own?.der.equals(der)) return issued;
  } catch (error) {
    if (!(error instanceof X509Fault)) throw error;
    throw new AcmeProblem("malformed", error.message);
  }
  throw notFound();
}

async function mayRevoke(call: AcmeCall, issued: IssuedRow): Promise<boolean> {
  const { signed, store } = call;
  if (signed.jws.header.kid === undefined) {
    const spki = publicKeyOf(signed.jwk)?.export({ type: "spki", format: "der" });
    return spki !== undefined && publicKeyFacts(spki).fingerprint === issued.keyFingerprint;
  }
  if (signed.account === undefined) return false;
  if (signed.account.acmeAccountId === issued.acmeAccountId) return true;
  const proved = await store.provedNames(signed.account.acmeAccountId, timeText(call.nowMs));
  return issued.names.every((name) =>
    proved.some((one) => (one.wildcard ? `*.${one.name}` : one.name) === name),
  );
}

/** RFC 9773 §4.2; a revoked certificate is to be renewed now. */
export async function renewalInfo(
  store: AcmeStore,
  text: string,
  nowMs: number,
): Promise<AcmeAnswer> {
  const id = readRenewalId(text);
  if (id === undefined) throw new AcmeProblem("malformed", "This is no certificate identifier");
  const issued = await store.issued(id.serialNumber);
  if (issued === undefined) throw notFound();
  const window =
    issued.revokeTime === null
      ? suggestedWindow({
          notBeforeMs: Date.parse(issued.notBeforeTime),
          notAfterMs: Date.parse(issued.expireTime),
        })
      : { startMs: Date.parse(issued.revokeTime), endMs: nowMs };
  const { startMs, endMs } = window;
  return {
    status: 200,
    json: { suggestedWindow: { start: timeText(startMs), end: timeText(endMs) } },
    retryAfterSeconds: acmeLimits.renewalInfoSeconds,
  };
}
