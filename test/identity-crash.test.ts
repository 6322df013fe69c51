/** kill -9 in the middle of identity operations: nothing that was acknowledged is lost. */
import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { verifyAuditLog } from "../src/kernel/audit-log/verify.ts";
import { readConfig } from "../src/kernel/config.ts";
import { signingKey } from "../src/kernel/keys.ts";
import { openOperations, setUp, startPostgres } from "./service-kit.ts";

/** The full number is 1,000 (`CORDON_IDENTITY_CRASH_ROUNDS`). */
const ROUNDS = Number(process.env.CORDON_IDENTITY_CRASH_ROUNDS ?? 8);
/** Every so many rounds the database is killed with its processes, and not the worker alone. */
const DATABASE_EVERY = 10;

/** A round ends after some of these acknowledgments, or when a busy machine gives none. */
const LINES_MAX = 40;
const ROUND_MAX_MS = 10_000;

type Line = { kind: string; userId?: string; secret?: string; token?: string; id?: string };

/** A worker that has loaded its program and waits: the time of that is spent beside another. */
function waitingWorker(env: Record<string, string>) {
  const child = spawn(process.execPath, [join(import.meta.dirname, "identity-crash-worker.ts")], {
    env: { ...process.env, ...env },
    stdio: ["pipe", "pipe", "inherit"],
  });
  const ended = new Promise((resolve) => child.once("close", resolve));
  child.stdin.on("error", () => {});
  return { child, ended };
}

/** Lets the worker work for a moment, kills it, and @returns what it acknowledged. */
async function round(
  { child: worker, ended }: ReturnType<typeof waitingWorker>,
  killDatabase: () => void,
): Promise<Line[]> {
  const lines: Line[] = [];
  const ready = new Promise<void>((resolve) => {
    createInterface({ input: worker.stdout }).on("line", (text) => {
      const line: Line = JSON.parse(text);
      if (line.kind === "ready") resolve();
      else lines.push(line);
    });
  });
  worker.stdin.write("go\n");
  await Promise.race([ready, ended]);
  const enough = 1 + Math.floor(Math.random() * LINES_MAX);
  const end = Date.now() + ROUND_MAX_MS;
  while (lines.length < enough && Date.now() < end) await sleep(5);
  await sleep(Math.random() * 30);
  killDatabase();
  worker.kill("SIGKILL");
  await ended;
  return lines;
}

/** PostgreSQL's first process, by the file that it keeps. */
function postmasterOf({ folders }: ReturnType<typeof readConfig>): number {
  const file = readdirSync(folders.postgres, { recursive: true, encoding: "utf8" }).find((name) =>
    name.endsWith("postmaster.pid"),
  );
  const text = readFileSync(join(folders.postgres, file ?? "postmaster.pid"), "utf8");
  return Number(text.split("\n")[0]);
}

const lostOf = (lines: readonly Line[], present: ReadonlySet<string>) =>
  lines.map(({ id = "" }) => id).filter((id) => !present.has(id));

/** Ids of accounts, users, groups, policies, roles and access keys, and who is in which group. */
async function idsIn(database: Awaited<ReturnType<typeof openOperations>>["database"]) {
  const rows = await database.transaction(
    "system",
    (sql) => sql<{ id: string }>`
      select account_id as id from account union all select user_id from iam_user
      union all select group_id from iam_group union all select policy_id from policy
      union all select role_id from iam_role union all select access_key_id from access_key
      union all select group_id || ' ' || user_id from group_member`,
  );
  return new Set(rows.map(({ id }) => id));
}

/** Credentials and invitations that ended stay so. */
async function checkEnded(
  { call }: Pick<Awaited<ReturnType<typeof openOperations>>, "call">,
  lines: readonly Line[],
): Promise<void> {
  let asked = 0;
  /** Each from another address: limits of rate are not what is asked about here. */
  const ask = (method: string, path: string, given: { body?: unknown; key: string }) => {
    asked += 1;
    const sourceIp = `10.${asked >> 16}.${(asked >> 8) & 255}.${asked & 255}`;
    return call(method, path, { ...given, sourceIp });
  };
  for (const { secret = "" } of lines.filter(
    ({ kind }) => kind === "deleted" || kind === "disabled",
  )) {
    expect((await ask("GET", "/v1/iam/caller", { key: secret })).code).toBe(401);
  }
  for (const { token } of lines.filter(({ kind }) => kind === "accepted")) {
    const again = await ask("POST", "/v1/iam/invitations:open", { body: { token }, key: "" });
    expect(again.error?.reason).toBe("iam.invitationOver");
  }
}

test(`${ROUNDS} rounds of kill -9 lose no acknowledged operation and bring back nothing ended`, {
  timeout: 120_000 + ROUNDS * 20_000,
}, async () => {
  const dataFolder = mkdtempSync(join(tmpdir(), "cordon-crash-"));
  const config = readConfig({ CORDON_DATA: dataFolder });
  let postgres = await startPostgres(config);
  const first = await openOperations(config);
  const key = await setUp(first);
  await first.audit.caughtUp();
  await first.auditLog.close();
  await first.database.close();
  const lines: Line[] = [];
  const env = { CORDON_DATA: dataFolder, CORDON_TEST_KEY: key };
  let next = waitingWorker(env);
  for (let at = 1; at <= ROUNDS; at += 1) {
    const withDatabase = at % DATABASE_EVERY === 0;
    const kill = () => withDatabase && process.kill(postmasterOf(config), "SIGKILL");
    const worker = next;
    next = waitingWorker(env);
    lines.push(...(await round(worker, kill)));
    if (withDatabase) {
      await postgres.stop();
      postgres = await startPostgres(config);
    }
  }
  next.child.kill("SIGKILL");
  await next.ended;
  const last = await openOperations(config);
  // The copy that is asked below runs behind the log until it is told to catch up.
  await last.audit.caughtUp();
  const of = (kind: string) => lines.filter((line) => line.kind === kind);
  const users = await last.database.transaction(
    "system",
    (sql) => sql<{ userId: string }>`
    select user_id from iam_user`,
  );
  const present = new Set(users.map(({ userId }) => userId));
  const deleted = new Set(of("deleted").map(({ userId }) => userId));
  const lost = of("user").filter(({ userId = "" }) => !present.has(userId) && !deleted.has(userId));
  // A deletion may have been committed and not said: the record then tells of it.
  const records = await last.database.transaction(
    "system",
    (sql) => sql<{ resource: string }>`
    select resource from audit_entry where operation in ('iam.deleteUser') and code = 200`,
  );
  const recorded = new Set(records.map(({ resource }) => resource.split("/")[1] ?? ""));
  expect(lost.filter(({ userId = "" }) => !recorded.has(userId))).toEqual([]);
  expect([...deleted].filter((userId) => present.has(userId ?? ""))).toEqual([]);
  const there = await idsIn(last.database);
  expect(lostOf([...of("made"), ...of("joined")], there)).toEqual([]);
  await checkEnded(last, lines);
  process.stdout.write(
    `identity crash: ${ROUNDS} rounds, ${lines.length} acknowledged operations, ` +
      `${of("user").length} users, ${of("deleted").length} deleted, ` +
      `${of("made").length} accounts, groups, policies, roles and keys\n`,
  );
  expect(lines.length).toBeGreaterThan(ROUNDS);
  await last.audit.caughtUp();
  await last.auditLog.close();
  const publicKeyPem = signingKey(config.folders.keys, "audit").publicKeyPem;
  const verified = await verifyAuditLog(config.folders.audit, { publicKeyPem });
  expect(verified).toMatchObject({ ok: true });
  await last.database.close();
  await postgres.stop();
  rmSync(dataFolder, { recursive: true, force: true });
});
