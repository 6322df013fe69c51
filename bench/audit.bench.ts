/** Durable appends per second of the audit log, for several numbers of callers at once. */
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openAuditLog } from "../src/kernel/audit-log/audit-log.ts";
import { printRow } from "./row.ts";

const SECONDS = 4;
const entry = Buffer.from(
  JSON.stringify({ operation: "waf.createSite", padding: "x".repeat(500) }),
);
const { privateKey } = generateKeyPairSync("ed25519");
const signingKeyPem = privateKey.export({ type: "pkcs8", format: "pem" }).toString();

for (const callers of [1, 16, 256]) {
  const folder = mkdtempSync(join(tmpdir(), "cordon-audit-bench-"));
  const log = await openAuditLog({ folder, origin: "bench.example/audit", signingKeyPem });
  const end = performance.now() + SECONDS * 1000;
  let count = 0;
  await Promise.all(
    Array.from({ length: callers }, async () => {
      while (performance.now() < end) {
        await log.append(entry);
        count += 1;
      }
    }),
  );
  printRow({
    bench: "audit",
    what: `${callers} callers at once`,
    value: count / SECONDS,
    unit: "durable appends/s",
    goal: "≥ 5000",
  });
  await log.close();
  rmSync(folder, { recursive: true, force: true });
}
