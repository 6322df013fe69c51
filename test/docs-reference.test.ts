/** The OpenAPI document and its page: complete, valid in structure, usable offline. */
import { existsSync } from "node:fs";
import AxeBuilder from "@axe-core/playwright";
import { chromium } from "playwright-core";
import { expect, test } from "vitest";
import { contracts } from "../src/catalog.ts";
import { openapiOf } from "../src/kernel/http/openapi.ts";
import { startStack } from "./stack.ts";

const CHROMIUM = "/usr/bin/chromium";
const METHODS = ["get", "post", "put", "patch", "delete"];
const names = contracts.flatMap(({ operations }) => Object.values(operations).map((o) => o.name));

type Json = Record<string, unknown>;
const fieldsOf = (value: unknown): Json =>
  typeof value === "object" && value !== null ? Object.fromEntries(Object.entries(value)) : {};
const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);

/** Breaches of the OpenAPI 3.1.0 rules that concern this document (sections 4.8.1 to 4.8.17). */
function faultsOf(document: Json): string[] {
  const faults: string[] = [];
  const need = (holds: boolean, fault: string) => {
    if (!holds) faults.push(fault);
  };
  const info = fieldsOf(document.info);
  need(/^3\.1\.\d+$/.test(String(document.openapi)), "openapi is 3.1.x");
  need(typeof info.title === "string" && typeof info.version === "string", "info is whole");
  const tags = listOf(document.tags).map((tag) => fieldsOf(tag).name);
  need(new Set(tags).size === tags.length, "tags are unique");
  const seen = new Set<unknown>();
  const schemes = Object.keys(fieldsOf(fieldsOf(document.components).securitySchemes));
  for (const [path, item] of Object.entries(fieldsOf(document.paths))) {
    need(path.startsWith("/"), `${path} starts with a slash`);
    for (const [method, value] of Object.entries(fieldsOf(item))) {
      const operation = fieldsOf(value);
      const at = `${method} ${path}`;
      need(METHODS.includes(method), `${at}: method`);
      need(!seen.has(operation.operationId), `${at}: operationId is unique`);
      seen.add(operation.operationId);
      for (const tag of listOf(operation.tags)) need(tags.includes(tag), `${at}: tag ${tag}`);
      faults.push(...parameterFaults(path, operation).map((fault) => `${at}: ${fault}`));
      const responses = Object.entries(fieldsOf(operation.responses));
      need(responses.length > 0, `${at}: has responses`);
      for (const [code, response] of responses) {
        need(/^[1-5]\d\d$/.test(code), `${at}: response ${code}`);
        need(typeof fieldsOf(response).description === "string", `${at}: ${code} is described`);
      }
      const body = operation.requestBody;
      if (body !== undefined) {
        need(method !== "get" && method !== "delete", `${at}: has no body`);
        need(Object.keys(fieldsOf(fieldsOf(body).content)).length > 0, `${at}: body has a type`);
      }
      for (const rule of listOf(operation.security ?? document.security)) {
        for (const name of Object.keys(fieldsOf(rule)))
          need(schemes.includes(name), `${at}: ${name}`);
      }
    }
  }
  return [...faults, ...referenceFaults(document, document)];
}

function parameterFaults(path: string, operation: Json): string[] {
  const parameters = listOf(operation.parameters).map(fieldsOf);
  const keys = parameters.map((one) => `${one.in} ${one.name}`);
  const inPath = parameters.filter((one) => one.in === "path");
  const wanted = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
  return [
    ...(new Set(keys).size === keys.length ? [] : ["parameters are unique"]),
    ...(inPath.every((one) => one.required === true) ? [] : ["path parameters are required"]),
    ...(parameters.every((one) => one.schema !== undefined) ? [] : ["parameters have schemas"]),
    ...(String(wanted.toSorted()) === String(inPath.map((one) => one.name).toSorted())
      ? []
      : ["path and parameters agree"]),
  ];
}

/** References that lead nowhere. */
function referenceFaults(document: Json, value: unknown): string[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => {
    if (key !== "$ref" || typeof inner !== "string") return referenceFaults(document, inner);
    let target: unknown = document;
    for (const name of inner.split("/").slice(1)) target = fieldsOf(target)[name];
    return target === undefined ? [`${inner} leads nowhere`] : [];
  });
}

const document = openapiOf(contracts, "0.0.0");

test("every operation of every contract is in the document, and nothing else", () => {
  const listed = Object.values(fieldsOf(document.paths)).flatMap((item) =>
    Object.values(fieldsOf(item)).map((operation) => fieldsOf(operation).operationId),
  );
  expect(listed.toSorted()).toEqual(names.toSorted());
});

test("the document keeps the structure rules of OpenAPI 3.1, which find planted faults", () => {
  expect(faultsOf(document)).toEqual([]);
  const planted = structuredClone(JSON.parse(JSON.stringify(document)));
  planted.paths["/v1/waf/sites/{siteId}"].get.parameters = [];
  planted.paths["/v1/waf/sites"].get.responses["400"] = { $ref: "#/components/schemas/None" };
  planted.paths["/v1/waf/sites"].post.operationId = "waf.listSites";
  expect(faultsOf(planted).length).toBeGreaterThanOrEqual(4);
});

test.skipIf(!existsSync(CHROMIUM))(
  "the reference page shows every operation in both languages without script, other hosts or " +
    "accessibility violations (needs Chromium)",
  { timeout: 600_000 },
  async () => {
    const stack = await startStack();
    const browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] });
    try {
      const context = await browser.newContext({ ignoreHTTPSErrors: true });
      const page = await context.newPage();
      const origin = `https://127.0.0.1:${stack.consolePort}`;
      const asked: string[] = [];
      const said: string[] = [];
      page.on("request", (request) => asked.push(new URL(request.url()).origin));
      page.on("console", (message) => said.push(message.text()));
      await page.goto(`${origin}/v1/reference`);
      expect((await page.locator("article h3").allTextContents()).toSorted()).toEqual(
        names.toSorted(),
      );
      expect(await page.locator("script, style, [style]").count()).toBe(0);
      const { violations } = await new AxeBuilder({ page }).analyze();
      expect(violations.map(({ id }) => id)).toEqual([]);
      await page.keyboard.press("Tab");
      await page.keyboard.press("Enter");
      expect(await page.evaluate("document.activeElement.id")).toBe("operations");
      await page.goto(`${origin}/v1/reference?lang=zh-CN`);
      expect(await page.locator("h1").textContent()).toContain("API 参考");
      expect(await page.locator("article").count()).toBe(names.length);
      expect(new Set(asked)).toEqual(new Set([origin]));
      expect(said).toEqual([]);
    } finally {
      await browser.close();
      await stack.stop();
    }
  },
);
