/** The template of a service, tried whole in a scratch copy: written, wired, checked, tested. */
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { afterAll, expect, test } from "vitest";
import { programFolder } from "../src/kernel/config.ts";
import { linesToAdd, serviceFiles } from "../tools/new-service.ts";

const LEFT_OUT = /^(?:\.git|data|node_modules|console\/node_modules)$/;
const scratch = mkdtempSync(join(tmpdir(), "cordon-service-"));

afterAll(() => rmSync(scratch, { recursive: true, force: true }));

function run(...args: string[]) {
  const path = `${dirname(process.execPath)}:${process.env.PATH ?? ""}`;
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    cwd: scratch,
    env: { ...process.env, PATH: path },
    encoding: "utf8",
  });
  expect(status, `${stdout}\n${stderr}`).toBe(0);
  return stdout;
}

function insert(file: string, before: string, line: string): void {
  const text = readFileSync(join(scratch, file), "utf8");
  expect(text).toContain(before);
  writeFileSync(join(scratch, file), text.replace(before, `${line}\n${before}`));
}

test("a name that no service can have is refused", () => {
  for (const name of ["", "Two Words", "../x", "9lives"]) {
    expect(() => serviceFiles(name)).toThrow(RangeError);
  }
});

test("a new service compiles and passes its own test with the printed lines and no others", {
  timeout: 300_000,
}, () => {
  cpSync(programFolder, scratch, {
    recursive: true,
    filter: (path) => !LEFT_OUT.test(relative(programFolder, path)),
  });
  symlinkSync(join(programFolder, "node_modules"), join(scratch, "node_modules"));
  const printed = run("tools/new-service.ts", "sample");
  const [migration = ""] = printed.split("\n");
  const lines = linesToAdd("sample", /\d{4}/.exec(migration)?.[0] ?? "");
  for (const line of Object.values(lines)) expect(printed).toContain(line);
  writeFileSync(join(scratch, migration), lines[migration] ?? "");
  const line = (place: string) => lines[place] ?? "";
  insert("src/catalog.ts", "import { wafContract }", line("src/catalog.ts (imports)"));
  insert("src/catalog.ts", "} as const;", line("src/catalog.ts (catalog)"));
  insert("src/app/services.ts", "import { wafService }", line("src/app/services.ts (imports)"));
  const place = "src/app/services.ts (services in buildServices)";
  insert("src/app/services.ts", "    incidentService(),", line(place));
  run("node_modules/typescript/bin/tsc", "--noEmit");
  run("node_modules/vitest/vitest.mjs", "run", "src/services/sample");
});
