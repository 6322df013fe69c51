import { cpSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { migrationsFolder } from "../src/kernel/config.ts";
import { connectionFor } from "../src/kernel/postgres/connection.ts";
import { migrate } from "../src/kernel/store/migrate.ts";
import { cordon, fill, migrationsUntil, tableStates, withRows } from "./backup-state.ts";

const folder = mkdtempSync(join(tmpdir(), "cordon-upgrade-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const dataFolder = join(folder, "data");
const env = { PATH: process.env.PATH ?? "", CORDON_DATA: dataFolder };
const ROWS = 500;
const MAX_MS = 180_000;

test(
  "data of the schema up to 0005 is upgraded by all later migrations and loses no row",
  async () => {
    const before = migrationsUntil("0005", join(folder, "before"));
    const old = await withRows(dataFolder, async (client, config) => {
      await migrate(connectionFor(config), before);
      await fill(client, ROWS);
      return tableStates(client);
    });
    const check = await cordon(env, ["upgrade", "--check"]);
    expect(check.code, check.text).toBe(0);
    const later = readdirSync(migrationsFolder).filter((name) => name > "0006");
    for (const name of later) expect(check.text).toContain(name);
    const asked: number[] = [];
    await withRows(dataFolder, async (client, config) => {
      const refuse = async () => {
        throw new Error("no room for the backup");
      };
      const refused = migrate(connectionFor(config), migrationsFolder, { beforeUpgrade: refuse });
      await expect(refused).rejects.toThrow("no room");
      expect(await tableStates(client)).toEqual(old);
      const beforeUpgrade = async (pending: readonly unknown[]) => {
        asked.push(pending.length);
      };
      await migrate(connectionFor(config), migrationsFolder, { beforeUpgrade });
      const now = await tableStates(client);
      for (const [name, { rows }] of Object.entries(old)) {
        if (name !== "migration") expect(now[name]?.rows, name).toBeGreaterThanOrEqual(rows);
      }
      expect(now.iam_user?.rows).toBe(ROWS);
      expect(now.outbox).toEqual(old.outbox);
      // Nothing to do a second time.
      await migrate(connectionFor(config), migrationsFolder, { beforeUpgrade });
    });
    expect(asked).toEqual([later.length]);
  },
  MAX_MS,
);

test(
  "an older program does not start on a newer schema, a migration is never left out or changed",
  async () => {
    const older = migrationsUntil("0005", join(folder, "older"));
    const changed = join(folder, "changed");
    const between = join(folder, "between");
    cpSync(migrationsFolder, changed, { recursive: true });
    cpSync(migrationsFolder, between, { recursive: true });
    writeFileSync(join(changed, "0001-foundation.sql"), "select 1;\n");
    writeFileSync(join(between, "0003-forgotten.sql"), "create table forgotten ();\n");
    await withRows(dataFolder, async (client, config) => {
      const before = await tableStates(client);
      for (const [files, why] of [
        [older, /which this version of Cordon does not know/],
        [changed, /was changed after it was applied/],
        [between, /"0003-forgotten.sql" was left out/],
      ] as const) {
        await expect(migrate(connectionFor(config), files)).rejects.toThrow(why);
      }
      expect(await tableStates(client)).toEqual(before);
    });
  },
  MAX_MS,
);
