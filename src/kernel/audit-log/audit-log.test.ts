import { spawn } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import {
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { verifyInclusion } from "../../engines/tlog/merkle.ts";
import { openAuditLog } from "./audit-log.ts";
import { verifyAuditLog } from "./verify.ts";

const root = mkdtempSync(join(tmpdir(), "cordon-audit-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const pair = generateKeyPairSync("ed25519");
const signingKeyPem = pair.privateKey.export({ type: "pkcs8", format: "pem" }).toString();
const publicKeyPem = pair.publicKey.export({ type: "spki", format: "pem" }).toString();
const origin = "test.example/audit";

async function logWith(name: string, count: number): Promise<string> {
  const folder = join(root, name);
  const log = await openAuditLog({ folder, origin, signingKeyPem });
  const entries = Array.from({ length: count }, (_, at) => Buffer.from(`{"entry":${at}}`));
  await Promise.all(entries.map((entry) => log.append(entry)));
  await log.close();
  return folder;
}

function filesOf(folder: string): string[] {
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" });
  return names.filter((name) => statSync(join(folder, name)).isFile());
}

test("entries come back in order, each with a proof that leads to the signed checkpoint", async () => {
  const folder = await logWith("proofs", 600);
  const log = await openAuditLog({ folder, origin, signingKeyPem });
  expect(log.size()).toBe(600);
  const entries = await log.readEntries(250, 520);
  expect(entries.map(String)).toEqual(
    Array.from({ length: 270 }, (_, at) => `{"entry":${250 + at}}`),
  );
  for (const index of [0, 255, 256, 511, 512, 599]) {
    const proof = await log.inclusionProof(index);
    const { leafHash: leaf, hashes, rootHash, treeSize: size } = proof;
    expect(verifyInclusion({ index, size, leaf, proof: hashes, root: rootHash })).toBe(true);
  }
  await log.close();
});

test("an untouched log verifies", async () => {
  const folder = await logWith("untouched", 700);
  const answer = await verifyAuditLog(folder, { publicKeyPem });
  expect(answer).toMatchObject({ ok: true, entries: 700, checkpointSize: 700 });
});

test("any byte changed in the files that hold the record is found", async () => {
  const folder = await logWith("changed", 530);
  const files = filesOf(folder).filter((name) => !name.includes(".p/"));
  for (const name of files) {
    const bytes = readFileSync(join(folder, name));
    for (let round = 0; round < 6; round += 1) {
      const at = Math.floor((bytes.length - 1) * (round / 5));
      const copy = Buffer.from(bytes);
      copy[at] = (copy[at] ?? 0) ^ 0x01;
      writeFileSync(join(folder, name), copy);
      const answer = await verifyAuditLog(folder, { publicKeyPem });
      expect(answer.ok, `${name} byte ${at}`).toBe(false);
    }
    writeFileSync(join(folder, name), bytes);
  }
  expect((await verifyAuditLog(folder, { publicKeyPem })).ok).toBe(true);
});

test("the first changed entry of a full bundle is named by its index", async () => {
  const folder = await logWith("named", 600);
  const file = join(folder, "tile/entries/001");
  const bytes = readFileSync(file);
  const at = bytes.indexOf('{"entry":300}');
  bytes[at + 9] = "9".charCodeAt(0);
  writeFileSync(file, bytes);
  const answer = await verifyAuditLog(folder, { publicKeyPem });
  expect(answer).toMatchObject({ ok: false, firstBadIndex: 300 });
});

test("a log rolled back to an older state is found by a checkpoint kept elsewhere", async () => {
  const folder = await logWith("rolled", 300);
  const old = join(root, "rolled-old");
  cpSync(folder, old, { recursive: true });
  const log = await openAuditLog({ folder, origin, signingKeyPem });
  await log.append(Buffer.from("later"));
  const { checkpoint } = await log.checkpoint();
  await log.close();
  expect((await verifyAuditLog(folder, { publicKeyPem, earlier: checkpoint })).ok).toBe(true);
  const answer = await verifyAuditLog(old, { publicKeyPem, earlier: checkpoint });
  expect(answer).toMatchObject({ ok: false, firstBadIndex: 300 });
});

test("a torn tail is cut off and everything before it is kept", async () => {
  const folder = await logWith("torn", 20);
  const file = join(folder, "pending-000000000000000.log");
  writeFileSync(file, Buffer.concat([readFileSync(file), Buffer.from([0, 40, 1, 2, 3])]));
  const log = await openAuditLog({ folder, origin, signingKeyPem });
  expect(log.size()).toBe(20);
  await log.append(Buffer.from("after"));
  await log.close();
  expect(await verifyAuditLog(folder, { publicKeyPem })).toMatchObject({ ok: true, entries: 21 });
});

const writer = `
import { openAuditLog } from ${JSON.stringify(join(import.meta.dirname, "audit-log.ts"))};
const log = await openAuditLog(JSON.parse(process.argv[1]));
for (let at = 0; ; at += 1) {
  await Promise.all([0, 1, 2, 3].map(async () => {
    const { index } = await log.append(Buffer.from(String(Math.random())));
    process.stdout.write(index + "\\n");
  }));
}`;

test("no acknowledged entry is lost when the writer is killed at a random moment", {
  timeout: 120_000,
}, async () => {
  const folder = join(root, "killed");
  let acknowledged = -1;
  for (let round = 0; round < 12; round += 1) {
    const settings = JSON.stringify({ folder, origin, signingKeyPem });
    const child = spawn(process.execPath, ["--input-type=module", "-e", writer, settings], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let text = "";
    child.stdout.on("data", (chunk) => {
      text += String(chunk);
    });
    // From its first entry on, however long the process took to start.
    await new Promise((resolve) => child.stdout.once("data", resolve));
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 250));
    child.kill("SIGKILL");
    await new Promise((resolve) => child.once("close", resolve));
    for (const line of text.split("\n").slice(0, -1))
      acknowledged = Math.max(acknowledged, Number(line));
    const log = await openAuditLog({ folder, origin, signingKeyPem });
    expect(log.size()).toBeGreaterThan(acknowledged);
    await log.close();
  }
  expect(acknowledged).toBeGreaterThan(50);
  expect((await verifyAuditLog(folder, { publicKeyPem })).ok).toBe(true);
});
