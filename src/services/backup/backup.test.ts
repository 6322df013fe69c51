import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type Operations, startOperations } from "../../../test/service-kit.ts";
import {
  backupAlarms,
  backupState,
  isDue,
  type KeptBackup,
  noteState,
} from "../../kernel/backup/kept.ts";
import { readConfig } from "../../kernel/config.ts";
import type { Database } from "../../kernel/store/database.ts";
import { nextTimeMs } from "./domain.ts";
import { type BackupParts, backupJobs, backupService } from "./service.ts";

const HOUR_MS = 3_600_000;
const START_MS = Date.parse("2030-01-01T00:00:00Z");
const folder = mkdtempSync(join(tmpdir(), "cordon-kept-"));
const config = readConfig({ CORDON_DATA: folder });

let ways: readonly ("passphrase" | "recoveryShares" | "device")[] = ["passphrase"];
const made: string[] = [];
let kit: Operations;
let database: Database | undefined;

/** Nothing is written here; what a backup holds is the test of the command line. */
const parts: BackupParts = {
  get database(): Database {
    if (database === undefined) throw new Error("The database is not there yet");
    return database;
  },
  config,
  clock: () => START_MS,
  opensWith: async () => ways,
  async make(kind, keep): Promise<KeptBackup> {
    made.push(`${kind} ${keep}`);
    const time = new Date(START_MS).toISOString();
    await noteState(config, () => START_MS, { lastSuccessTime: time });
    const facts = { bytes: 1, rows: 1, auditSize: 1, opensWith: ways };
    return { name: "cordon", backupId: "backup-0", kind, createTime: time, ...facts };
  },
};

beforeAll(async () => {
  kit = await startOperations([backupService(parts)]);
  database = kit.database;
});
beforeEach(() => {
  made.length = 0;
  ways = ["passphrase"];
});
afterAll(async () => {
  await kit.stop();
  rmSync(folder, { recursive: true, force: true });
});

describe("the schedule", () => {
  test("is daily with seven kept until an operator sets another", async () => {
    const { result } = await kit.api("GET", "/v1/backup/status");
    expect(result.schedule).toEqual({ everyHours: 24, keep: 7 });
    const set = await kit.api("PUT", "/v1/backup/schedule", { everyHours: 6, keep: 3 });
    expect(set.error).toBeUndefined();
    const again = await kit.api("GET", "/v1/backup/status");
    expect(again.result.schedule).toEqual({ everyHours: 6, keep: 3 });
  });

  test.each([{ everyHours: -1 }, { everyHours: 721 }, { keep: 0 }, { keep: 366 }])(
    "out of its limits is refused: %o",
    async (wrong) => {
      const body = { everyHours: 24, keep: 7, ...wrong };
      const refused = await kit.api("PUT", "/v1/backup/schedule", body);
      expect(refused.code).toBe(400);
    },
  );

  test("is the operator's: another account is told so and learns nothing", async () => {
    const account = { name: "tenant", userName: "admin", password: "correct horse battery staple" };
    await kit.api("POST", "/v1/account/accounts", account);
    const key = await kit.keyOf("tenant", "admin");
    for (const [method, path, body] of [
      ["GET", "/v1/backup/status", undefined],
      ["GET", "/v1/backup/backups", undefined],
      ["POST", "/v1/backup/backups", {}],
      ["PUT", "/v1/backup/schedule", { everyHours: 0, keep: 1 }],
    ] as const) {
      const refused = await kit.api(method, path, body, key);
      expect(refused.error?.reason, path).toBe("account.operatorOnly");
      expect(refused.result, path).toBeUndefined();
    }
    expect(made).toEqual([]);
  });
});

describe("a backup", () => {
  test("by hand begins after the commit; with nothing to seal it with it is refused", async () => {
    ways = [];
    const refused = await kit.api("POST", "/v1/backup/backups", {});
    expect(refused.error?.reason).toBe("backup.cannotSeal");
    expect(made).toEqual([]);
    ways = ["recoveryShares"];
    const begun = await kit.api("POST", "/v1/backup/backups", {});
    expect(begun.error).toBeUndefined();
    expect(made).toEqual(["manual 3"]);
  });

  test("that is due is made by the job, once", async () => {
    const none = { lastSuccessTime: undefined, everyHours: 0 };
    await noteState(config, () => START_MS, none);
    const [job] = backupJobs(parts);
    await job?.run();
    await job?.run();
    expect(made).toEqual(["scheduled 3"]);
    expect(backupState(config)?.everyHours).toBe(6);
  });

  test("is due after its interval, and after a failure only when the wait is over", () => {
    const at = (hours: number) => new Date(START_MS + hours * HOUR_MS).toISOString();
    const base = { everyHours: 6, lastFailure: undefined, sinceTime: at(0) };
    const due = (hours: number, failed?: string) =>
      isDue(
        { ...base, lastSuccessTime: at(0), lastFailureTime: failed },
        { everyHours: 6, nowMs: START_MS + hours * HOUR_MS, retryMs: HOUR_MS },
      );
    expect([due(5.9), due(6), due(6.5, at(6)), due(7, at(6))]).toEqual([false, true, false, true]);
    const off = { everyHours: 0, nowMs: START_MS, retryMs: 0 };
    expect(isDue(undefined, off)).toBe(false);
    expect(nextTimeMs({ everyHours: 0, keep: 1 }, undefined, START_MS)).toBeUndefined();
  });
});

test("two missed intervals are an alarm that says why; switched off there is none", async () => {
  const clock = () => START_MS;
  await noteState(config, clock, {
    everyHours: 24,
    lastSuccessTime: new Date(START_MS).toISOString(),
    lastFailure: "the disk is full",
  });
  expect(backupAlarms(config, START_MS + 48 * HOUR_MS)).toEqual([]);
  const [alarm] = backupAlarms(config, START_MS + 50 * HOUR_MS);
  expect(alarm?.message).toBe("The last backup is 50 h old: the disk is full");
  await noteState(config, clock, { everyHours: 0 });
  expect(backupAlarms(config, START_MS + 500 * HOUR_MS)).toEqual([]);
});

test("files that are no backups of Cordon are not listed", async () => {
  writeFileSync(join(config.backup.folder, "notes.age"), "x");
  writeFileSync(join(config.backup.folder, "cordon-manual-2030.age"), "x");
  const { result } = await kit.api("GET", "/v1/backup/backups");
  expect(result).toEqual({ backups: [], totalCount: 0 });
  expect(readdirSync(config.backup.folder)).toContain("notes.age");
});
