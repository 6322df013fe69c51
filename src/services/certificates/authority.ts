/** Handlers of own authorities, issuance policies, external accounts and issued certificates. */
import { randomBytes } from "node:crypto";
import { type Context, timeText } from "../../kernel/context.ts";
import type { InputOf } from "../../kernel/operation.ts";
import { Problem } from "../../kernel/problem.ts";
import { violates } from "../../kernel/store/database.ts";
import { pageInMemory } from "../../kernel/store/page.ts";
import type {
  Authority,
  authorityOperations,
  ExternalAccount,
  IssuancePolicy,
  IssuedCertificate,
} from "./authority-contract.ts";
import {
  type AuthorityRow,
  authorityStore,
  type ExternalAccountRow,
  type IssuancePolicyRow,
  type IssuedRow,
} from "./authority-store.ts";
import { type KeySealer, purposes, sealSecret } from "./sealing.ts";
import { newAuthority, type Signers } from "./signers.ts";
import { issueSm2Pair, type Sm2PairParts } from "./sm2-pairs.ts";

type Operations = typeof authorityOperations;
type Parts = Sm2PairParts & { readonly sealer: KeySealer };

const authorityLimits = {
  authoritiesMax: 20,
  policiesMax: 200,
  externalAccountsMax: 5_000,
  lifetimeSecondsDefault: 4_060_800,
  macBytes: 32,
} as const;

const authorityFields = ["authorityId", "name", "kind", "parentId", "expireTime"];
const policyFields = ["issuancePolicyId", "name", "authorityId", "allowedNames", "enabled"];
const externalFields = ["externalAccountId", "issuancePolicyId", "name", "acmeAccountId"];
const issuedFields = [
  ...["serialNumber", "authorityId", "issuancePolicyId", "acmeAccountId", "names"],
  ...["notBeforeTime", "expireTime", "revokeTime", "revokeReason"],
];

export function authorityHandlers(parts: Parts) {
  const view = (row: AuthorityRow) => authorityView(row, parts.signers);
  return {
    async listAuthorities(context: Context, input: InputOf<Operations["listAuthorities"]>) {
      const rows = await authorityStore(context.sql).list(context.accountId);
      const page = pageInMemory(rows.map(view), input, authorityFields);
      return { authorities: page.items, totalCount: page.totalCount };
    },
    async getAuthority(context: Context, { authorityId }: InputOf<Operations["getAuthority"]>) {
      const row = await authorityStore(context.sql).get(context.accountId, authorityId);
      if (row === undefined) throw new Problem("certificates.authorityNotFound");
      return view(row);
    },
    createAuthority: async (context: Context, input: InputOf<Operations["createAuthority"]>) =>
      view(await createAuthority(parts, context, input)),
    issueSm2Pair: (context: Context, input: InputOf<Operations["issueSm2Pair"]>) =>
      issueSm2Pair(parts, context, input),
    async listIssuancePolicies(
      context: Context,
      input: InputOf<Operations["listIssuancePolicies"]>,
    ) {
      const rows = await authorityStore(context.sql).listPolicies(context.accountId);
      const page = pageInMemory(rows.map(policyView), input, policyFields);
      return { issuancePolicies: page.items, totalCount: page.totalCount };
    },
    getIssuancePolicy: async (
      context: Context,
      { issuancePolicyId }: InputOf<Operations["getIssuancePolicy"]>,
    ) => policyView(await loadPolicy(context, issuancePolicyId)),
    createIssuancePolicy,
    updateIssuancePolicy,
    deleteIssuancePolicy,
    async listExternalAccounts(
      context: Context,
      input: InputOf<Operations["listExternalAccounts"]>,
    ) {
      const rows = await authorityStore(context.sql).listExternalAccounts(context.accountId);
      const page = pageInMemory(rows.map(externalView), input, externalFields);
      return { externalAccounts: page.items, totalCount: page.totalCount };
    },
    createExternalAccount: (
      context: Context,
      input: InputOf<Operations["createExternalAccount"]>,
    ) => createExternalAccount(parts, context, input),
    async deleteExternalAccount(
      context: Context,
      { externalAccountId }: InputOf<Operations["deleteExternalAccount"]>,
    ) {
      const store = authorityStore(context.sql);
      const deleted = await store.deleteExternalAccount(context.accountId, externalAccountId);
      if (!deleted) throw new Problem("certificates.externalAccountNotFound");
      const message = `External account key ${externalAccountId} was deleted`;
      await context.emit({ type: "certificates.externalAccountDeleted", message });
      return {};
    },
    async listIssuedCertificates(
      context: Context,
      input: InputOf<Operations["listIssuedCertificates"]>,
    ) {
      const rows = await authorityStore(context.sql).listIssued(context.accountId);
      const page = pageInMemory(rows.map(issuedView), input, issuedFields);
      return { issuedCertificates: page.items, totalCount: page.totalCount };
    },
    revokeIssuedCertificate,
  };
}

function authorityView(row: AuthorityRow, signers: Signers): Authority {
  const { accountId: _, keySealed: __, keyWrapped: ___, ...shown } = row;
  const urls = signers.urlsOf(row.authorityId);
  return {
    authorityId: shown.authorityId,
    name: shown.name,
    kind: shown.kind,
    parentId: shown.parentId,
    keyAlgorithm: shown.keyAlgorithm,
    certificatePem: shown.certificatePem,
    crlUrl: urls?.crl ?? "",
    ocspUrl: urls?.ocsp ?? "",
    expireTime: shown.expireTime,
    createTime: shown.createTime,
  };
}

function policyView({ accountId: _, ...row }: IssuancePolicyRow): IssuancePolicy {
  return { ...row, directoryPath: `/acme/${row.issuancePolicyId}/directory` };
}

function externalView(row: ExternalAccountRow): ExternalAccount {
  const { externalAccountId, issuancePolicyId, name, acmeAccountId, createTime } = row;
  return { externalAccountId, issuancePolicyId, name, acmeAccountId, createTime };
}

function issuedView(row: IssuedRow): IssuedCertificate {
  const { accountId: _, keyFingerprint: __, replaced: ___, ...shown } = row;
  return shown;
}

async function createAuthority(
  parts: Parts,
  context: Context,
  input: InputOf<Operations["createAuthority"]>,
): Promise<AuthorityRow> {
  const store = authorityStore(context.sql);
  const known = await store.list(context.accountId);
  if (known.length >= authorityLimits.authoritiesMax * 2) throw new Problem("certificates.limit");
  if (known.some(({ name }) => name === input.name)) {
    throw new Problem("certificates.authorityExists");
  }
  const { root, intermediate, issued } = await newAuthority(parts.signers, {
    accountId: context.accountId,
    organization: context.caller.accountName.slice(0, 64),
    name: input.name,
    algorithm: input.keyAlgorithm ?? "EC-P-256",
    ids: { root: context.newId("ca"), intermediate: context.newId("ca") },
    nowMs: context.nowMs,
  });
  await store.insert(root);
  await store.insert(intermediate);
  await store.insertIssued(issued);
  const message = `Authority "${input.name}" was made: a root and an intermediate`;
  const resource = intermediate.authorityId;
  await context.emit({ type: "certificates.authorityCreated", message, resource, severityId: 2 });
  return intermediate;
}

async function loadPolicy({ sql, accountId }: Context, id: string): Promise<IssuancePolicyRow> {
  const row = await authorityStore(sql).getPolicy(accountId, id);
  if (row === undefined) throw new Problem("certificates.issuancePolicyNotFound");
  return row;
}

async function createIssuancePolicy(
  context: Context,
  input: InputOf<Operations["createIssuancePolicy"]>,
) {
  const store = authorityStore(context.sql);
  const authority = await store.get(context.accountId, input.authorityId);
  if (authority?.kind !== "intermediate") throw new Problem("certificates.authorityNotFound");
  if (authority.keyAlgorithm === "SM2") throw new Problem("certificates.authorityKeyUnfit");
  const known = await store.listPolicies(context.accountId);
  if (known.length >= authorityLimits.policiesMax) throw new Problem("certificates.limit");
  const row: IssuancePolicyRow = {
    accountId: context.accountId,
    issuancePolicyId: context.newId("ipol"),
    name: input.name,
    authorityId: input.authorityId,
    allowedNames: input.allowedNames,
    lifetimeSeconds: input.lifetimeSeconds ?? authorityLimits.lifetimeSecondsDefault,
    // Closed by default: whoever reaches the port could otherwise register.
    externalAccountRequired: input.externalAccountRequired ?? true,
    enabled: true,
    createTime: timeText(context.nowMs),
    updateTime: timeText(context.nowMs),
  };
  await store.insertPolicy(row).catch((error) => {
    throw violates(error, "issuance_policy_name_unique")
      ? new Problem("certificates.issuancePolicyExists")
      : error;
  });
  const message = `Issuance policy "${row.name}" allows ${row.allowedNames.join(", ")}`;
  await context.emit({ type: "certificates.issuancePolicyCreated", message });
  return policyView(row);
}

async function updateIssuancePolicy(
  context: Context,
  input: InputOf<Operations["updateIssuancePolicy"]>,
) {
  const before = await loadPolicy(context, input.issuancePolicyId);
  const after: IssuancePolicyRow = {
    ...before,
    allowedNames: input.allowedNames ?? before.allowedNames,
    lifetimeSeconds: input.lifetimeSeconds ?? before.lifetimeSeconds,
    externalAccountRequired: input.externalAccountRequired ?? before.externalAccountRequired,
    enabled: input.enabled ?? before.enabled,
    updateTime: timeText(context.nowMs),
  };
  await authorityStore(context.sql).updatePolicy(after);
  const message = `Issuance policy "${after.name}" was changed`;
  await context.emit({ type: "certificates.issuancePolicyUpdated", message });
  return policyView(after);
}

async function deleteIssuancePolicy(
  context: Context,
  { issuancePolicyId }: InputOf<Operations["deleteIssuancePolicy"]>,
) {
  const store = authorityStore(context.sql);
  const deleted = await store.deletePolicy(context.accountId, issuancePolicyId);
  if (deleted.length === 0) throw new Problem("certificates.issuancePolicyNotFound");
  const message = `Issuance policy "${deleted[0]?.name}" was deleted with its ACME accounts`;
  await context.emit({ type: "certificates.issuancePolicyDeleted", message });
  return {};
}

async function createExternalAccount(
  { sealer }: Parts,
  context: Context,
  input: InputOf<Operations["createExternalAccount"]>,
) {
  const store = authorityStore(context.sql);
  await loadPolicy(context, input.issuancePolicyId);
  const known = await store.listExternalAccounts(context.accountId);
  if (known.length >= authorityLimits.externalAccountsMax) throw new Problem("certificates.limit");
  const mac = randomBytes(authorityLimits.macBytes);
  const owner = { purpose: purposes.externalMac, accountId: context.accountId };
  const row: ExternalAccountRow = {
    externalAccountId: context.newId("eab"),
    issuancePolicyId: input.issuancePolicyId,
    name: input.name,
    macSealed: await sealSecret(sealer, owner, mac),
    acmeAccountId: null,
    createTime: timeText(context.nowMs),
  };
  await store.insertExternalAccount(context.accountId, row);
  return { ...externalView(row), hmacKey: mac.toString("base64url") };
}

async function revokeIssuedCertificate(
  context: Context,
  input: InputOf<Operations["revokeIssuedCertificate"]>,
) {
  const store = authorityStore(context.sql);
  const row = await store.getIssued(context.accountId, input.serialNumber);
  if (row === undefined) throw new Problem("certificates.issuedCertificateNotFound");
  if (row.revokeTime !== null) throw new Problem("certificates.revokedAlready");
  const revoked = { time: timeText(context.nowMs), reason: input.reason ?? "unspecified" };
  await store.revoke(context.accountId, row.serialNumber, revoked);
  await context.emit({
    type: "certificates.issuedCertificateRevoked",
    message: `Certificate ${row.serialNumber} for ${row.names.join(", ")} was revoked`,
    severityId: 2,
    data: { serialNumber: row.serialNumber, reason: revoked.reason },
  });
  return issuedView({ ...row, revokeTime: revoked.time, revokeReason: revoked.reason });
}
