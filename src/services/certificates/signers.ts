/** Opens own authorities to sign, and makes their certificates. */
import { randomBytes } from "node:crypto";
import { certificateFacts } from "../../engines/x509/certificate.ts";
import {
  type AuthorityKeyAlgorithm,
  type IssuerUrls,
  issueIntermediate,
  issueLeaf,
  issueRoot,
  newAuthorityKey,
  openSigner,
  type Signer,
} from "../../engines/x509/issue.ts";
import { readPem } from "../../engines/x509/pem.ts";
import type { CertificateRequest } from "../../engines/x509/request.ts";
import type { AuthorityRow, IssuedRow } from "./authority-store.ts";
import { type KeySealer, openSecret, purposes, sealSecret } from "./sealing.ts";

const DAY_MS = 86_400_000;
const ROOT_DAYS = 3_650;
const INTERMEDIATE_DAYS = 1_825;
/** Clocks of clients differ; a certificate is valid a little before it is issued. */
const BACKDATE_MS = 300_000;
const SIGNERS_MAX = 100;

/** 127 random bits without a leading zero: positive and unique (RFC 5280 §4.1.2.2). */
export function newSerialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes.toString("hex");
}

export type Signers = {
  signerOf(authority: AuthorityRow): Promise<Signer>;
  urlsOf(authorityId: string): IssuerUrls | undefined;
};

/** Authorities opened once and kept, their keys inside WebCrypto. */
export function createSigners(sealer: KeySealer, pkiUrl: string | undefined): Signers {
  const known = new Map<string, Promise<Signer>>();
  const open = async (authority: AuthorityRow): Promise<Signer> => {
    const owner = { purpose: purposes.authorityKey, accountId: authority.accountId };
    const pkcs8 = await openSecret(sealer, owner, authority.keySealed);
    try {
      return await openSigner(authority.certificatePem, pkcs8);
    } finally {
      pkcs8.fill(0);
    }
  };
  return {
    async signerOf(authority) {
      const before = known.get(authority.authorityId);
      if (before !== undefined) return before;
      if (known.size >= SIGNERS_MAX) known.clear();
      const signer = open(authority);
      known.set(authority.authorityId, signer);
      signer.catch(() => known.delete(authority.authorityId));
      return signer;
    },
    urlsOf: (authorityId) => {
      if (pkiUrl === undefined) return undefined;
      const base = `${pkiUrl}/pki/${authorityId}`;
      return { crl: `${base}.crl`, ocsp: `${base}/ocsp`, issuer: `${base}.crt` };
    },
  };
}

/** Rows of a new root and the intermediate below it, their keys sealed. */
export async function newAuthority(
  { sealer, signers }: { readonly sealer: KeySealer; readonly signers: Signers },
  given: {
    readonly accountId: string;
    readonly organization: string;
    readonly name: string;
    readonly algorithm: AuthorityKeyAlgorithm;
    readonly ids: { readonly root: string; readonly intermediate: string };
    readonly nowMs: number;
  },
): Promise<{ root: AuthorityRow; intermediate: AuthorityRow; issued: IssuedRow }> {
  const { accountId, algorithm, nowMs, ids, organization, name } = given;
  const owner = { purpose: purposes.authorityKey, accountId };
  const request = async (commonName: string, days: number) => ({
    commonName,
    organization,
    algorithm,
    pkcs8: await newAuthorityKey(algorithm),
    serialNumber: newSerialNumber(),
    notBeforeMs: nowMs - BACKDATE_MS,
    notAfterMs: nowMs + days * DAY_MS,
  });
  const rootRequest = await request(`${name} Root`, ROOT_DAYS);
  const rootPem = await issueRoot(rootRequest);
  const signer = await openSigner(rootPem, rootRequest.pkcs8);
  const lowerRequest = await request(`${name} Issuing`, INTERMEDIATE_DAYS);
  const lowerPem = await issueIntermediate(signer, lowerRequest, signers.urlsOf(ids.root));
  const row = async (
    kind: AuthorityRow["kind"],
    { pkcs8, notAfterMs }: typeof rootRequest,
    certificatePem: string,
  ): Promise<AuthorityRow> => ({
    accountId,
    authorityId: kind === "root" ? ids.root : ids.intermediate,
    name,
    kind,
    parentId: kind === "root" ? null : ids.root,
    certificatePem: `${certificatePem}\n`,
    keySealed: await sealSecret(sealer, owner, pkcs8),
    keyAlgorithm: algorithm,
    expireTime: new Date(notAfterMs).toISOString(),
    createTime: new Date(nowMs).toISOString(),
  });
  const root = await row("root", rootRequest, rootPem);
  const intermediate = await row("intermediate", lowerRequest, lowerPem);
  rootRequest.pkcs8.fill(0);
  lowerRequest.pkcs8.fill(0);
  // The root's list and status answer for the intermediate too.
  const issued = issuedRow(root, intermediate.certificatePem, {
    serialNumber: lowerRequest.serialNumber,
    names: [lowerRequest.commonName],
  });
  return { root, intermediate, issued };
}

/** Signs a checked request; the life ends with the authority's at the latest. */
export async function issueCertificate(
  signers: Signers,
  authority: AuthorityRow,
  given: {
    readonly request: CertificateRequest;
    readonly lifetimeSeconds: number;
    readonly nowMs: number;
    readonly issuancePolicyId: string;
    readonly acmeAccountId: string;
  },
): Promise<IssuedRow> {
  const { request, nowMs } = given;
  const signer = await signers.signerOf(authority);
  const serialNumber = newSerialNumber();
  const wantedMs = nowMs - BACKDATE_MS + given.lifetimeSeconds * 1000;
  const notAfterMs = Math.min(wantedMs, Date.parse(authority.expireTime));
  const pem = await issueLeaf(
    signer,
    { ...request, serialNumber, notBeforeMs: nowMs - BACKDATE_MS, notAfterMs },
    signers.urlsOf(authority.authorityId),
  );
  return issuedRow(authority, `${pem}\n`, {
    serialNumber,
    names: request.names,
    issuancePolicyId: given.issuancePolicyId,
    acmeAccountId: given.acmeAccountId,
  });
}

function issuedRow(
  issuer: AuthorityRow,
  certificatePem: string,
  given: {
    readonly serialNumber: string;
    readonly names: readonly string[];
    readonly issuancePolicyId?: string;
    readonly acmeAccountId?: string;
  },
): IssuedRow {
  const [block] = readPem(certificatePem);
  if (block === undefined) throw new Error("The certificate that was made cannot be read");
  const facts = certificateFacts(block.der);
  return {
    accountId: issuer.accountId,
    authorityId: issuer.authorityId,
    serialNumber: given.serialNumber,
    issuancePolicyId: given.issuancePolicyId ?? null,
    acmeAccountId: given.acmeAccountId ?? null,
    certificatePem,
    keyFingerprint: facts.keyFingerprint,
    names: [...given.names],
    notBeforeTime: new Date(facts.notBeforeMs).toISOString(),
    expireTime: new Date(facts.notAfterMs).toISOString(),
    revokeTime: null,
    revokeReason: null,
    replaced: false,
  };
}
