import { afterAll, beforeAll, expect, test } from "vitest";
import { contracts } from "../src/catalog.ts";
import { cordon, tableStates, withRows } from "./backup-state.ts";
import { PASSWORD, type Stack, startStack } from "./stack.ts";

const MAX_MS = 180_000;
let stack: Stack;

beforeAll(async () => {
  stack = await startStack();
}, MAX_MS);
afterAll(() => stack.stop(), MAX_MS);

const args = (user: string) => ["admin", "recover", "--account", "main", "--user", user];

test("no operation of the API recovers anybody: a request cannot ask for it", () => {
  const names = contracts.flatMap(({ operations }) =>
    Object.values(operations).map(({ name }) => name),
  );
  expect(names.filter((name) => /recover/i.test(name) && name.startsWith("admin"))).toEqual([]);
});

test(
  "beside a running Cordon it is refused; at rest it makes a new password and leaves an entry",
  async () => {
    const refused = await cordon(stack.env, args("admin"));
    expect(refused.code).toBe(4);
    expect(refused.text).toContain("stop it with ./cordon down");
    await stack.run("down");
    const before = await withRows(stack.dataFolder, tableStates);
    const unknown = await cordon(stack.env, args("nobody"));
    expect(unknown.code).toBe(1);
    expect(await withRows(stack.dataFolder, tableStates)).toEqual(before);
    const recovered = await cordon(stack.env, args("admin"));
    expect(recovered.code, recovered.text).toBe(0);
    const password = recovered.text.split("\n")[0] ?? "";
    expect(password).toMatch(/^[A-Za-z0-9_-]{24}$/);
    const started = await cordon(stack.env, ["up", "--detach"]);
    expect(started.code, started.text).toBe(0);
    try {
      const signIn = (given: string) =>
        stack.api("POST", "/v1/iam/session:signIn", {
          accountName: "main",
          userName: "admin",
          password: given,
        });
      expect((await signIn(PASSWORD)).error?.reason).toBe("iam.signInFailed");
      expect((await signIn(password)).error).toBeUndefined();
      const filter = "filters.1.name=operation&filters.1.values.1=admin.recover";
      const { result } = await stack.api("GET", `/v1/audit/entries?${filter}`);
      expect(result.totalCount).toBe(1);
      expect(JSON.stringify(result)).toContain(`uid:${process.getuid?.() ?? 0}`);
      expect(JSON.stringify(result)).not.toContain(password);
    } finally {
      await cordon(stack.env, ["down"]);
    }
  },
  MAX_MS,
);
