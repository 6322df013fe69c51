/** Every word the console shows is in its message files, in both languages. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import {
  complianceChinese,
  evidenceChinese,
  evidenceInChinese,
} from "../../console/src/messages/compliance.ts";
import { en } from "../../console/src/messages/en.ts";
import { eventTypeWords } from "../../console/src/messages/event-types.ts";
import { serviceWords } from "../../console/src/messages/services/index.ts";
import { vocabulary } from "../../console/src/messages/vocabulary.ts";
import { zhCN } from "../../console/src/messages/zh-CN.ts";
import { isCoding, shownFields } from "../../console/src/resource/answer-fields.ts";
import { resourceOfId } from "../../console/src/resource/id-field-of.ts";
import { itemActions } from "../../console/src/resource/resource-actions.ts";
import { allShown, isPart } from "../../console/src/resource/resources.ts";
import { toldField } from "../../console/src/told.ts";
import { contracts } from "../../src/catalog.ts";
import { programFolder } from "../../src/kernel/config.ts";
import type { Contract } from "../../src/kernel/operation.ts";
import { kernelProblems } from "../../src/kernel/problem.ts";
import type { Texts } from "../../src/lib/coded-text.ts";
import { evidenceOf, evidenceTexts } from "../../src/services/appgateway/compliance-evidence.ts";
import { complianceRules } from "../../src/services/appgateway/compliance-rules.ts";

const folder = join(programFolder, "console", "src");
const sources = readdirSync(folder, { recursive: true, encoding: "utf8" })
  .filter((name) => /\.tsx?$/.test(name) && !name.startsWith("messages"))
  .map((name) => ({ name, text: readFileSync(join(folder, name), "utf8") }));
const english = vocabulary("en");
const chinese = vocabulary("zh-CN");

test("both languages have the same keys", () => {
  for (const group of ["ui", "resource", "field", "value"] as const) {
    expect(Object.keys(zhCN[group]), group).toEqual(Object.keys(en[group]));
    expect(Object.keys(chinese[group]), group).toEqual(Object.keys(english[group]));
  }
});

test("no text is empty, and both languages fill in the same values", () => {
  const places = (text: string) => [...text.matchAll(/\{\w+\}/g)].map(String).toSorted();
  for (const [key, text] of Object.entries(english.ui)) {
    const other = new Map(Object.entries(chinese.ui)).get(key) ?? "";
    expect(text === "" || other === "", key).toBe(false);
    expect(places(other), key).toEqual(places(text));
  }
});

test("every key of the interface is used", () => {
  const code = sources.map(({ text }) => text).join("\n");
  const unused = Object.keys(english.ui).filter((key) => !code.includes(`"${key}"`));
  expect(unused).toEqual([]);
});

test("every resource and column of the contracts has words", () => {
  const missing: string[] = [];
  for (const { resources } of contracts) {
    for (const { name, columns } of resources) {
      if (!Object.hasOwn(english.resource, name)) missing.push(name);
      for (const field of columns) {
        if (!Object.hasOwn(english.field, field)) missing.push(`${name}.${field}`);
      }
    }
  }
  expect(missing).toEqual([]);
});

test("every resource with a page says what it is for while its list is empty", () => {
  const silent = allShown.filter(
    (shown) => !isPart(shown) && english.about[shown.resource.name] === undefined,
  );
  expect(silent.map(({ path }) => path)).toEqual([]);
});

test("every field that a form asks for has words", () => {
  const missing: string[] = [];
  for (const { resources, operations } of contracts) {
    for (const { create = "", update = "" } of resources) {
      for (const key of [create, update]) {
        const fields = Object.keys(operations[key]?.input.properties ?? {});
        missing.push(...fields.filter((field) => !Object.hasOwn(english.field, field)));
      }
    }
  }
  expect(missing).toEqual([]);
});

test("every field that a page shows, or that an action on it asks for or answers, has words", () => {
  const missing = allShown.flatMap((shown) => {
    const actions = itemActions(shown).flatMap(({ input, output }) => [input, output]);
    const asked = actions.flatMap((one: { readonly properties?: object }) =>
      Object.keys(one.properties ?? {}),
    );
    return [...shownFields(shown), ...asked].filter(
      (field) => field !== "dryRun" && !isCoding(field) && !Object.hasOwn(english.field, field),
    );
  });
  expect([...new Set(missing)]).toEqual([]);
});

test("a service's own word for a field comes before the one that all services share", () => {
  expect(english.own.appgateway?.field.format).not.toBe(english.own.encryption?.field.format);
  expect(english.own.kms?.field.current).toBe("Current");
  expect(chinese.own.notify?.field.days ?? chinese.field.days).toBe("星期");
  expect(chinese.own.iam?.field.days).toBe("回溯天数");
});

test("an id of any field is told by its prefix, and a word is no id", () => {
  expect(resourceOfId("user-abcdefghij")?.path).toBe("users");
  expect(resourceOfId("high")).toBeUndefined();
  expect(resourceOfId("nobody-abcdefghij")).toBeUndefined();
});

/** Problems without Chinese words, as `<service>.<name>`. */
function untranslated(declared: readonly string[]): string[] {
  return declared.filter((reason) => {
    const texts = chinese.problem[reason];
    return texts === undefined || !/\p{Script=Han}/u.test(texts.message + texts.fix);
  });
}

test("every problem that a contract declares has words in both languages", () => {
  expect(untranslated(["waf.thereIsNoSuchProblem"])).toHaveLength(1);
  const declared = contracts.flatMap(({ problems }) => Object.keys(problems));
  expect(untranslated([...declared, ...Object.keys(kernelProblems)])).toEqual([]);
});

test("every type of event has words in both languages, and no words are of one that is gone", () => {
  const declared = contracts.flatMap(({ events }) => events).toSorted();
  // What a channel's test is told by, which is no event.
  expect(Object.keys(eventTypeWords).toSorted()).toEqual([...declared, "notify.test"].toSorted());
});

test("no translation is left of a problem or an operation that is gone", () => {
  const reasons = new Set([
    ...contracts.flatMap(({ problems }) => Object.keys(problems)),
    ...Object.keys(kernelProblems),
  ]);
  expect(Object.keys(chinese.problem).filter((reason) => !reasons.has(reason))).toEqual([]);
  for (const { service, operations } of contracts) {
    const keys = Object.keys(serviceWords[service]?.operation ?? {});
    expect(keys.filter((key) => !Object.hasOwn(operations, key))).toEqual([]);
  }
});

test("every operation has a title in both languages", () => {
  const missing = contracts.flatMap(({ service, operations }) =>
    Object.keys(operations)
      .filter((key) => serviceWords[service]?.operation[key] === undefined)
      .map((key) => `${service}.${key}`),
  );
  expect(missing).toEqual([]);
});

/** Every table of texts that some code composes from, whether its contract names it or not. */
async function composedTexts(): Promise<Texts> {
  const source = join(programFolder, "src");
  const files = readdirSync(source, { recursive: true, encoding: "utf8" }).filter((name) =>
    /(?:^|[/-])texts\.ts$/.test(name),
  );
  const tables = await Promise.all(
    files.map(async (name): Promise<object[]> => Object.values(await import(join(source, name)))),
  );
  return Object.assign({}, ...tables.flat().filter((one) => typeof one === "object"));
}

test("every text that the server composes has words in both languages, with the same values", async () => {
  const composed = await composedTexts();
  expect(Object.keys(composed)).toContain("incident.attack.sqli");
  expect(Object.keys(english.text).toSorted()).toEqual(Object.keys(composed).toSorted());
  const places = (text: string) => [...text.matchAll(/\{\w+\}/g)].map(String).toSorted();
  for (const [code, [first, second]] of Object.entries(composed)) {
    expect([english.text[code], chinese.text[code]], code).toEqual([first, second]);
    expect(places(second), code).toEqual(places(first));
    expect(/\p{Script=Han}/u.test(second) && !/\p{Script=Han}/u.test(first), code).toBe(true);
  }
});

test("what is composed has no other place than the tables of texts", () => {
  const source = join(programFolder, "src");
  const makers = readdirSync(source, { recursive: true, encoding: "utf8" }).filter(
    (name) => /\.ts$/.test(name) && /\btellerOf\(/.test(readFileSync(join(source, name), "utf8")),
  );
  const allowed = /(?:^|[/-])texts\.ts$|^lib\/coded-text(?:\.test)?\.ts$/;
  expect(makers.filter((name) => !allowed.test(name))).toEqual([]);
});

test("a composed text is told in the chosen language, and as it came where it has no code", () => {
  const item = {
    title: "Attack on a{b}.example",
    titleCoded: { code: "incident.finding.generic", values: { host: "a{host}.example" } },
    detail: "as somebody wrote it",
    detailCoded: null,
  };
  expect(toldField(chinese.text, item, "title")).toBe("a{host}.example 遭受攻击");
  expect(toldField(english.text, item, "title")).toBe("Attack on a{host}.example");
  expect(toldField(chinese.text, item, "detail")).toBe("as somebody wrote it");
  const older = { title: "Attack on b.example" };
  expect(toldField(chinese.text, older, "title")).toBe("Attack on b.example");
  const newer = { title: "New", titleCoded: { code: "constructor", values: {} } };
  expect(toldField(chinese.text, newer, "title")).toBe("New");
});

/** Values of enumerations that stand for words: not GET, ES256 or 3, and no column's name. */
function enumWords({ operations }: Contract): string[] {
  const found: string[] = [];
  const walk = (schema: unknown): void => {
    if (typeof schema !== "object" || schema === null) return;
    if ("enum" in schema && Array.isArray(schema.enum)) found.push(...schema.enum.map(String));
    for (const [name, child] of Object.entries(schema)) {
      if (name !== "filters" && name !== "sorts") walk(child);
    }
  };
  for (const { input, output } of Object.values(operations)) walk([input, output]);
  return found.filter((value) => /[a-z]{2}/.test(value));
}

test("every value of an enumeration has words", () => {
  const values = contracts.flatMap(enumWords);
  expect(values).toContain("observe");
  const known = { ...english.field, ...english.value };
  expect([...new Set(values)].filter((value) => !Object.hasOwn(known, value))).toEqual([]);
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

test("every compliance rule has a Chinese title and fix", () => {
  expect(Object.keys(complianceChinese)).toEqual(complianceRules);
});

test("what a compliance check saw is told in Chinese, with what was seen in it", () => {
  expect(Object.keys(evidenceChinese)).toEqual(Object.values(evidenceTexts));
  const said = evidenceOf("trusted", { subject: "shop.example", days: 61 });
  expect(evidenceInChinese(said)).toBe("shop.example：受信任，剩余 61 天");
  const cookies = ["sid", "lang"].map((cookie) =>
    evidenceOf("cookieLacks", { cookie, attributes: "secure, samesite" }),
  );
  expect(evidenceInChinese(cookies.join("; "))).toBe(
    "sid 缺少 secure, samesite；lang 缺少 secure, samesite",
  );
  // What the site sent itself is nobody's words of ours.
  expect(evidenceInChinese("max-age=300; preload")).toBe("max-age=300; preload");
  for (const text of Object.values(evidenceTexts)) {
    expect(evidenceInChinese(text)).toBe(evidenceChinese[text]);
  }
});
