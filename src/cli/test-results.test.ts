import { expect, test } from "vitest";
import { readResults } from "./test-results.ts";

function file(status: string, tests: readonly (readonly [string, string])[], message = "") {
  const assertionResults = tests.map(([fullName, state]) => ({ fullName, status: state }));
  return { name: "/r/a.test.ts", status, message, assertionResults };
}

function read(...files: readonly unknown[]) {
  return readResults(JSON.stringify({ testResults: files }), "/r");
}

test("every test is counted once, under the state it ended in", () => {
  const tests = [
    ["one", "passed"],
    ["two", "failed"],
    ["three", "pending"],
    ["four", "todo"],
    ["five", "skipped"],
  ] as const;
  expect(read(file("failed", tests))).toEqual({
    passed: ["a.test.ts > one"],
    failed: ["a.test.ts > two"],
    skipped: ["a.test.ts > three", "a.test.ts > four", "a.test.ts > five"],
  });
});

test("a file that cannot be loaded is a failure although no test of it ran", () => {
  expect(read(file("failed", [], "no such module\nstack")).failed).toEqual([
    "a.test.ts (the file itself: no such module)",
  ]);
});

test("a set-up that throws is a failure although its tests count as skipped", () => {
  const results = read(file("failed", [["one", "skipped"]], "boom"));
  expect(results.failed).toHaveLength(1);
  expect(results.skipped).toHaveLength(1);
});

test("a state that nobody knows is a failure", () => {
  expect(read(file("passed", [["one", "exploded"]])).failed).toEqual(["a.test.ts > one"]);
});
