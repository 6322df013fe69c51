/**
 * What relying parties fetch without a credential: certificates of authorities, revocation lists
 * and online status. All of it is signed, so it may travel without TLS (RFC 5280 §4.2.1.13).
 */
import { issueCrl, type RevocationReason } from "../../engines/x509/crl.ts";
import {
  asksAbout,
  type OcspEntry,
  type OcspStatus,
  ocspRefusal,
  readOcspRequest,
  writeOcspResponse,
} from "../../engines/x509/ocsp.ts";
import { readPem } from "../../engines/x509/pem.ts";
import { timeText } from "../../kernel/context.ts";
import type { Mount, MountAnswer, MountRequest } from "../../kernel/http/mount.ts";
import type { Database } from "../../kernel/store/database.ts";
import { type AuthorityRow, authoritySystemStore, type IssuedRow } from "./authority-store.ts";
import type { Signers } from "./signers.ts";

const pkiLimits = {
  crlLifeMs: 24 * 3_600_000,
  /** A revocation is on the list after so long at the latest. */
  crlCacheMs: 10_000,
  crlEntriesMax: 100_000,
  crlsCachedMax: 100,
  ocspLifeMs: 3_600_000,
} as const;

type Parts = {
  readonly database: Database;
  readonly signers: Signers;
  readonly clock: () => number;
};

const NOT_FOUND: MountAnswer = { status: 404, headers: {}, body: "" };

/** Paths `/pki/{authorityId}.crt`, `.crl` and `/ocsp`. */
export function pkiMount(parts: Parts): Mount {
  const crls = new Map<string, { readonly madeMs: number; readonly der: Buffer }>();
  return {
    prefix: "/pki",
    async answer(request) {
      const [, authorityId = "", what = ""] =
        /^\/(ca-[0-9a-z]{10})(\.crt|\.crl|\/ocsp(?:\/[^?]{1,6000})?)$/.exec(request.path) ?? [];
      if (authorityId === "") return NOT_FOUND;
      const authority = await parts.database.transaction("system", (sql) =>
        authoritySystemStore(sql).findAuthority(authorityId),
      );
      if (authority === undefined) return NOT_FOUND;
      if (what.startsWith("/ocsp")) return answerOcsp(parts, authority, request);
      if (request.method !== "GET") return { status: 405, headers: { allow: "GET" }, body: "" };
      if (what === ".crt") {
        const body = readPem(authority.certificatePem)[0]?.der ?? "";
        return { status: 200, headers: { "content-type": "application/pkix-cert" }, body };
      }
      const nowMs = parts.clock();
      const cached = crls.get(authorityId);
      const isFresh = cached !== undefined && nowMs - cached.madeMs < pkiLimits.crlCacheMs;
      const der = isFresh ? cached.der : await makeCrl(parts, authority, nowMs);
      if (crls.size >= pkiLimits.crlsCachedMax) crls.clear();
      if (!isFresh) crls.set(authorityId, { madeMs: nowMs, der });
      return { status: 200, headers: { "content-type": "application/pkix-crl" }, body: der };
    },
  };
}

async function makeCrl(parts: Parts, authority: AuthorityRow, nowMs: number): Promise<Buffer> {
  const { authorityId } = authority;
  const { number, revoked } = await parts.database.transaction("system", async (sql) => {
    const store = authoritySystemStore(sql);
    const limit = pkiLimits.crlEntriesMax;
    const revoked = await store.listRevoked(authorityId, timeText(nowMs), limit);
    return { number: await store.nextCrlNumber(authorityId), revoked };
  });
  return issueCrl(await parts.signers.signerOf(authority), {
    number,
    thisUpdateMs: nowMs,
    nextUpdateMs: nowMs + pkiLimits.crlLifeMs,
    entries: revoked.map(revokedEntry),
  });
}

function revokedEntry(row: IssuedRow) {
  return {
    serialNumber: row.serialNumber,
    revokeTimeMs: Date.parse(row.revokeTime ?? ""),
    // Written by this service from the list of reasons only.
    reason: (row.revokeReason ?? "unspecified") as RevocationReason,
  };
}

async function answerOcsp(
  parts: Parts,
  authority: AuthorityRow,
  request: MountRequest,
): Promise<MountAnswer> {
  const answer = (body: Buffer): MountAnswer => ({
    status: 200,
    headers: { "content-type": "application/ocsp-response" },
    body,
  });
  const bytes = request.method === "POST" ? request.body : bytesOfGet(request.path);
  const question = bytes === undefined ? undefined : readOcspRequest(bytes);
  if (question === undefined) return answer(ocspRefusal("malformedRequest"));
  const signer = await parts.signers.signerOf(authority);
  const nowMs = parts.clock();
  const statuses: { id: OcspEntry["id"]; status: OcspStatus }[] = [];
  for (const entry of question.entries) {
    const status: OcspStatus = asksAbout(signer, entry)
      ? await statusOf(parts, authority, entry.serialNumber)
      : { kind: "unknown" };
    statuses.push({ id: entry.id, status });
  }
  return answer(
    await writeOcspResponse(signer, {
      statuses,
      nonce: question.nonce,
      thisUpdateMs: nowMs,
      nextUpdateMs: nowMs + pkiLimits.ocspLifeMs,
    }),
  );
}

/** RFC 6960 §A.1: base64 of the request in the path, percent-encoded. */
function bytesOfGet(path: string): Buffer | undefined {
  const text = path.split("/ocsp/")[1] ?? "";
  try {
    return Buffer.from(decodeURIComponent(text), "base64");
  } catch {
    return undefined;
  }
}

async function statusOf(
  parts: Parts,
  { authorityId }: AuthorityRow,
  serialNumber: string,
): Promise<OcspStatus> {
  const row = await parts.database.transaction("system", (sql) =>
    authoritySystemStore(sql).findIssued(authorityId, serialNumber),
  );
  if (row === undefined) return { kind: "unknown" };
  return row.revokeTime === null ? { kind: "good" } : { kind: "revoked", entry: revokedEntry(row) };
}
