import { expect, test } from "vitest";
import { wafContract as contract } from "../services/waf/contract.ts";
import { textOf } from "./print-result.ts";

test("a list begins with the id that other commands ask for", () => {
  const command = { contract, operation: contract.operations.listRoutes, noun: "", verb: "" };
  const text = textOf(command, { routes: [{ routeId: "route-1", name: "up" }], totalCount: 1 });
  expect(text).toMatch(/^routeId +name +siteId/);
  expect(text).toMatch(/\nroute-1 +up /);
});

test("lists within a result are tables of their own, and say how much is left out", () => {
  const command = { contract, operation: contract.operations.explainRequest, noun: "", verb: "" };
  const trace = Array.from({ length: 23 }, (_, at) => ({ ruleId: at + 1, outcome: "no match" }));
  const text = textOf(command, { wouldBlock: false, matches: [], trace });
  expect(text.split("\n").slice(0, 5)).toEqual([
    "wouldBlock  false",
    "matches",
    "",
    "trace (23)",
    "ruleId  outcome",
  ]);
  expect(text).toMatch(/20 +no match\n… 3 more: --output json has all\n$/);
});
