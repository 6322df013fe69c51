/** Every word the console shows is in its message files, in both languages. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { en } from "../../console/src/messages/en.ts";
import { zhCN } from "../../console/src/messages/zh-CN.ts";
import { contracts } from "../../src/catalog.ts";
import { programFolder } from "../../src/kernel/config.ts";

const folder = join(programFolder, "console", "src");
const sources = readdirSync(folder, { recursive: true, encoding: "utf8" })
  .filter((name) => /\.tsx?$/.test(name) && !name.startsWith("messages"))
  .map((name) => ({ name, text: readFileSync(join(folder, name), "utf8") }));

test("both languages have the same keys", () => {
  for (const group of ["ui", "resource", "field", "value"] as const) {
    expect(Object.keys(zhCN[group]), group).toEqual(Object.keys(en[group]));
  }
});

test("every key of the interface is used", () => {
  const code = sources.map(({ text }) => text).join("\n");
  const unused = Object.keys(en.ui).filter((key) => !code.includes(`"${key}"`));
  expect(unused).toEqual([]);
});

test("every resource and column of the contracts has words", () => {
  const missing: string[] = [];
  for (const { resources } of contracts) {
    for (const { name, columns } of resources) {
      if (!Object.hasOwn(en.resource, name)) missing.push(name);
      for (const field of columns) {
        if (!Object.hasOwn(en.field, field)) missing.push(`${name}.${field}`);
      }
    }
  }
  expect(missing).toEqual([]);
});

test("every field that a form asks for has words", () => {
  const missing: string[] = [];
  for (const { resources, operations } of contracts) {
    for (const { create = "", update = "" } of resources) {
      for (const key of [create, update]) {
        const fields = Object.keys(operations[key]?.input.properties ?? {});
        missing.push(...fields.filter((field) => !Object.hasOwn(en.field, field)));
      }
    }
  }
  expect(missing).toEqual([]);
});

/** Words between tags, or in an attribute that is shown or read out. */
function literalsOf(text: string): string[] {
  const between = /<\/?[A-Za-z][^<>{}]*>\s*([A-Za-z][A-Za-z ]{2,})\s*<\//g;
  const attribute = /\b(?:label|header|placeholder|title|description|ariaLabel|alt)="([^"]+)"/g;
  return [...text.matchAll(between), ...text.matchAll(attribute)].map(([, words]) => words ?? "");
}

test("no page holds words of its own", () => {
  expect(literalsOf('<Box>Hello you</Box><Input placeholder="Name" />')).toHaveLength(2);
  const found = sources.flatMap(({ name, text }) =>
    name.endsWith(".tsx") ? literalsOf(text).map((words) => `${name}: ${words}`) : [],
  );
  expect(found).toEqual([]);
});
