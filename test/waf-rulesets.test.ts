/** Rule sets through the whole program: imported by the command line, switched under load. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { programFolder } from "../src/kernel/config.ts";
import { command, type Stack, startStack, until } from "./stack.ts";

const HOST = "rulesets.localhost";
const folder = mkdtempSync(join(tmpdir(), "cordon-rulesets-"));
const upstream = http.createServer((_request, response) => response.end("ok"));
let stack: Stack;
let siteId = "";

beforeAll(async () => {
  await new Promise<void>((resolve) => upstream.listen(0, "127.0.0.1", resolve));
  stack = await startStack({ env: { CORDON_GATEWAY_WORKERS: "2" } });
  const { port } = upstream.address() as AddressInfo;
  const site = { domains: [HOST], upstreams: [`http://127.0.0.1:${port}`], mode: "block" };
  siteId = (await stack.api("POST", "/v1/waf/sites", site)).result.siteId;
  await until("the site is served", async () => (await stack.site(HOST, "/")).code === 200);
});
afterAll(async () => {
  await stack?.stop();
  upstream.close();
  rmSync(folder, { recursive: true, force: true });
});

/** A folder of SecLang with one rule: this word is refused. */
function folderOf(word: string): string {
  const place = join(folder, word);
  mkdirSync(join(place, "rules"), { recursive: true });
  const rule = `SecRule ARGS "@contains ${word}" "id:100001,phase:1,deny,status:403,msg:'${word}'"`;
  writeFileSync(join(place, "rules", "own.conf"), `${rule}\n`);
  return place;
}

const importWith = (...words: string[]) =>
  command([join(programFolder, "cordon"), "waf", "ruleset", "import", ...words], {
    ...stack.env,
    CORDON_TOKEN: stack.key,
  });

async function imported(word: string): Promise<string> {
  const done = await importWith(folderOf(word), "--output", "json");
  expect(done.code, done.text).toBe(0);
  expect(done.text).toMatch(/SHA-256 [0-9a-f]{64}/);
  return /"ruleSetId": "(rset-[0-9a-z]{10})"/.exec(done.text)?.[1] ?? "";
}

const refuses = (word: string) => async () => (await stack.site(HOST, `/?q=${word}`)).code === 403;

test("a site is switched and rolled back under load without a lost request", async () => {
  const [first, second] = [await imported("walnut"), await imported("pecan")];
  const switchTo = (ruleSetId: string) =>
    stack.api("PATCH", `/v1/waf/sites/${siteId}`, { ruleSetId });
  const answers = new Map<number, number>();
  let isOver = false;
  const client = async () => {
    while (!isOver) {
      const { code } = await stack.site(HOST, "/?q=harmless");
      answers.set(code, (answers.get(code) ?? 0) + 1);
    }
  };
  const load = [client(), client(), client(), client()];
  await switchTo(first);
  await until("the first set counts", refuses("walnut"));
  await switchTo(second);
  await until("the second set counts", refuses("pecan"));
  expect((await stack.site(HOST, "/?q=walnut")).code).toBe(200);
  await stack.api("POST", `/v1/waf/sites/${siteId}:rollBackRuleSet`);
  await until("the first set counts again", refuses("walnut"));
  isOver = true;
  await Promise.all(load);
  expect([...answers.keys()]).toEqual([200]);
  expect(answers.get(200)).toBeGreaterThan(20);
}, 90_000);

test("a folder with a broken rule is refused with file and line by the command line", async () => {
  const place = folderOf("broken");
  writeFileSync(join(place, "rules", "zz.conf"), '\nSecRule ARGS "@oops x" "id:7,pass"\n');
  const done = await importWith(place);
  expect(done.code).toBe(2);
  expect(done.text).toContain("rules/zz.conf:2");
});
