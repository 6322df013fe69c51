/**
 * Own authorities as signers, and their certificates. Their private keys are key versions of keyd:
 * what is to be signed goes there, and no key comes back.
 */
import { createHash, randomBytes } from "node:crypto";
import type { KeyBinding } from "../../engines/keys/binding.ts";
import { certificateFacts } from "../../engines/x509/certificate.ts";
import {
  type IssuerUrls,
  issueIntermediate,
  issueLeaf,
  issueRoot,
  type LeafUse,
} from "../../engines/x509/issue.ts";
import { readPem } from "../../engines/x509/pem.ts";
import { publicKeyFacts } from "../../engines/x509/public-key.ts";
import type { CertificateRequest } from "../../engines/x509/request.ts";
import {
  type AuthorityKeyAlgorithm,
  openSigner,
  type Signature,
  type Signer,
} from "../../engines/x509/signer.ts";
import type { KeydClient } from "../../kernel/keyd/client.ts";
import type { KeyHandle } from "../../kernel/keyd/protocol.ts";
import { Problem } from "../../kernel/problem.ts";
import type { Database } from "../../kernel/store/database.ts";
import { type AuthorityRow, authoritySystemStore, type IssuedRow } from "./authority-store.ts";
import { purposes } from "./sealing.ts";

const DAY_MS = 86_400_000;
const ROOT_DAYS = 3_650;
const INTERMEDIATE_DAYS = 1_825;
/** Clocks of clients differ; a certificate is valid a little before it is issued. */
const BACKDATE_MS = 300_000;
/** A message above it is hashed here: keyd takes frames of a megabyte. */
const RAW_BYTES_MAX = 262_144;

const KEY_FACTS = {
  "EC-P-256": { spec: "ECC_NIST_P256", algorithm: "ECDSA_SHA_256", hash: "sha256" },
  "EC-P-384": { spec: "ECC_NIST_P384", algorithm: "ECDSA_SHA_384", hash: "sha384" },
  SM2: { spec: "SM2", algorithm: "SM2DSA", hash: undefined },
} as const;

/** 127 random bits without a leading zero: positive and unique (RFC 5280 §4.1.2.2). */
export function newSerialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes.toString("hex");
}

export type AuthorityKeys = Pick<KeydClient, "generateKey" | "sign" | "wrapSealed">;

export type Signers = {
  /** @throws Problem certificates.keydUnavailable. */
  signerOf(authority: AuthorityRow): Promise<Signer>;
  /** A new key of an authority: its wrapped form, its public half, and what signs with it. */
  newKey(owner: KeyOwner): Promise<{ wrapped: Buffer; spki: Buffer; signature: Signature }>;
  urlsOf(authorityId: string): IssuerUrls | undefined;
};

type KeyOwner = {
  readonly accountId: string;
  readonly authorityId: string;
  readonly algorithm: AuthorityKeyAlgorithm;
};

export function createSigners(parts: {
  readonly keyd: AuthorityKeys;
  readonly database: Database;
  readonly pkiUrl: string | undefined;
}): Signers {
  const { keyd, database, pkiUrl } = parts;
  return {
    async signerOf(authority) {
      const algorithm = algorithmOf(authority);
      const owner = { ...authority, algorithm };
      const binding = bindingOf(owner);
      const wrapped = authority.keyWrapped ?? (await takeOver({ keyd, database }, authority));
      return openSigner(authority.certificatePem, signatureWith(keyd, owner, { binding, wrapped }));
    },
    async newKey(owner) {
      const binding = bindingOf(owner);
      const { wrapped, publicKey } = await keyd.generateKey(binding).catch(unavailable);
      if (publicKey === undefined) throw new Error("A new key of an authority has no public half");
      const signature = signatureWith(keyd, owner, { binding, wrapped });
      return { wrapped, spki: publicKey, signature };
    },
    urlsOf: (authorityId) => {
      if (pkiUrl === undefined) return undefined;
      const base = `${pkiUrl}/pki/${authorityId}`;
      return { crl: `${base}.crl`, ocsp: `${base}/ocsp`, issuer: `${base}.crt` };
    },
  };
}

/**
 * The key of an authority made before keys were used in keyd: opened, checked and wrapped there,
 * and the sealed copy is dropped once the row has the new form.
 */
async function takeOver(
  { keyd, database }: { keyd: AuthorityKeys; database: Database },
  authority: AuthorityRow,
): Promise<Buffer> {
  const { keySealed, authorityId, accountId, certificatePem } = authority;
  if (keySealed === null) throw new Error(`Authority ${authorityId} has no key`);
  const binding = bindingOf({ accountId, authorityId, algorithm: algorithmOf(authority) });
  const { wrapped, publicKey } = await keyd
    .wrapSealed(binding, purposes.authorityKey, keySealed)
    .catch(unavailable);
  const [block] = readPem(certificatePem);
  const fingerprint = publicKey && publicKeyFacts(publicKey).fingerprint;
  if (block === undefined || certificateFacts(block.der).keyFingerprint !== fingerprint) {
    const cause = new Error("the sealed key is not that of the authority's certificate");
    throw new Problem("certificates.keydUnavailable", { cause });
  }
  await database.transaction("system", (sql) =>
    authoritySystemStore(sql).keepWrapped(authorityId, wrapped),
  );
  return wrapped;
}

function algorithmOf({ keyAlgorithm }: AuthorityRow): AuthorityKeyAlgorithm {
  if (keyAlgorithm === "EC-P-384" || keyAlgorithm === "SM2") return keyAlgorithm;
  return "EC-P-256";
}

function bindingOf({ accountId, authorityId, algorithm }: KeyOwner): KeyBinding {
  const { spec } = KEY_FACTS[algorithm];
  const usage = "SIGN_VERIFY" as const;
  return { account: accountId, key: authorityId, version: 1, algorithm: spec, usage };
}

function signatureWith(
  keyd: AuthorityKeys,
  { algorithm }: Pick<KeyOwner, "algorithm">,
  handle: KeyHandle,
): Signature {
  const { algorithm: name, hash } = KEY_FACTS[algorithm];
  return {
    algorithm,
    async sign(message) {
      const large = hash !== undefined && message.length > RAW_BYTES_MAX;
      const request = large
        ? { message: createHash(hash).update(message).digest(), messageType: "DIGEST" as const }
        : { message };
      return keyd.sign(handle, { ...request, algorithm: name }).catch(unavailable);
    },
  };
}

function unavailable(cause: unknown): never {
  throw new Problem("certificates.keydUnavailable", { cause });
}

/** Rows of a new root and the intermediate below it. */
export async function newAuthority(
  signers: Signers,
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
  const made = async (authorityId: string, commonName: string, days: number) => {
    const key = await signers.newKey({ accountId, authorityId, algorithm });
    const validity = { notBeforeMs: nowMs - BACKDATE_MS, notAfterMs: nowMs + days * DAY_MS };
    const { spki } = key;
    const request = { commonName, organization, spki, serialNumber: newSerialNumber() };
    return { key, request: { ...request, ...validity } };
  };
  const upper = await made(ids.root, `${name} Root`, ROOT_DAYS);
  const rootPem = await issueRoot(upper.key.signature, upper.request);
  const signer = openSigner(rootPem, upper.key.signature);
  const lower = await made(ids.intermediate, `${name} Issuing`, INTERMEDIATE_DAYS);
  const lowerPem = await issueIntermediate(signer, lower.request, signers.urlsOf(ids.root));
  const row = (
    kind: AuthorityRow["kind"],
    { key, request }: typeof upper,
    certificatePem: string,
  ): AuthorityRow => ({
    accountId,
    authorityId: kind === "root" ? ids.root : ids.intermediate,
    name,
    kind,
    parentId: kind === "root" ? null : ids.root,
    certificatePem: `${certificatePem}\n`,
    keySealed: null,
    keyWrapped: key.wrapped,
    keyAlgorithm: algorithm,
    expireTime: new Date(request.notAfterMs).toISOString(),
    createTime: new Date(nowMs).toISOString(),
  });
  const root = row("root", upper, rootPem);
  const intermediate = row("intermediate", lower, lowerPem);
  // The root's list and status answer for the intermediate too.
  const issued = issuedRow(root, intermediate.certificatePem, {
    serialNumber: lower.request.serialNumber,
    names: [lower.request.commonName],
  });
  return { root, intermediate, issued };
}

/** Signs a checked request; the life ends with the authority's at the latest. */
export async function issueCertificate(
  signers: Signers,
  authority: AuthorityRow,
  given: {
    readonly request: Pick<CertificateRequest, "names" | "spki">;
    readonly lifetimeSeconds: number;
    readonly nowMs: number;
    readonly issuancePolicyId?: string;
    readonly acmeAccountId?: string;
    readonly use?: LeafUse;
  },
): Promise<IssuedRow> {
  const { request, nowMs } = given;
  const signer = await signers.signerOf(authority);
  const serialNumber = newSerialNumber();
  const wantedMs = nowMs - BACKDATE_MS + given.lifetimeSeconds * 1000;
  const notAfterMs = Math.min(wantedMs, Date.parse(authority.expireTime));
  const pem = await issueLeaf(
    signer,
    {
      ...request,
      ...(given.use === undefined ? {} : { use: given.use }),
      ...{ serialNumber, notBeforeMs: nowMs - BACKDATE_MS, notAfterMs },
    },
    signers.urlsOf(authority.authorityId),
  );
  return issuedRow(authority, `${pem}\n`, {
    serialNumber,
    names: request.names,
    ...(given.issuancePolicyId === undefined ? {} : { issuancePolicyId: given.issuancePolicyId }),
    ...(given.acmeAccountId === undefined ? {} : { acmeAccountId: given.acmeAccountId }),
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
  const facts = certificateFacts(block.der, { allowSm2: true });
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
