/** What this service does by itself: looks at what is served, and warns in time. */
import type { Job } from "../../kernel/jobs.ts";
import type { ClientParts } from "./acme-client/parts.ts";
import { renewDue } from "./acme-client/renew.ts";
import { advanceOrders } from "./acme-client/run.ts";
import { authoritySystemStore } from "./authority-store.ts";
import { verifyBindings } from "./deploy.ts";
import { watchRevocations } from "./revocation-watch.ts";
import type { CertificatesParts } from "./service.ts";
import { warnOfExpiry } from "./watch.ts";

/** The jobs, with their periods. */
export function certificateJobs(parts: CertificatesParts, client: ClientParts): Job[] {
  const { database } = parts;
  const { clock } = client;
  return [
    { name: "authorityKeys", everyMs: 60_000, run: () => takeOverKeys(parts) },
    { name: "certificateBindings", everyMs: 1_000, run: () => verifyBindings(parts, clock()) },
    { name: "certificateOrders", everyMs: 1_000, run: () => advanceOrders(client) },
    { name: "certificateRenewals", everyMs: 10_000, run: () => renewDue(client) },
    { name: "certificateStatus", everyMs: 30_000, run: () => watchStatus(client) },
    { name: "certificateExpiry", everyMs: 60_000, run: () => warnOfExpiry(database, clock()) },
  ];
}

/** Keys of authorities made before keys were used in keyd go there, a few at a time. */
async function takeOverKeys({ database, signers }: CertificatesParts): Promise<void> {
  const rows = await database.transaction("system", (sql) =>
    authoritySystemStore(sql).listUntaken(),
  );
  for (const row of rows) await signers.signerOf(row);
}

async function watchStatus({ database, outbound, clock }: ClientParts): Promise<void> {
  await watchRevocations({ database, outbound }, clock());
}
