/**
 * Every operation of the catalog answers a stranger exactly as it answers for an id that there is
 * not. Operations, inputs and ids come from the catalog, so that a new service is covered by it.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { requestOf } from "../../src/cli/api-client.ts";
import {
  type IdField,
  idFieldsOf,
  idsOf,
  inputWith,
  type Target,
  targets,
} from "../catalog-samples.ts";
import { type ApiReply, PASSWORD, type Stack, signInForKey, startStack } from "../stack.ts";
import { fillAccount, fillFromCatalog } from "./filled-account.ts";

let stack: Stack;
let stranger = "";
let ids = new Map<string, string[]>();
let own = new Map<string, string[]>();

beforeAll(async () => {
  stack = await startStack();
  const account = { name: "other", userName: "eve", password: PASSWORD };
  await stack.api("POST", "/v1/account/accounts", account);
  const eve = { accountName: "other", userName: "eve", password: PASSWORD };
  stranger = await signInForKey(stack.consolePort, eve);
  await fillAccount(stack);
  await fillFromCatalog(stack);
  const settled = async () => {
    await stack.api("GET", "/v1/audit/entries");
  };
  await settled();
  ids = await idsOf((method, path) => stack.api(method, path));
  own = await idsOf((method, path) => stack.api(method, path, undefined, stranger));
}, 180_000);
afterAll(() => stack?.stop());

async function asked(
  { contract, operation }: Target,
  field: IdField,
  id: string,
): Promise<string | undefined> {
  const input = inputWith(operation, field, id);
  if (input === undefined) return undefined;
  const { method, path, body } = requestOf(contract, operation, input);
  const reply: ApiReply = await stack.api(method, path, body, stranger);
  // What was asked for may stand in the answer; whose it is may not.
  return JSON.stringify({ code: reply.code, error: reply.error, result: reply.result })
    .replaceAll(id, "ID")
    .replace(/[a-z]+-[0-9a-z]{10}/g, "ANY")
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "TIME");
}

test("a thing of another account and a thing that is not are answered alike, by every operation", {
  timeout: 600_000,
}, async () => {
  const faults: string[] = [];
  const withoutInput = new Set<string>();
  const withoutThing = new Set<string>();
  let compared = 0;
  for (const target of targets) {
    for (const field of idFieldsOf(target.operation)) {
      const { name } = target.operation;
      const things = (ids.get(field.prefix) ?? []).filter(
        (id) => !(own.get(field.prefix) ?? []).includes(id),
      );
      const [thing] = things;
      if (thing === undefined) {
        withoutThing.add(field.prefix);
        continue;
      }
      const theirs = await asked(target, field, thing);
      const none = await asked(target, field, `${field.prefix}-zzzzzzzzzz`);
      if (theirs === undefined || none === undefined) {
        withoutInput.add(name);
        continue;
      }
      compared += 1;
      if (theirs !== none) faults.push(`${name} ${field.name}: ${theirs} but ${none}`);
      if (theirs.includes('"code":5')) faults.push(`${name} ${field.name}: ${theirs}`);
    }
  }
  process.stdout.write(
    `strangers: ${compared} comparisons over ${targets.length} operations; ` +
      `no thing to ask for: ${[...withoutThing].join(" ")}; ` +
      `no input made: ${[...withoutInput].join(" ")}\n`,
  );
  expect(faults).toEqual([]);
  expect(compared).toBeGreaterThan(200);
  expect([...withoutInput]).toEqual([]);
});
