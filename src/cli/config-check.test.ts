import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { programFolder } from "../kernel/config.ts";
import { knownSettings, nearestSetting } from "../kernel/known-settings.ts";
import { settingRows } from "./config-check.ts";

/** Between Cordon's own processes, or for tests and measurements only. */
const INTERNAL = /^CORDON_(?:WORKER_\w+|UP_DETACHED|SEED|CRASH_ROUNDS|BENCH_\w+|TEST_\w+|\w*_)?$/;

const rowOf = (env: Record<string, string>, name: string) =>
  settingRows(env).find((row) => row.name === name);

test("every setting that the program reads is known", () => {
  const folder = join(programFolder, "src");
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts"))
    .flatMap(
      (name) => readFileSync(join(folder, name), "utf8").match(/\bCORDON_[A-Z0-9_]+/g) ?? [],
    );
  const known = new Set(knownSettings.map(({ name }) => name));
  const unknown = new Set(names.filter((name) => !known.has(name) && !INTERNAL.test(name)));
  expect([...unknown]).toEqual([]);
});

test("an unknown setting is named with the nearest one, and its value is not shown", () => {
  const row = rowOf({ CORDON_DATABSE_URL: "postgres://u:hidden@h/d" }, "CORDON_DATABSE_URL");
  expect(row).toMatchObject({ state: "unknown", note: "did you mean CORDON_DATABASE_URL?" });
  expect(JSON.stringify(row)).not.toContain("hidden");
  expect(nearestSetting("CORDON_COMPLETELY_OTHER")).toBeUndefined();
});

test("an invalid one says what is wanted, and the others are shown all the same", () => {
  const env = { CORDON_CONSOLE_PORT: "many", CORDON_FLEET_PORT: "1234" };
  expect(rowOf(env, "CORDON_CONSOLE_PORT")).toMatchObject({
    state: "invalid",
    note: expect.stringContaining("whole number"),
  });
  expect(rowOf(env, "CORDON_FLEET_PORT")).toMatchObject({ state: "ok", from: "environment" });
  expect(rowOf(env, "CORDON_GATEWAY_HTTP_PORT")).toMatchObject({ value: "8080", from: "default" });
});

test("a secret setting is told to be there and not shown", () => {
  const row = rowOf({ CORDON_DATABASE_URL: "postgres://u:hidden@h/d" }, "CORDON_DATABASE_URL");
  expect(row).toMatchObject({ state: "ok", value: "(secret)", from: "environment" });
});
