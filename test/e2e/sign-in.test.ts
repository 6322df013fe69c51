/** Guessing passwords, as the attacker does it, and the people who must not suffer from it. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { PASSWORD, rawApi, type Stack, startStack } from "../stack.ts";

/** All of 127.0.0.0/8 is this machine; a source is a /24, as one customer of a provider has it. */
const ATTACKER = "127.0.0.66";
const OTHER = "127.0.1.77";
const ATTEMPTS_MAX = 5;

let stack: Stack;

beforeAll(async () => {
  stack = await startStack();
  await stack.api("POST", "/v1/iam/users", { name: "ada", password: PASSWORD });
  const made = await stack.api("POST", "/v1/iam/users", { name: "off", password: PASSWORD });
  await stack.api("PATCH", `/v1/iam/users/${made.result.userId}`, { enabled: false });
});

afterAll(() => stack?.stop());

async function signIn(localAddress: string, changes: Record<string, string> = {}) {
  const body = { accountName: "main", userName: "ada", password: PASSWORD, ...changes };
  const path = "/v1/iam/session:signIn";
  const answer = await rawApi(stack.consolePort, { method: "POST", path, body, localAddress });
  const { requestId: _, ...said } = JSON.parse(answer.text) as Record<string, unknown>;
  return { code: answer.code, said };
}

test("a source that guesses is locked for this name, and not even the right password tells", async () => {
  for (let count = 0; count < ATTEMPTS_MAX; count += 1) {
    expect((await signIn(ATTACKER, { password: `guess ${count}` })).code).toBe(401);
  }
  expect((await signIn(ATTACKER)).code).toBe(401);
});

test("the lock of one source locks out nobody else, and no other name", async () => {
  expect((await signIn(OTHER)).code).toBe(200);
  expect((await signIn(ATTACKER, { userName: "admin" })).code).toBe(200);
});

test("attempts at the same time do not slip past the lock together", async () => {
  const source = "127.0.2.88";
  const answers = await Promise.all(
    Array.from({ length: 30 }, (_, at) => signIn(source, { password: `guess ${at}` })),
  );
  // Each is answered: none waits for a connection that another one holds.
  expect(answers.map(({ code }) => code)).toEqual(answers.map(() => 401));
  expect((await signIn(source)).code).toBe(401);
});

test("a right password clears what was mistyped before it", async () => {
  const source = "127.0.3.99";
  for (let round = 0; round < 3; round += 1) {
    for (let count = 0; count < ATTEMPTS_MAX - 1; count += 1) {
      expect((await signIn(source, { password: "mistyped" })).code).toBe(401);
    }
    expect((await signIn(source)).code).toBe(200);
  }
});

test("every failure says the same: locked, wrong, disabled, no such user, no such account", async () => {
  const failures = await Promise.all([
    signIn(ATTACKER),
    signIn(OTHER, { password: "wrong" }),
    signIn(OTHER, { userName: "off" }),
    signIn(OTHER, { userName: "nobody-of-this-name" }),
    signIn(OTHER, { accountName: "no-such-account" }),
  ]);
  for (const failure of failures) expect(failure).toEqual(failures[0]);
  expect(failures[0]).toMatchObject({ code: 401, said: { error: { reason: "iam.signInFailed" } } });
});

test("the audit log names the attacker's source and no password", async () => {
  // Nobody was signed in, so the entries are of no account: they stand in the files only.
  const folder = join(stack.dataFolder, "audit");
  const text = readdirSync(folder)
    .filter((name) => name.startsWith("pending-"))
    .map((name) => readFileSync(join(folder, name), "latin1"))
    .join();
  expect(text).toContain(ATTACKER);
  expect(text).toContain("iam.signInFailed");
  expect(text).not.toContain("guess 1");
  expect(text).not.toContain(PASSWORD);
});
