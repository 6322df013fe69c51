/**
 * Asks other authorities, by OCSP or by their lists, whether certificates that sites are served
 * with are revoked. What cannot be asked stays as it is, with the reason beside it.
 */
import { certificateFacts } from "../../engines/x509/certificate.ts";
import { readPem } from "../../engines/x509/pem.ts";
import {
  type Asked,
  type RevocationStatus,
  readCrlAnswer,
  readOcspAnswer,
  writeOcspQuestion,
} from "../../engines/x509/status.ts";
import { timeText } from "../../kernel/context.ts";
import type { Outbound } from "../../kernel/outbound.ts";
import type { Database } from "../../kernel/store/database.ts";
import type { CertificateRow } from "./domain.ts";
import { certificateSystemStore } from "./store.ts";

const watchLimits = {
  everyMs: 6 * 3_600_000,
  perRunMax: 20,
  /** Lists of large public authorities are cut into shards below this. */
  listBytesMax: 10_485_760,
  addressesMax: 3,
} as const;

type Parts = { readonly database: Database; readonly outbound: Outbound };

/** One turn of the job. Returns how many were found revoked. */
export async function watchRevocations(parts: Parts, nowMs: number): Promise<number> {
  const before = timeText(nowMs - watchLimits.everyMs);
  const due = await parts.database.transaction("system", (sql) =>
    certificateSystemStore(sql).listStatusDue(before, watchLimits.perRunMax),
  );
  let revoked = 0;
  for (const row of due) {
    const { status, reason } = await askAbout(parts.outbound, row, nowMs);
    const revokeTime = status?.kind === "revoked" ? timeText(status.revokeTimeMs) : null;
    if (revokeTime !== null) revoked += 1;
    await parts.database.transaction("system", (sql) =>
      certificateSystemStore(sql).setStatus(row.certificateId, {
        revokeTime,
        statusReason: reason,
        statusCheckTime: timeText(nowMs),
      }),
    );
  }
  return revoked;
}

type Told = { readonly status: RevocationStatus | undefined; readonly reason: string };

async function askAbout(outbound: Outbound, row: CertificateRow, nowMs: number): Promise<Told> {
  const [leaf, issuer] = readPem(row.fullChainPem).map(({ der }) => der);
  if (leaf === undefined || issuer === undefined) {
    return { status: undefined, reason: "The certificate of its issuer is not here" };
  }
  const { ocspUrls, crlUrls } = certificateFacts(leaf);
  const asked = { leaf, issuer, nowMs };
  const ways = [
    ...ocspUrls.map((url) => ({ how: "OCSP", ask: () => askOcsp(outbound, url, asked) })),
    ...crlUrls.map((url) => ({ how: "Its list", ask: () => askList(outbound, url, asked) })),
  ];
  const faults: string[] = [];
  for (const { how, ask } of ways.slice(0, watchLimits.addressesMax)) {
    try {
      const status = await ask();
      return { status, reason: `${how} says it is ${status.kind}` };
    } catch (error) {
      faults.push(`${how}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  const reason = faults.join("; ").slice(0, 500) || "It names no address that tells its status";
  return { status: undefined, reason };
}

/** RFC 6960 §A.1: the question in the path, so that answers can be cached on the way. */
async function askOcsp(outbound: Outbound, url: string, asked: Asked): Promise<RevocationStatus> {
  const question = encodeURIComponent(writeOcspQuestion(asked).toString("base64"));
  const slash = url.endsWith("/") ? "" : "/";
  const answer = await outbound.request({ url: `${url}${slash}${question}` });
  if (answer.status !== 200) throw new Error(`the responder answered ${answer.status}`);
  return readOcspAnswer(answer.body, asked);
}

async function askList(outbound: Outbound, url: string, asked: Asked): Promise<RevocationStatus> {
  const answer = await outbound.request({ url, bytesMax: watchLimits.listBytesMax });
  if (answer.status !== 200) throw new Error(`the server of the list answered ${answer.status}`);
  return readCrlAnswer(answer.body, asked);
}
