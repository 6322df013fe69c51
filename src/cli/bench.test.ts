import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { programFolder } from "../kernel/config.ts";

const run = (...args: string[]) =>
  spawnSync(process.execPath, [join(programFolder, "src/cli/main.ts"), "bench", ...args], {
    encoding: "utf8",
  });

test("--output json prints one array of rows with name, value and unit", {
  timeout: 60_000,
}, () => {
  const { status, stdout } = run("regex", "--output", "json");
  expect(status).toBe(0);
  const rows = JSON.parse(stdout) as { bench: string; what: string; value: number }[];
  expect(rows.length).toBeGreaterThan(3);
  for (const row of rows) {
    expect(row).toMatchObject({ bench: "regex", unit: "µs CPU per value" });
    expect(row.what).not.toBe("");
    expect(row.value).toBeGreaterThan(0);
  }
});

test("an unknown measurement and an unknown output are usage errors that name the choices", () => {
  const unknown = run("speed");
  expect(unknown.status).toBe(2);
  expect(unknown.stderr).toMatch(/measurements are .*audit, events, .*waf/);
  const xml = run("--output", "xml");
  expect(xml.status).toBe(2);
  expect(xml.stderr).toContain("--output is json or table");
});

test("every measurement prints its figures as rows and nothing beside them", () => {
  const folder = join(programFolder, "bench");
  for (const name of readdirSync(folder).filter((one) => one.endsWith(".bench.ts"))) {
    const text = readFileSync(join(folder, name), "utf8");
    expect(text, name).toContain("printRow(");
    expect(text, name).not.toMatch(/process\.stdout\.write|console\.log/);
  }
});
