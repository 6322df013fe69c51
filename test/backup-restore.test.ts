import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openEmbedded } from "../src/daemons/lake/embedded.ts";
import { measureLog } from "../src/kernel/audit-log/read-files.ts";
import { readBackup } from "../src/kernel/backup/read.ts";
import { keydClient } from "../src/kernel/keyd/client.ts";
import { cordon, elsewhere, type Outcome, tableStates, withRows } from "./backup-state.ts";
import { PASSWORD, type Stack, signInForKey, startStack, until } from "./stack.ts";

const TEST_MAX_MS = 240_000;
const passphrase = "correct horse battery staple";
const rootPassphrase = "a root passphrase of this test";
const folder = mkdtempSync(join(tmpdir(), "cordon-backups-"));
const passphraseFile = join(folder, "passphrase");
const sharesFile = join(folder, "shares");
const secret = Buffer.from("a secret that keyd sealed");

let stack: Stack;
let sealed: Buffer;
let older: string;
let newer: string;
let up = true;

const file = (name: string) => join(folder, name);
const given = ["--passphrase-file", passphraseFile] as const;

async function siteNamed(name: string): Promise<void> {
  const site = { domains: [`${name}.example`], upstreams: ["http://127.0.0.1:9"] };
  const made = await stack.api("POST", "/v1/waf/sites", site);
  expect(made.error).toBeUndefined();
}

async function down(): Promise<void> {
  if (up) await stack.run("down");
  up = false;
}

/** A Cordon on an empty folder that a backup is restored to. */
async function emptyMachine(name: string) {
  const dataFolder = join(folder, name);
  const env = await elsewhere(stack.env, dataFolder);
  return { dataFolder, env, run: (args: string[], input = "") => cordon(env, args, input) };
}

function expectDone(outcome: Outcome): void {
  expect(outcome.code, outcome.text).toBe(0);
}

beforeAll(async () => {
  writeFileSync(passphraseFile, `${passphrase}\n`);
  stack = await startStack();
  await siteNamed("first");
  await stack.api("POST", "/v1/iam/users", { name: "carol", password: PASSWORD });
  const keyd = keydClient(join(stack.dataFolder, "run", "keyd.sock"));
  sealed = await keyd.seal("test", "identity", secret);
  keyd.close();
  const commands = { env: stack.env, passphrases: `\n${rootPassphrase}\n` };
  expectDone(await cordon(commands.env, ["keys", "set-passphrase"], commands.passphrases));
  const split = ["keys", "recovery-shares", "--threshold", "2", "--shares", "3"];
  const shares = await cordon(stack.env, split, `${rootPassphrase}\n`);
  expectDone(shares);
  const lines = shares.text.split("\n").filter((line) => line.startsWith("cordon-share-"));
  writeFileSync(sharesFile, `${lines.slice(1, 3).join("\n")}\n`);
  older = file("older.age");
  expectDone(await stack.run("backup", "create", older, ...given));
  await siteNamed("second");
  await until("the entry is copied", async () => {
    const { result } = await stack.api("GET", "/v1/audit/entries?pageSize=1");
    return result.totalCount > 5;
  });
  await down();
  newer = file("newer.age");
  expectDone(await cordon(stack.env, ["backup", "create", newer, ...given]));
}, TEST_MAX_MS);

afterAll(async () => {
  await down();
  await stack.stop();
  rmSync(folder, { recursive: true, force: true });
}, TEST_MAX_MS);

describe("a backup", () => {
  test("is one file that only its owner may read, and verifies", async () => {
    expect(statSync(newer).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder).filter((name) => name.includes(".part"))).toEqual([]);
    const verified = await cordon(stack.env, ["backup", "verify", newer, ...given]);
    expectDone(verified);
    expect(verified.text).toMatch(/is whole: made .* tables, \d+ audit entries/);
  });

  test("is never written over a file that is there", async () => {
    const again = await cordon(stack.env, ["backup", "create", newer, ...given]);
    expect(again.code).toBe(1);
    expect(again.text).toContain("there is a file of that name");
  });

  test("holds no password of the database, and no root key in clear", async () => {
    const names: string[] = [];
    await readBackup(
      newer,
      { passphrase: Buffer.from(passphrase) },
      {
        visitor: {
          async file(name, bytes) {
            names.push(name);
            for await (const _ of bytes);
          },
        },
      },
    );
    expect(names).toContain("keys/root.json");
    expect(names).not.toContain("keys/postgres");
    // The root is sealed by a passphrase of its own: the backup's does not open it.
    expect(names).not.toContain("keys/root.key");
  });
});

describe("restored into an empty machine", () => {
  test(
    "every row of every table, the audit log and the keys are what they were",
    async () => {
      const machine = await emptyMachine("empty");
      const restored = await machine.run(["backup", "restore", newer, ...given]);
      expectDone(restored);
      const [before, after] = [
        await withRows(stack.dataFolder, tableStates),
        await withRows(machine.dataFolder, tableStates),
      ];
      // Sessions end, tickets are void, versions of intent step ahead of what planes run; the
      // positions in spools of another machine are not taken over.
      const changed = [
        "intent",
        "session",
        "setup_token",
        "join_token",
        "spool_cursor",
        "migration",
      ];
      for (const name of changed) {
        if (name !== "intent" && name !== "migration") expect(after[name]?.rows, name).toBe(0);
        else expect(after[name]?.rows, name).toBe(before[name]?.rows);
      }
      const rest = Object.keys(before).filter((name) => !changed.includes(name));
      expect(rest.length).toBeGreaterThan(30);
      for (const name of rest) expect(after[name], name).toEqual(before[name]);
      expect(Object.keys(after)).toEqual(Object.keys(before));
      const here = await measureLog(join(stack.dataFolder, "audit"));
      const there = await measureLog(join(machine.dataFolder, "audit"), here.size);
      expect(there.rootAt?.toString("hex")).toBe(here.root.toString("hex"));
      expect(there.size).toBe(here.size + 1);
      for (const name of ["root.json", "audit.key", "authority.key", "authority.pem"]) {
        const path = join("keys", name);
        const [left, right] = [join(stack.dataFolder, path), join(machine.dataFolder, path)];
        expect(readFileSync(right), name).toEqual(readFileSync(left));
      }
    },
    TEST_MAX_MS,
  );

  test(
    "with events: the rows of the lake are what they were",
    async () => {
      const machine = await emptyMachine("events");
      const withEvents = file("events.age");
      expectDone(await cordon(stack.env, ["backup", "create", withEvents, "--events", ...given]));
      expectDone(await machine.run(["backup", "restore", withEvents, ...given]));
      const events = async (dataFolder: string): Promise<string> => {
        const lake = await openEmbedded(join(dataFolder, "lake", "chdb"));
        const uids = await lake.query("SELECT uid FROM event ORDER BY uid", {});
        lake.close();
        return uids;
      };
      const before = await events(stack.dataFolder);
      expect(before).toContain("uid");
      expect(await events(machine.dataFolder)).toBe(before);
    },
    TEST_MAX_MS,
  );

  test(
    "with nothing but recovery shares: it starts, a sealed secret opens, people sign in",
    async () => {
      const machine = await emptyMachine("by-shares");
      // `newer` was made while the root was sealed: its passphrase alone opens it.
      const args = ["backup", "restore", older, "--shares-file", sharesFile];
      expectDone(await machine.run(args));
      const started = await machine.run(["up", "--detach"]);
      expectDone(started);
      try {
        const [one = "", two = ""] = readFileSync(sharesFile, "utf8").split("\n");
        const recovered = await machine.run(["keys", "recover"], `${one}\n${two}\n\n\n`);
        expectDone(recovered);
        const keyd = keydClient(join(machine.dataFolder, "run", "keyd.sock"));
        expect(await keyd.open("test", "identity", sealed)).toEqual(secret);
        keyd.close();
        const port = Number(machine.env.CORDON_CONSOLE_PORT);
        const user = { accountName: "main", userName: "admin", password: PASSWORD };
        expect(await signInForKey(port, user)).toMatch(/./);
      } finally {
        await machine.run(["down"]);
      }
      const log = await machine.run(["audit", "verify"]);
      expect(log.text).toContain("The log is whole");
    },
    TEST_MAX_MS,
  );

  test("with shares of another root, or too few, nothing is made", async () => {
    const machine = await emptyMachine("few");
    const [first = ""] = readFileSync(sharesFile, "utf8").split("\n");
    writeFileSync(file("few-shares"), first);
    const args = ["backup", "restore", newer, "--shares-file", file("few-shares")];
    const refused = await machine.run(args);
    expect(refused.code).toBe(1);
    expect(refused.text).toContain("more shares are needed");
  });

  test(
    "older than a checkpoint that was kept elsewhere: refused, then forced and recorded",
    async () => {
      const machine = await emptyMachine("witness");
      const checkpoint = join(stack.dataFolder, "audit", "checkpoint");
      const args = ["backup", "restore", older, ...given, "--known-checkpoint", checkpoint];
      const refused = await machine.run(args);
      expect(refused.code).toBe(1);
      expect(refused.text).toContain("older than what is known");
      expectDone(await machine.run([...args, "--older", "--output", "json"]));
    },
    TEST_MAX_MS,
  );
});

describe("over a state that is there", () => {
  test("a restore is refused, and changes nothing, without the name typed", async () => {
    const before = await withRows(stack.dataFolder, tableStates);
    for (const name of [[], ["--replace", "another-name"]]) {
      const refused = await cordon(stack.env, ["backup", "restore", newer, ...given, ...name]);
      expect(refused.code).not.toBe(0);
    }
    expect(await withRows(stack.dataFolder, tableStates)).toEqual(before);
  });

  test(
    "an older state needs --older; the longer audit log stays, and an entry tells both sizes",
    async () => {
      const name = basename(stack.dataFolder);
      const here = await measureLog(join(stack.dataFolder, "audit"));
      const args = ["backup", "restore", older, ...given, "--replace", name];
      const refused = await cordon(stack.env, args);
      expect(refused.code, refused.text).toBe(1);
      expect(refused.text).toContain("older than what is known");
      const forced = await cordon(stack.env, [...args, "--older", "--output", "json"]);
      expectDone(forced);
      const { comparison, changesLost } = JSON.parse(forced.text) as {
        comparison: { audit: string; backupTreeSize: number; knownTreeSize: number };
        changesLost: number;
      };
      expect(comparison).toMatchObject({ audit: "kept", knownTreeSize: here.size });
      expect(comparison.backupTreeSize).toBeLessThan(here.size);
      expect(changesLost).toBeGreaterThanOrEqual(1);
      const now = await measureLog(join(stack.dataFolder, "audit"), here.size);
      expect(now.size).toBe(here.size + 1);
      expect(now.rootAt?.toString("hex")).toBe(here.root.toString("hex"));
      const domains = await withRows(stack.dataFolder, async (client) => {
        await client.query("set role cordon_system");
        return (await client.query("select domain from site_domain")).rows;
      });
      expect(domains).toEqual([{ domain: "first.example" }]);
    },
    TEST_MAX_MS,
  );
});
