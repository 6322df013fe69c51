import { spawnSync } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { openAuditLog } from "./audit-log.ts";
import { verifyAuditLog } from "./verify.ts";

const root = mkdtempSync(join(tmpdir(), "cordon-audit-full-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const pair = generateKeyPairSync("ed25519");
const signingKeyPem = pair.privateKey.export({ type: "pkcs8", format: "pem" }).toString();
const publicKeyPem = pair.publicKey.export({ type: "spki", format: "pem" }).toString();
const settings = { origin: "test.example/audit", signingKeyPem };

/**
 * A file size limit of the process (setrlimit(2)) makes write(2) stop part way and then fail, as a
 * full disk does; bundles and tiles are refused at other limits than the entries themselves.
 */
const writer = `
import { execFileSync } from "node:child_process";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { openAuditLog } from ${JSON.stringify(join(import.meta.dirname, "audit-log.ts"))};
process.on("SIGXFSZ", () => {});
const limit = (bytes) =>
  execFileSync("prlimit", ["--pid", String(process.pid), "--fsize=" + bytes + ":"]);
const { folder, ...rest } = JSON.parse(process.argv[1]);
const log = await openAuditLog({ folder, ...rest });
const pendingBytes = () => Math.max(...readdirSync(folder)
  .filter((name) => name.startsWith("pending-"))
  .map((name) => statSync(join(folder, name)).size));
const accepted = [];
let refused = 0;
const append = (text) => log.append(Buffer.from(text)).then(
  ({ index }) => { accepted[index] = text; },
  () => { refused += 1; });
for (let round = 0; round < 60; round += 1) {
  limit(500 + Math.floor(Math.random() * (2_000 + round * 1_000)));
  for (let part = 0; part < 5; part += 1) {
    await Promise.all([0, 1, 2, 3, 4, 5].map((at) => append(
      JSON.stringify({ round, part, at, pad: "x".repeat(Math.floor(Math.random() * 120)) }))));
  }
  limit(pendingBytes() + 10);
  await append("cut after ten bytes");
  limit("unlimited");
  await append(JSON.stringify({ round, after: true }));
}
await log.close();
const failure = log.failure() ?? null;
console.log(JSON.stringify({ accepted, refused, failure }));`;

test("what a full disk refuses is not in the log, and all it took is, bundles and proofs included", {
  timeout: 120_000,
}, async () => {
  const folder = join(root, "log");
  const argv = ["--input-type=module", "-e", writer, JSON.stringify({ folder, ...settings })];
  const child = spawnSync(process.execPath, argv, { encoding: "utf8" });
  expect(child.stderr).toBe("");
  const told = JSON.parse(child.stdout) as {
    accepted: string[];
    refused: number;
    failure: string | null;
  };
  expect(told.refused).toBeGreaterThan(20);
  expect(told.accepted.length).toBeGreaterThan(256);
  expect(told.failure).toBeNull();
  const log = await openAuditLog({ folder, ...settings });
  const entries = await log.readEntries(0, log.size());
  expect(entries.map(String)).toEqual(told.accepted);
  await log.close();
  expect(await verifyAuditLog(folder, { publicKeyPem })).toMatchObject({
    ok: true,
    entries: told.accepted.length,
  });
});
