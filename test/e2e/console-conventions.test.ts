/** What the console makes of filters, exports, commands and times: the parts without a browser. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { readRange, spans } from "../../console/src/pages/range-text.ts";
import { quantityText } from "../../console/src/quantities.ts";
import { isAddress } from "../../console/src/resource/address.ts";
import { csvCell, csvOf } from "../../console/src/resource/export-file.ts";
import { fieldsOf } from "../../console/src/resource/field-schema.ts";
import {
  apiFilters,
  type FilterOperator,
  type FilterToken,
  limits,
  operatorNames,
  readTokens,
  withToken,
  writeTokens,
} from "../../console/src/resource/filter-text.ts";
import {
  cliText,
  shellWord,
  withoutSecrets,
  wordsOfCommand,
} from "../../console/src/resource/operation-text.ts";
import { relevantFields } from "../../console/src/resource/relevant-fields.ts";
import { allShown, isPart, operationOf } from "../../console/src/resource/resources.ts";
import { itemFields } from "../../console/src/resource/schema-fields.ts";
import { sectionsOf } from "../../console/src/shell/navigation.ts";
import { fits } from "../../console/src/shell/palette-search.ts";
import { catalog, contracts } from "../../src/catalog.ts";
import { generatedCommands } from "../../src/cli/operations.ts";

const operators = Object.keys(operatorNames).filter((text): text is FilterOperator =>
  Object.hasOwn(operatorNames, text),
);
const token = fc.record({
  field: fc.option(fc.stringMatching(/^[a-z][A-Za-z]{0,12}$/), { nil: undefined }),
  operator: fc.constantFrom(...operators),
  value: fc.string({ maxLength: 40 }),
});

test("a filter survives the way into the address and back", () => {
  fc.assert(
    fc.property(fc.array(token, { maxLength: limits.tokensMax }), (tokens) => {
      expect(readTokens(writeTokens(tokens))).toEqual(tokens);
    }),
  );
});

test("an address that somebody wrote by hand never breaks the page", () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
      expect(readTokens(text).length).toBeLessThanOrEqual(limits.tokensMax);
    }),
  );
});

test("two equalities on a field mean either, other filters mean all", () => {
  const tokens: FilterToken[] = [
    { field: "mode", operator: "=", value: "observe" },
    { field: "mode", operator: "=", value: "off" },
    { field: "mode", operator: "!=", value: "block" },
    { operator: ":", value: "shop" },
  ];
  expect(apiFilters(tokens, "domains")).toEqual([
    { name: "mode", values: ["observe", "off"], operator: "eq" },
    { name: "mode", values: ["block"], operator: "ne" },
    { name: "domains", values: ["shop"], operator: "contains" },
  ]);
});

test("no two resources share an address or a name, so each can be reached", () => {
  const paths = allShown.map(({ path }) => path);
  const names = allShown.map(({ resource }) => resource.name);
  expect(new Set(paths).size).toBe(paths.length);
  expect(new Set(names).size).toBe(names.length);
});

test("the navigation reaches every list", () => {
  const titles = { t: String, resourceTitle: String };
  const places = sectionsOf(titles, true).flatMap((section) => section.places);
  const reached = new Set(places.map(({ href }) => href));
  const lists = allShown.filter((shown) => !isPart(shown)).map(({ path }) => `/${path}`);
  expect(lists.filter((path) => !reached.has(path))).toEqual([]);
  expect(places.filter(({ href }) => href === "/")).toEqual([]);
});

test("seconds and bytes are told in a unit that one reads at a glance", () => {
  expect(quantityText("en", "lifetimeSeconds", 4_060_800)).toBe("47 days");
  expect(quantityText("zh-CN", "ttlSeconds", 3_600)).toBe("1小时");
  expect(quantityText("en", "bytes", 1_572_864)).toBe("1.5 MB");
  expect(quantityText("en", "ttlSeconds", 59)).toBe("");
  expect(quantityText("en", "eventCount", 4_060_800)).toBe("");
});

test("a form asks for the fields of the chosen kind of channel alone", () => {
  const operation = catalog.notify.operations.createChannel;
  const asked = (kind: string) =>
    relevantFields(operation, fieldsOf(operation), () => kind).map(({ name }) => name);
  expect(asked("")).toEqual(["name", "kind"]);
  expect(asked("slack")).toEqual(["name", "kind", "url", "language"]);
  expect(asked("email")).not.toContain("url");
});

test("filtering a value out takes the filter for it away", () => {
  const [only, without] = (["=", "!="] as const).map((operator) => ({
    field: "sourceIp",
    operator,
    value: "203.0.113.7",
  }));
  if (only === undefined || without === undefined) throw new Error("two tokens");
  expect(withToken([only], without)).toEqual([without]);
});

test("no cell of an export is run as a formula", () => {
  for (const text of [
    '=HYPERLINK("http://evil.example")',
    "+1+1",
    "-2+3",
    "@SUM(A1)",
    "\t=1",
    " =1",
    "\r=1",
    "|cmd",
    "%0A=1",
    "＝1",
  ]) {
    expect(csvCell(text).replace(/^"/, ""), text).toMatch(/^'/);
  }
  expect([csvCell(-5), csvCell("-5.25"), csvCell("shop.localhost")]).toEqual([
    "-5",
    "-5.25",
    "shop.localhost",
  ]);
});

/** Reads RFC 4180; what an independent reader of the file would do. */
function readCsv(text: string): string[][] {
  const rows: string[][] = [[]];
  const cells = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n|$)/gy;
  for (const [, quoted, plain = "", end] of text.matchAll(cells)) {
    rows.at(-1)?.push(quoted?.replaceAll('""', '"') ?? plain);
    if (end === "\r\n") rows.push([]);
    if (end === "") break;
  }
  return rows.slice(0, -1);
}

test("an exported value comes out as it was, but for the mark against formulas", () => {
  const values = fc.array(fc.string({ unit: "grapheme" }), { minLength: 2, maxLength: 2 });
  fc.assert(
    fc.property(fc.array(values), (rows) => {
      const items = rows.map(([a, b]) => ({ a, b }));
      const [head, ...read] = readCsv(csvOf(["a", "b"], items).slice(1));
      expect(head).toEqual(["a", "b"]);
      expect(read.map((cells) => cells.map((cell) => cell.replace(/^'/, "")))).toEqual(
        rows.map((cells) => cells.map((cell) => cell.replace(/^'/, ""))),
      );
    }),
  );
});

test("the command shown is the command that there is, for every operation", () => {
  const real = new Map(
    generatedCommands().map(({ contract, noun, verb, operation }) => [
      operation.name,
      [contract.service, noun, verb],
    ]),
  );
  expect(real.size).toBeGreaterThan(40);
  for (const { operations } of contracts) {
    for (const operation of Object.values(operations)) {
      const words = real.get(operation.name);
      if (words !== undefined) expect(wordsOfCommand(operation)).toEqual(words);
    }
  }
});

test("a command has the words that a person would say", () => {
  const said = new Set(
    generatedCommands().map(({ contract, noun, verb }) => `${contract.service} ${noun} ${verb}`),
  );
  for (const one of [
    "kms key encrypt",
    "kms key re-encrypt",
    "kms alias list",
    "kms alias create",
    "encryption value mask",
    "backup status get",
    "iam policy simulate",
    "certificates authority list",
  ]) {
    expect(said, one).toContain(one);
  }
  expect(said.size).toBe(generatedCommands().length);
});

test("a shown command quotes what a shell would read, and says --yes where it is asked for", () => {
  expect(shellWord("a b'c$(d)")).toBe(`'a b'\\''c$(d)'`);
  const { deleteSite, listSites } = catalog.waf.operations;
  expect(cliText(deleteSite, { siteId: "site-0a1b2c3d4e" })).toBe(
    "./cordon waf site delete --site-id site-0a1b2c3d4e --yes",
  );
  const filters = [{ name: "mode", values: ["block"], operator: "eq" }];
  expect(cliText(listSites, { filters })).toBe("./cordon waf site list --filter mode=block");
  // The command line has no other operator, and a wrong command is worse than none.
  const other = [{ name: "mode", values: ["block"], operator: "ne" }];
  expect(cliText(listSites, { filters: other })).toBeUndefined();
});

test("no secret is in a shown call", () => {
  const { createUser } = catalog.iam.operations;
  const shown = withoutSecrets(createUser, { name: "ann", password: "correct horse" });
  expect(JSON.stringify(shown)).not.toContain("correct horse");
});

test("every resource has an address of its own, and filters only by fields that it has", () => {
  const paths = allShown.map(({ path }) => path);
  expect(new Set(paths).size).toBe(paths.length);
  for (const shown of allShown) {
    const fields = itemFields(operationOf(shown, "list"));
    const unknown = shown.filterable.filter((field) => !Object.hasOwn(fields, field));
    expect(unknown, shown.path).toEqual([]);
  }
  for (const { resources } of contracts) {
    for (const resource of resources) {
      if (resource.list === undefined) continue;
      expect(
        allShown.some((shown) => shown.resource === resource),
        resource.name,
      ).toBe(true);
    }
  }
});

test("a time range is read from the address, and what cannot be read is the last day", () => {
  const now = Date.parse("2026-01-02T03:04:05Z");
  const range = (text: string) => readRange(new URLSearchParams(text), now);
  expect(range("").span).toBe("day");
  expect(range("range=toString").span).toBe("day");
  expect(range("from=x&to=y").span).toBe("day");
  expect(range("from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z").span).toBe("day");
  expect(Date.parse("2026-01-02T03:04:00Z") - Date.parse(range("range=hour").startTime)).toBe(
    spans.hour * 1000,
  );
  expect(range("from=2026-01-01T00:00:00Z&to=2026-01-02T00:00:00Z")).toEqual({
    span: undefined,
    startTime: "2026-01-01T00:00:00.000Z",
    endTime: "2026-01-02T00:00:00.000Z",
  });
});

test("the palette knows an address, and finds words in any order", () => {
  expect(["203.0.113.7", "2001:db8::1", "203.0.113.0/24"].every(isAddress)).toBe(true);
  expect(["shop.localhost", "12", "site-0a1b2c3d4e", "12:30"].some(isAddress)).toBe(false);
  expect(fits("Create site waf.createSite", "site create")).toBe(true);
  expect(fits("Create site", "delete")).toBe(false);
});
