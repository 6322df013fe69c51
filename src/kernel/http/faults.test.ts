import { expect, test } from "vitest";
import { catalog } from "../../catalog.ts";
import { faultsOf } from "./faults.ts";
import { validatorOf } from "./read-input.ts";

const { createCustomRule, updateSitePolicy } = catalog.waf.operations;
const rule = { siteId: "site-0123456789", name: "a rule" };
const ofRule = (given: object) =>
  faultsOf(validatorOf(createCustomRule.input), { ...rule, ...given });

test("of a thing of several kinds only what its own kind lacks is told", () => {
  expect(ofRule({ action: { kind: "rewriteHeader", value: null } })).toEqual([
    { path: "/action", message: "must have required properties name" },
  ]);
  expect(ofRule({ action: { kind: "block", status: 200 } })).toEqual([
    { path: "/action/status", message: "must be >= 400" },
  ]);
  expect(ofRule({ action: { kind: "log", status: 403 } })).toEqual([
    { path: "/action/status", message: "is not a field of this operation" },
  ]);
});

test("each fault of a condition is told where it is, however deep", () => {
  const when = { all: [{ field: "path", operator: "resembles" }, { not: { any: [] } }] };
  expect(ofRule({ action: { kind: "log" }, when })).toEqual([
    {
      path: "/when/all/0/operator",
      message: expect.stringMatching(/^must be one of equals, contains, .*, shorterThan$/),
    },
    { path: "/when/all/1/not/any", message: "must not have fewer than 1 items" },
  ]);
});

test("a group that may be null is not told to be null when it lacks a field", () => {
  const input = { siteId: "site-0123456789", blockPage: { html: "" } };
  expect(faultsOf(validatorOf(updateSitePolicy.input), input)).toEqual([
    { path: "/blockPage", message: "must have required properties status" },
  ]);
});

test("what is of no kind at all is still refused, and a list of faults ends", () => {
  expect(ofRule({ action: "block" })).not.toEqual([]);
  const all = Array.from({ length: 32 }, () => ({ field: "nothing", operator: "equals" }));
  expect(ofRule({ action: { kind: "log" }, when: { all } })).toHaveLength(20);
});
