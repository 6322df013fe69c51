/** Rules of the inventory: states, findings, reports, and what may be served where. Pure. */
import { coversHost } from "../../engines/x509/certificate.ts";
import { X509Fault, type X509FaultCode } from "../../engines/x509/fault.ts";
import { Problem } from "../../kernel/problem.ts";
import type { Binding, Certificate, CertificateFinding } from "./resources.ts";

export const limits = {
  certificatesMax: 20_000,
  bindingsPerRunMax: 200,
  /** How long the gateways may take to follow before another certificate counts as drift. */
  followMs: 60_000,
  verifyEveryMs: 300_000,
  /** Connections per check: the workers of a gateway share its port. */
  verifyConnections: 4,
  chainBytesMax: 60_000,
} as const;

const DAY_MS = 86_400_000;

/** A certificate as the inventory keeps it. */
export type CertificateRow = Omit<Certificate, "state" | "hasPrivateKey" | "siteIds"> & {
  readonly fullChainPem: string;
  readonly keySealed: Buffer | null;
  readonly authorityKeyId: string;
  readonly rootSeen: boolean;
  readonly ocspUrls: string[];
  readonly renewal: RenewalSettings | null;
  readonly windowCheckTime: string | null;
  readonly warnedState: string;
};

/** How the next certificate is applied for. */
export type RenewalSettings = {
  readonly acmeProviderId: string;
  readonly challenge: "http-01" | "dns-01";
  readonly dnsProviderId: string | null;
  readonly profile: string;
  readonly keyAlgorithm: string;
};

type Dated = Pick<
  CertificateRow,
  "notBeforeTime" | "expireTime" | "revokeTime" | "replacedBy" | "renewal"
>;

/** The moment from which a certificate counts as expiring: a third of its life, 30 days at most. */
function expiringFromMs({ notBeforeTime, expireTime }: Dated): number {
  const end = Date.parse(expireTime);
  const life = end - Date.parse(notBeforeTime);
  return end - Math.min(life / 3, 30 * DAY_MS);
}

export function certificateState(row: Dated, nowMs: number): Certificate["state"] {
  if (row.revokeTime !== null) return "revoked";
  if (nowMs >= Date.parse(row.expireTime)) return "expired";
  if (row.replacedBy !== null) return "replaced";
  if (nowMs < Date.parse(row.notBeforeTime)) return "notYetValid";
  return nowMs >= expiringFromMs(row) ? "expiring" : "valid";
}

/** What a caller sees of a certificate; the sealed key stays here. */
export function certificateView(
  row: CertificateRow,
  { siteIds, nowMs }: { siteIds: readonly string[]; nowMs: number },
): Certificate {
  return {
    certificateId: row.certificateId,
    name: row.name,
    origin: row.origin,
    keyUse: row.keyUse,
    pairCertificateId: row.pairCertificateId,
    names: row.names,
    state: certificateState(row, nowMs),
    keyAlgorithm: row.keyAlgorithm,
    weaknesses: row.weaknesses,
    subject: row.subject,
    issuer: row.issuer,
    anchor: row.anchor,
    serialNumber: row.serialNumber,
    fingerprint: row.fingerprint,
    keyFingerprint: row.keyFingerprint,
    hasPrivateKey: row.keySealed !== null,
    siteIds: [...siteIds],
    notBeforeTime: row.notBeforeTime,
    expireTime: row.expireTime,
    renewTime: row.renewTime,
    revokeTime: row.revokeTime,
    statusReason: row.statusReason,
    statusCheckTime: row.statusCheckTime,
    replacedBy: row.replacedBy,
    createTime: row.createTime,
  };
}

/** @throws Problem certificates.notUsable, certificates.keyMissing, certificates.nameNotCovered. */
export function requireServable(
  row: CertificateRow,
  { domains, nowMs }: { domains: readonly string[]; nowMs: number },
): void {
  const state = certificateState(row, nowMs);
  if (state === "expired" || state === "revoked" || state === "notYetValid") {
    const message = `The certificate is ${state}; a site needs one that is valid now`;
    throw new Problem("certificates.notUsable", { details: [{ path: "/certificateId", message }] });
  }
  if (row.keyUse !== "server") {
    const message = "The gateway serves no TLCP; download the pair for a server that does";
    throw new Problem("certificates.notUsable", { details: [{ path: "/certificateId", message }] });
  }
  if (row.keySealed === null) throw new Problem("certificates.keyMissing");
  const missing = domains.filter((domain) => !coversHost(row.names, domain));
  if (missing.length > 0) {
    throw new Problem("certificates.nameNotCovered", {
      details: missing.map((domain) => ({
        path: "/certificateId",
        message: `"${domain}" is not among its names ${row.names.join(", ")}`,
      })),
    });
  }
}

const REASON_OF_FAULT: Readonly<Record<X509FaultCode, string>> = {
  pemInvalid: "certificates.pemInvalid",
  pemTooLarge: "certificates.pemInvalid",
  derInvalid: "certificates.pemInvalid",
  certificateMissing: "certificates.pemInvalid",
  keyInvalid: "certificates.pemInvalid",
  keyEncrypted: "certificates.pemInvalid",
  keyMismatch: "certificates.keyMismatch",
  explicitCurve: "certificates.curveRefused",
  curveNotAllowed: "certificates.curveRefused",
  chainBroken: "certificates.chainInvalid",
  requestInvalid: "certificates.pemInvalid",
  weak: "certificates.weak",
};

/** The problem that tells a caller about a fault; anything else is thrown on as it is. */
export function problemOfFault(error: unknown, path: string): unknown {
  if (!(error instanceof X509Fault)) return error;
  const details = [{ path, message: error.message }];
  return new Problem(REASON_OF_FAULT[error.code], { details });
}

type Watched = { readonly row: CertificateRow; readonly bindings: readonly Binding[] };

/** What is wrong now, worst first; one entry for each kind and certificate. */
export function findingsOf(watched: readonly Watched[], nowMs: number): CertificateFinding[] {
  const reused = new Set(reuseGroups(watched).map(({ keyFingerprint }) => keyFingerprint));
  const order = { critical: 0, high: 1, medium: 2, low: 3 };
  return watched
    .flatMap((one) => findingsOfOne(one, { nowMs, reused }))
    .sort((left, right) => order[left.severity] - order[right.severity]);
}

function findingsOfOne(
  { row, bindings }: Watched,
  { nowMs, reused }: { nowMs: number; reused: ReadonlySet<string> },
): CertificateFinding[] {
  const state = certificateState(row, nowMs);
  const isBound = bindings.length > 0;
  const found: CertificateFinding[] = [];
  const say = (
    kind: CertificateFinding["kind"],
    severity: CertificateFinding["severity"],
    message: string,
  ) =>
    found.push({
      ...{ kind, severity, message },
      certificateId: row.certificateId,
      names: row.names,
      siteIds: bindings.map(({ siteId }) => siteId),
      expireTime: row.expireTime,
    });
  const days = Math.floor((Date.parse(row.expireTime) - nowMs) / DAY_MS);
  if (state === "revoked") say("revoked", isBound ? "critical" : "medium", "It is revoked");
  if (state === "expired" && (isBound || row.replacedBy === null)) {
    say("expired", isBound ? "critical" : "medium", `It expired ${-days} days ago`);
  }
  if (state === "expiring") {
    const severity = days < 7 ? "high" : row.renewal === null ? "medium" : "low";
    say("expiring", severity, `It expires in ${days} days`);
  }
  if (row.weaknesses.length > 0) {
    say("weak", isBound ? "high" : "medium", `It is weak: ${row.weaknesses.join(", ")}`);
  }
  for (const { siteId, state: served } of bindings) {
    if (served === "drifted") {
      say("drifted", "high", `Site ${siteId} serves another certificate`);
    }
  }
  if (reused.has(row.keyFingerprint) && state !== "expired" && row.replacedBy === null) {
    say("keyReused", "low", "Its private key is used by another certificate or several sites");
  }
  return found;
}

/** Keys that stand behind more than one live certificate, or more than one site. */
export function reuseGroups(watched: readonly Watched[]) {
  const groups = new Map<string, { certificateIds: string[]; siteIds: string[] }>();
  for (const { row, bindings } of watched) {
    const group = groups.get(row.keyFingerprint) ?? { certificateIds: [], siteIds: [] };
    group.certificateIds.push(row.certificateId);
    group.siteIds.push(...bindings.map(({ siteId }) => siteId));
    groups.set(row.keyFingerprint, group);
  }
  return [...groups]
    .filter(([, { certificateIds, siteIds }]) => certificateIds.length > 1 || siteIds.length > 1)
    .map(([keyFingerprint, group]) => ({ keyFingerprint, ...group }));
}

/** Counts by the time that is left, and what expires within the days asked for. */
export function expiryReport(all: readonly Certificate[], nowMs: number, withinDays: number) {
  const live = all.filter(({ state }) => state !== "replaced" && state !== "revoked");
  const leftMs = ({ expireTime }: Certificate) => Date.parse(expireTime) - nowMs;
  const count = (test: (ms: number) => boolean) => live.filter((one) => test(leftMs(one))).length;
  return {
    expiredCount: count((ms) => ms <= 0),
    within7DaysCount: count((ms) => ms > 0 && ms <= 7 * DAY_MS),
    within30DaysCount: count((ms) => ms > 7 * DAY_MS && ms <= 30 * DAY_MS),
    laterCount: count((ms) => ms > 30 * DAY_MS),
    certificates: live
      .filter((one) => leftMs(one) <= withinDays * DAY_MS)
      .sort((left, right) => leftMs(left) - leftMs(right))
      .slice(0, 1_000),
  };
}

/** The host name with which a domain is asked for: a wildcard stands for one made-up label. */
export function probeName(domain: string): string {
  return domain.startsWith("*.") ? `cordon-check${domain.slice(1)}` : domain;
}

/** What a binding is after a look at what is served. */
export function bindingState(
  binding: Pick<Binding, "createTime">,
  seen: { wanted: string; served: readonly (string | null)[]; fault: string; nowMs: number },
): Pick<Binding, "state" | "stateReason" | "servedFingerprint"> {
  const { wanted, served, fault, nowMs } = seen;
  const other = served.find((one) => one !== wanted);
  if (served.length > 0 && other === undefined) {
    return { state: "served", stateReason: "", servedFingerprint: wanted };
  }
  const following = nowMs - Date.parse(binding.createTime) < limits.followMs;
  const servedFingerprint = other ?? null;
  if (following) {
    return { state: "pending", stateReason: "The gateways are told now", servedFingerprint };
  }
  if (servedFingerprint === null) {
    return { state: "unverified", stateReason: fault, servedFingerprint };
  }
  const stateReason = "Connections to the gateway get another certificate";
  return { state: "drifted", stateReason, servedFingerprint };
}
