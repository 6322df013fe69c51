/**
 * SM2 pairs (GB/T 38636): one certificate whose key signs, one whose key decrypts, by the same
 * authority for the same names. Both keys are made in keyd and leave it sealed.
 */
import { createHash } from "node:crypto";
import { certificateFacts } from "../../engines/x509/certificate.ts";
import type { LeafUse } from "../../engines/x509/issue.ts";
import { readPem } from "../../engines/x509/pem.ts";
import { type Context, timeText } from "../../kernel/context.ts";
import type { KeydClient } from "../../kernel/keyd/client.ts";
import type { InputOf } from "../../kernel/operation.ts";
import { Problem } from "../../kernel/problem.ts";
import type { authorityOperations } from "./authority-contract.ts";
import { type AuthorityRow, authorityStore } from "./authority-store.ts";
import { type CertificateRow, certificateView, limits } from "./domain.ts";
import { purposes } from "./sealing.ts";
import { issueCertificate, type Signers } from "./signers.ts";
import { certificateStore } from "./store.ts";

type Input = InputOf<(typeof authorityOperations)["issueSm2Pair"]>;

export type Sm2PairParts = {
  readonly keyMaker: Pick<KeydClient, "generateSealed">;
  readonly signers: Signers;
};

const LIFETIME_SECONDS_DEFAULT = 4_060_800;

/** Both certificates enter the inventory, each naming the other. */
export async function issueSm2Pair(parts: Sm2PairParts, context: Context, input: Input) {
  const { sql, accountId, nowMs } = context;
  const authority = await authorityStore(sql).get(accountId, input.authorityId);
  if (authority?.kind !== "intermediate") throw new Problem("certificates.authorityNotFound");
  if (authority.keyAlgorithm !== "SM2") throw new Problem("certificates.authorityKeyUnfit");
  if ((await certificateStore(sql).count(accountId)) + 2 > limits.certificatesMax) {
    throw new Problem("certificates.limit");
  }
  const ids = { signing: context.newId("cert"), encryption: context.newId("cert") };
  const made = async (use: "sm2Signing" | "sm2Encryption", id: string, pairId: string) => {
    const row = await issueHalf(parts, { context, input, authority, use });
    return { ...row, certificateId: id, pairCertificateId: pairId };
  };
  const signing = await made("sm2Signing", ids.signing, ids.encryption);
  const encryption = await made("sm2Encryption", ids.encryption, ids.signing);
  for (const row of [signing, encryption]) await certificateStore(sql).insert(accountId, row);
  await context.emit({
    type: "certificates.certificateIssued",
    message: `SM2 pair "${input.name}" for ${input.names.join(", ")} was issued`,
    resource: signing.certificateId,
    data: { serialNumbers: [signing.serialNumber, encryption.serialNumber] },
  });
  const view = (row: CertificateRow) => certificateView(row, { siteIds: [], nowMs });
  return { signing: view(signing), encryption: view(encryption) };
}

type Half = {
  readonly context: Context;
  readonly input: Input;
  readonly authority: AuthorityRow;
  readonly use: Extract<LeafUse, "sm2Signing" | "sm2Encryption">;
};

async function issueHalf(
  { keyMaker, signers }: Sm2PairParts,
  { context, input, authority, use }: Half,
): Promise<Omit<CertificateRow, "certificateId" | "pairCertificateId">> {
  const { sql, accountId, nowMs } = context;
  const owner = { purpose: purposes.privateKey, account: accountId };
  const { sealed, publicKey } = await keyMaker.generateSealed(owner, "SM2").catch((cause) => {
    throw new Problem("certificates.keydUnavailable", { cause });
  });
  const issued = await issueCertificate(signers, authority, {
    request: { names: input.names, spki: publicKey },
    lifetimeSeconds: input.lifetimeSeconds ?? LIFETIME_SECONDS_DEFAULT,
    nowMs,
    use,
  });
  await authorityStore(sql).insertIssued(issued);
  const [block] = readPem(issued.certificatePem);
  if (block === undefined) throw new Error("The certificate that was made cannot be read");
  const facts = certificateFacts(block.der, { allowSm2: true });
  return {
    name: `${input.name} (${use === "sm2Signing" ? "signing" : "encryption"})`.slice(0, 100),
    origin: "issued",
    keyUse: use,
    fullChainPem: issued.certificatePem + authority.certificatePem,
    keySealed: sealed,
    keyFingerprint: createHash("sha256").update(publicKey).digest("hex"),
    fingerprint: facts.fingerprint,
    subject: facts.subject,
    issuer: facts.issuer,
    serialNumber: facts.serialNumber,
    authorityKeyId: facts.authorityKeyId,
    names: [...facts.names],
    keyAlgorithm: facts.keyAlgorithm,
    anchor: `${authority.name} Root`,
    rootSeen: false,
    weaknesses: [],
    ocspUrls: [...facts.ocspUrls],
    notBeforeTime: timeText(facts.notBeforeMs),
    expireTime: timeText(facts.notAfterMs),
    revokeTime: null,
    statusReason: "",
    statusCheckTime: null,
    replacedBy: null,
    renewal: null,
    renewTime: null,
    windowCheckTime: null,
    warnedState: "",
    createTime: timeText(nowMs),
  };
}
