/** Handlers of the inventory: upload, list, report, download, delete. */
import { type Bundle, fullChainPem, readBundle } from "../../engines/x509/bundle.ts";
import { writePem } from "../../engines/x509/pem.ts";
import { type Context, timeText } from "../../kernel/context.ts";
import type { InputOf } from "../../kernel/operation.ts";
import { Problem } from "../../kernel/problem.ts";
import { violates } from "../../kernel/store/database.ts";
import { pageInMemory } from "../../kernel/store/page.ts";
import {
  type CertificateRow,
  certificateView,
  expiryReport,
  findingsOf,
  limits,
  problemOfFault,
  reuseGroups,
} from "./domain.ts";
import { downloadOf, pairDownload } from "./download.ts";
import type { inventoryOperations } from "./inventory-contract.ts";
import { readPkcs12 } from "./pkcs12.ts";
import { type KeySealer, openPrivateKey, purposes, sealSecret } from "./sealing.ts";
import { certificateStore } from "./store.ts";

type Operations = typeof inventoryOperations;

const certificateFields = [
  ...["certificateId", "name", "names", "state", "keyAlgorithm", "issuer", "anchor", "expireTime"],
  ...["weaknesses", "origin", "siteIds", "fingerprint", "serialNumber", "createTime"],
];
const findingFields = ["kind", "severity", "certificateId", "names", "siteIds", "expireTime"];

/** Certificates of the account with the sites they are bound to. */
async function watchedOf({ sql, accountId }: Context, text?: string) {
  const store = certificateStore(sql);
  const rows = await (text === undefined ? store.list(accountId) : store.search(accountId, text));
  const bindings = await store.listBindings(accountId);
  return rows.map((row) => ({
    row,
    bindings: bindings.filter(({ certificateId }) => certificateId === row.certificateId),
  }));
}

async function viewsOf(context: Context, text?: string) {
  const watched = await watchedOf(context, text);
  return watched.map(({ row, bindings }) =>
    certificateView(row, {
      siteIds: bindings.map(({ siteId }) => siteId),
      nowMs: context.nowMs,
    }),
  );
}

export async function loadCertificate(
  { sql, accountId }: Context,
  certificateId: string,
): Promise<CertificateRow> {
  const row = await certificateStore(sql).get(accountId, certificateId);
  if (row === undefined) throw new Problem("certificates.certificateNotFound");
  return row;
}

async function viewOf(context: Context, row: CertificateRow) {
  const bindings = await certificateStore(context.sql).listBindings(context.accountId);
  const siteIds = bindings
    .filter(({ certificateId }) => certificateId === row.certificateId)
    .map(({ siteId }) => siteId);
  return certificateView(row, { siteIds, nowMs: context.nowMs });
}

/** The handlers; keys are sealed by `sealer` before they reach the database. */
export function inventoryHandlers(sealer: KeySealer) {
  return {
    async listCertificates(context: Context, input: InputOf<Operations["listCertificates"]>) {
      const page = pageInMemory(await viewsOf(context, input.text), input, certificateFields);
      return { certificates: page.items, totalCount: page.totalCount };
    },
    async getCertificate(context: Context, input: InputOf<Operations["getCertificate"]>) {
      const row = await loadCertificate(context, input.certificateId);
      return { ...(await viewOf(context, row)), fullChainPem: row.fullChainPem };
    },
    async uploadCertificate(context: Context, input: InputOf<Operations["uploadCertificate"]>) {
      const texts = [input.certificatePem, input.privateKeyPem ?? ""];
      return upload(context, sealer, { ...input, texts });
    },
    async uploadPkcs12(context: Context, input: InputOf<Operations["uploadPkcs12"]>) {
      const content = Buffer.from(input.contentBase64, "base64");
      const text = await readPkcs12(content, input.passphrase);
      const { name, acceptWeak } = input;
      return upload(context, sealer, { name, acceptWeak, passphrase: undefined, texts: [text] });
    },
    async updateCertificate(context: Context, input: InputOf<Operations["updateCertificate"]>) {
      await loadCertificate(context, input.certificateId);
      const { sql, accountId } = context;
      await certificateStore(sql).rename(accountId, input.certificateId, input.name);
      return viewOf(context, await loadCertificate(context, input.certificateId));
    },
    deleteCertificate,
    async downloadCertificate(context: Context, input: InputOf<Operations["downloadCertificate"]>) {
      const row = await loadCertificate(context, input.certificateId);
      const keyPem = await keyPemOf(context, sealer, row);
      if (input.server !== "tlcp")
        return downloadOf(row, { ...input, server: input.server, keyPem });
      if (row.pairCertificateId === null) throw new Problem("certificates.pairMissing");
      const other = await loadCertificate(context, row.pairCertificateId);
      const halves = [
        { row, keyPem },
        { row: other, keyPem: await keyPemOf(context, sealer, other) },
      ];
      return pairDownload(halves);
    },
    async getExpiryReport(context: Context, input: InputOf<Operations["getExpiryReport"]>) {
      return expiryReport(await viewsOf(context), context.nowMs, input.withinDays ?? 30);
    },
    async getReuseReport(context: Context) {
      return { keys: reuseGroups(await watchedOf(context)).slice(0, 1_000) };
    },
    async listFindings(context: Context, input: InputOf<Operations["listFindings"]>) {
      const found = findingsOf(await watchedOf(context), context.nowMs);
      const page = pageInMemory(found, input, findingFields);
      return { findings: page.items, totalCount: page.totalCount };
    },
  };
}

async function keyPemOf(
  { accountId }: Context,
  sealer: KeySealer,
  { keySealed, keyFingerprint }: CertificateRow,
): Promise<string> {
  if (keySealed === null) throw new Problem("certificates.keyMissing");
  const pkcs8 = await openPrivateKey(sealer, accountId, { keySealed, keyFingerprint });
  try {
    return writePem("PRIVATE KEY", pkcs8);
  } finally {
    pkcs8.fill(0);
  }
}

type Upload = {
  readonly name: string;
  readonly texts: readonly string[];
  readonly passphrase?: string | undefined;
  readonly acceptWeak?: boolean | undefined;
};

async function upload(context: Context, sealer: KeySealer, given: Upload) {
  const { sql, accountId } = context;
  if ((await certificateStore(sql).count(accountId)) >= limits.certificatesMax) {
    throw new Problem("certificates.limit");
  }
  const bundle = readGiven(given);
  if (bundle.weaknesses.length > 0 && given.acceptWeak !== true) {
    const details = bundle.weaknesses.map((message) => ({ path: "/certificatePem", message }));
    throw new Problem("certificates.weak", { details });
  }
  const row = await rowOf(bundle, {
    sealer,
    accountId,
    certificateId: context.newId("cert"),
    name: given.name,
    nowMs: context.nowMs,
  });
  await certificateStore(sql)
    .insert(accountId, row)
    .catch((error) => {
      throw violates(error, "certificate_unique") ? new Problem("certificates.exists") : error;
    });
  await context.emit({
    type: "certificates.certificateUploaded",
    message: `Certificate "${row.name}" for ${row.names.join(", ")} was uploaded`,
    resource: row.certificateId,
  });
  return viewOf(context, row);
}

function readGiven({ texts, passphrase }: Upload): Bundle {
  try {
    return readBundle(texts, passphrase);
  } catch (error) {
    throw problemOfFault(error, "/certificatePem");
  }
}

/** A row for a bundle, its key sealed. */
export async function rowOf(
  { key, leaf, ...bundle }: Bundle,
  given: {
    readonly sealer: KeySealer;
    readonly accountId: string;
    readonly certificateId: string;
    readonly name: string;
    readonly nowMs: number;
  },
): Promise<CertificateRow> {
  const owner = { purpose: purposes.privateKey, accountId: given.accountId };
  const keySealed = key === undefined ? null : await sealSecret(given.sealer, owner, key.pkcs8);
  key?.pkcs8.fill(0);
  return {
    certificateId: given.certificateId,
    name: given.name,
    origin: "uploaded",
    keyUse: "server",
    pairCertificateId: null,
    fullChainPem: fullChainPem({ leaf, issuers: bundle.issuers }),
    keySealed,
    keyFingerprint: leaf.keyFingerprint,
    fingerprint: leaf.fingerprint,
    subject: leaf.subject,
    issuer: leaf.issuer,
    serialNumber: leaf.serialNumber,
    authorityKeyId: leaf.authorityKeyId,
    names: [...leaf.names],
    keyAlgorithm: leaf.keyAlgorithm,
    anchor: bundle.anchor,
    rootSeen: bundle.rootSeen,
    weaknesses: [...bundle.weaknesses],
    ocspUrls: [...leaf.ocspUrls],
    notBeforeTime: timeText(leaf.notBeforeMs),
    expireTime: timeText(leaf.notAfterMs),
    revokeTime: null,
    statusReason: "",
    statusCheckTime: null,
    replacedBy: null,
    renewal: null,
    renewTime: null,
    windowCheckTime: null,
    warnedState: "",
    createTime: timeText(given.nowMs),
  };
}

async function deleteCertificate(
  context: Context,
  { certificateId }: InputOf<Operations["deleteCertificate"]>,
) {
  const { sql, accountId } = context;
  const row = await loadCertificate(context, certificateId);
  const bindings = await certificateStore(sql).listBindings(accountId);
  if (bindings.some((binding) => binding.certificateId === certificateId)) {
    throw new Problem("certificates.inUse");
  }
  await certificateStore(sql).delete(accountId, certificateId);
  const message = `Certificate "${row.name}" was deleted with its private key`;
  await context.emit({
    type: "certificates.certificateDeleted",
    message,
    resource: certificateId,
  });
  return {};
}
