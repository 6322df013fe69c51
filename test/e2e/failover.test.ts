/** A primary that is killed and a replica that takes its place: no acknowledged write is lost. */
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { hostsOf } from "../../src/kernel/postgres/connection.ts";
import { hasPostgres15, type Postgres15, startPostgres15 } from "../postgres15.ts";
import { type Stack, startStack, until } from "../stack.ts";

let postgres: Postgres15;
let stack: Stack;

beforeAll(async () => {
  if (!hasPostgres15) return;
  postgres = await startPostgres15(2);
  await postgres.replicate();
  stack = await startStack({ env: { CORDON_DATABASE_URL: postgres.url } });
}, 120_000);

afterAll(async () => {
  await stack?.stop();
  postgres?.stop();
});

test("a URL of several hosts is one connection for each, and a wish for a replica is refused", () => {
  const url =
    "postgresql://u:p%40@a:1,b,[::1]:3/db?target_session_attrs=read-write&sslmode=require";
  expect(hostsOf(url)).toEqual({
    connectionString: "postgresql://u:p%40@a:1/db?sslmode=require",
    standbys: [
      "postgresql://u:p%40@b/db?sslmode=require",
      "postgresql://u:p%40@[::1]:3/db?sslmode=require",
    ],
  });
  expect(hostsOf("postgres://u@h/db")).toEqual({ connectionString: "postgres://u@h/db" });
  expect(() => hostsOf("postgres://h/db?target_session_attrs=standby")).toThrow(/read-write/);
  expect(() => hostsOf("postgres://a,b:x/db")).toThrow(/host:port/);
});

/** Writes until told to stop; gives the names that were acknowledged and the codes of the rest. */
function writeOn() {
  const acknowledged: string[] = [];
  const refused: string[] = [];
  let isOver = false;
  const writer = async (line: number): Promise<void> => {
    for (let at = 0; !isOver; at += 1) {
      const name = `g-${line}-${at}`;
      const answer = await stack.api("POST", "/v1/iam/groups", { name }).catch(() => undefined);
      if (answer?.code === 200) acknowledged.push(name);
      else refused.push(answer?.error?.reason ?? "no answer");
    }
  };
  const writers = Promise.all([0, 1, 2].map(writer));
  return {
    acknowledged,
    refused,
    async end() {
      isOver = true;
      await writers;
    },
  };
}

async function groupNames(): Promise<string[]> {
  const names: string[] = [];
  for (let page = 1; ; page += 1) {
    const { result } = await stack.api("GET", `/v1/iam/groups?pageSize=100&pageNumber=${page}`);
    names.push(...result.groups.map(({ name }: { name: string }) => name));
    if (names.length >= result.totalCount) return names;
  }
}

test.skipIf(!hasPostgres15)(
  "the primary is killed, the replica promoted, and every acknowledged write is there (needs postgresql-15)",
  { timeout: 120_000 },
  async () => {
    const writing = writeOn();
    await until("writes went through", async () => writing.acknowledged.length > 20, 30_000);
    postgres.kill(0);
    postgres.promote(1);
    const before = writing.acknowledged.length;
    const goesOn = async () => writing.acknowledged.length > before + 20;
    await until("writes go through again", goesOn, 60_000);
    await writing.end();
    // The program outlives its database.
    expect((await stack.status()).find(({ name }) => name === "server")?.restarts).toBe(0);
    const names = new Set(await groupNames());
    expect(writing.acknowledged.filter((name) => !names.has(name))).toEqual([]);
    const allowed = ["kernel.databaseUnavailable", "kernel.conflict", "iam.groupExists"];
    expect(writing.refused.filter((reason) => !allowed.includes(reason))).toEqual([]);
    expect((await stack.run("audit", "verify")).code).toBe(0);
  },
);

test.skipIf(!hasPostgres15)(
  "an old primary that comes back, and would take writes, is not mistaken for the new one (needs postgresql-15)",
  { timeout: 120_000 },
  async () => {
    const data = postgres.dataOf(0);
    rmSync(join(data, "postmaster.pid"), { force: true });
    writeFileSync(join(data, "postgresql.auto.conf"), "synchronous_standby_names = ''\n");
    await postgres.start(0);
    process.kill(await stack.pid("server"), "SIGKILL");
    const created = async () => {
      const body = { name: "after-the-return" };
      const answer = await stack.api("POST", "/v1/iam/groups", body).catch(() => undefined);
      return answer?.code === 200;
    };
    await until("the server is back", created, 60_000);
    const sql = "select count(*) from iam_group where name = 'after-the-return'";
    const countAt = (at: number) => postgres.psql(at, sql, "cordon");
    expect([countAt(0), countAt(1)]).toEqual(["0", "1"]);
  },
);
