/** The whole of Cordon on a PostgreSQL that somebody else runs: Debian's, of another major. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { chownSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startShop } from "../../examples/shop/main.ts";
import { freePorts, type Stack, startStack, until } from "../stack.ts";

const BIN = "/usr/lib/postgresql/15/bin";
const HOST = "external.localhost";
const ATTACK = `/?id=${encodeURIComponent("1' union select password from customer -- ")}`;
const NOBODY = { uid: 65_534, gid: 65_534 };
const hasPostgres = existsSync(join(BIN, "postgres"));
const hasRules = existsSync("/usr/share/modsecurity-crs/rules");
/** PostgreSQL refuses root. */
const user: { uid?: number; gid?: number } = process.getuid?.() === 0 ? NOBODY : {};

let folder = "";
let port = 0;
let postgres: ChildProcess | undefined;
let stack: Stack;
let shop: Awaited<ReturnType<typeof startShop>>;

function psql(sql: string, database = "postgres"): string {
  const at = ["-h", folder, "-p", String(port), "-U", "postgres", "-d", database];
  const options = { ...user, cwd: "/", stdio: "pipe" } as const;
  return execFileSync(join(BIN, "psql"), [...at, "-c", sql], options).toString();
}

async function startPostgres(): Promise<void> {
  const options = ["-D", join(folder, "data"), "-p", String(port), "-k", folder];
  postgres = spawn(join(BIN, "postgres"), [...options, "-c", "listen_addresses=127.0.0.1"], {
    ...user,
    cwd: "/",
    stdio: "ignore",
  });
  await until("PostgreSQL answers", async () => psql("select 1") !== "", 30_000);
}

beforeAll(async () => {
  if (!hasPostgres) return;
  folder = mkdtempSync(join(tmpdir(), "cordon-pg15-"));
  if (process.getuid?.() === 0) chownSync(folder, NOBODY.uid, NOBODY.gid);
  [port = 0] = await freePorts(1);
  const initdb = ["-D", join(folder, "data"), "-U", "postgres", "--auth-local=trust"];
  execFileSync(join(BIN, "initdb"), [...initdb, "--auth-host=scram-sha-256", "-E", "UTF8"], {
    ...user,
    cwd: "/",
    stdio: "pipe",
  });
  await startPostgres();
  psql("create role cordon login createrole password 'a secret'");
  psql("create database cordon owner cordon");
  const url = `postgres://cordon:a%20secret@127.0.0.1:${port}/cordon`;
  stack = await startStack({ env: { CORDON_DATABASE_URL: url } });
  shop = await startShop();
}, 120_000);

afterAll(async () => {
  await shop?.stop();
  await stack?.stop();
  postgres?.kill("SIGQUIT");
  if (folder !== "") rmSync(folder, { recursive: true, force: true });
});

test.skipIf(!hasPostgres)(
  "no PostgreSQL of Cordon's own runs beside an external one (needs postgresql-15)",
  async () => {
    expect((await stack.status()).map(({ name }) => name)).not.toContain("postgres");
    expect(existsSync(join(stack.dataFolder, "postgres"))).toBe(false);
    expect(psql("show server_version")).toContain("15.");
  },
);

test.skipIf(!hasPostgres || !hasRules)(
  "an attack is refused and its incident told (needs postgresql-15, modsecurity-crs)",
  { timeout: 60_000 },
  async () => {
    await stack.api("POST", "/v1/waf/sites", {
      domains: [HOST],
      upstreams: [`http://127.0.0.1:${shop.port}`],
      mode: "block",
    });
    await until("the site is served", async () => (await stack.site(HOST, "/")).code === 200);
    expect((await stack.site(HOST, ATTACK)).code).toBe(403);
    await until("the incident is there", async () => {
      const { result } = await stack.api("GET", "/v1/incident/incidents");
      return result.incidents.length === 1;
    });
    expect((await stack.run("audit", "verify")).code).toBe(0);
  },
);

test.skipIf(!hasPostgres)(
  "row-level security keeps accounts apart there too (needs postgresql-15)",
  async () => {
    const scoped = (account: string) =>
      psql(
        `set role cordon_account; set cordon.account_id = '${account}';
        select count(*) as users from iam_user`,
        "cordon",
      );
    const own = psql("select account_id from account limit 1", "cordon");
    const [accountId = ""] = /acc-[0-9a-z]{10}/.exec(own) ?? [];
    expect(scoped(accountId)).toMatch(/\n\s+1\n/);
    expect(scoped("acc-0000000000")).toMatch(/\n\s+0\n/);
  },
);

test.skipIf(!hasPostgres)(
  "a killed external database is waited for, and the work goes on (needs postgresql-15)",
  { timeout: 90_000 },
  async () => {
    postgres?.kill("SIGQUIT");
    await until("it is gone", async () => postgres?.exitCode !== null);
    const refused = await stack.api("GET", "/v1/waf/sites");
    expect(refused.code).toBe(503);
    expect(refused.error?.reason).toBe("kernel.databaseUnavailable");
    await sleep(500);
    await startPostgres();
    const works = async () => (await stack.api("GET", "/v1/waf/sites")).code === 200;
    await until("the API works", works, 30_000);
  },
);

test.skipIf(!hasPostgres)(
  "its backup is restored into it, and its rows are what they were (needs postgresql-15)",
  async () => {
    const outside = mkdtempSync(join(tmpdir(), "cordon-pg15-backup-"));
    const [file, passphrase] = [join(outside, "a.age"), join(outside, "passphrase")];
    writeFileSync(passphrase, "correct horse battery staple\n");
    const given = [file, "--passphrase-file", passphrase];
    const rows = () =>
      psql("select md5(string_agg(t::text, ',' order by t::text)) from site_domain t", "cordon");
    try {
      const before = rows();
      expect((await stack.run("backup", "create", ...given)).text).toContain("rows of");
      await stack.run("down");
      psql("delete from site", "cordon");
      expect(rows()).not.toBe(before);
      const name = basename(stack.dataFolder);
      const restored = await stack.run("backup", "restore", ...given, "--replace", name, "--older");
      expect(restored.code, restored.text).toBe(0);
      expect(rows()).toBe(before);
    } finally {
      rmSync(outside, { recursive: true, force: true });
    }
  },
  180_000,
);
