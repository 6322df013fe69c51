import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { afterEach, expect, test } from "vitest";
import { loadRuleset, loadRulesetInPieces, setupFileOf } from "./load.ts";

const RULES = 3_000;

let folder = "";
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A release as it is unpacked: `rules/` and these files beside it. */
function release(rules: string, beside: Readonly<Record<string, string>> = {}): string {
  folder = mkdtempSync(join(tmpdir(), "cordon-rules-"));
  const rulesFolder = join(folder, "rules");
  mkdirSync(rulesFolder);
  writeFileSync(join(rulesFolder, "rules.conf"), rules);
  for (const [name, text] of Object.entries(beside)) writeFileSync(join(folder, name), text);
  return rulesFolder;
}

const filesOf = (rulesFolder: string) => ({ rulesFolder, setupFile: setupFileOf(rulesFolder) });
const ruleOf = (id: number): string =>
  `SecRule ARGS "@rx (?i)word${id}[a-z]+(?:one|two)" "id:${id},phase:2,deny"\n`;

test("in pieces the same rules come out, and other work is done between", async () => {
  const files = filesOf(release(Array.from({ length: RULES }, (_, at) => ruleOf(at + 1)).join("")));
  let isDone = false;
  const loading = loadRulesetInPieces(files).finally(() => {
    isDone = true;
  });
  let turns = 0;
  for (; !isDone; turns += 1) await setImmediate();
  const ids = (await loading).rules.map(({ id }) => id);
  expect(ids).toEqual(loadRuleset(files).rules.map(({ id }) => id));
  expect(ids.length).toBeGreaterThanOrEqual(RULES);
  expect(turns).toBeGreaterThan(3);
});

test("in pieces every fault is told with its place, as at once", async () => {
  const files = filesOf(release('SecRule ARGS "@no such" "id:1,phase:2,deny"\nSecNothing On\n'));
  expect(() => loadRuleset(files)).toThrow(/rules\.conf:1.*no/);
  await expect(loadRulesetInPieces(files)).rejects.toThrow(/rules\.conf:1.*no/);
});

test("a release that nobody has set up is read with its example; its own settings come first", () => {
  const example = "crs-setup.conf.example";
  const rules = release(ruleOf(1), { [example]: 'SecAction "id:900990,phase:1,pass,nolog"\n' });
  expect(setupFileOf(rules)).toBe(join(rules, "..", example));
  expect(loadRuleset(filesOf(rules)).rules.map(({ id }) => id)).toContain(900_990);
  writeFileSync(join(rules, "..", "crs-setup.conf"), "");
  expect(setupFileOf(rules)).toBe(join(rules, "..", "crs-setup.conf"));
});
