/**
 * The rules of the house, kept by a test: each rule finds nothing in the tree that is not listed
 * in `tools/tidy/known.ts`, and each rule is shown samples that it must refuse.
 */
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { blank } from "../tools/tidy/blank.ts";
import { KNOWN } from "../tools/tidy/known.ts";
import { RULES } from "../tools/tidy/rules.ts";
import { readTree, type Tree } from "../tools/tidy/tree.ts";

const tree = readTree(fileURLToPath(new URL("..", import.meta.url)));
const lines = (count: number, line: string) => `${line}\n`.repeat(count);
const imports = (path: string) => `import { x } from "${path}";\n`;

type Sample = Readonly<Record<string, string>>;

/** Per rule: trees that break it, one fault each. */
const BAD: Readonly<Record<string, readonly Sample[]>> = {
  "import rule": [
    { "src/lib/a.ts": imports("node:path") },
    { "src/lib/a.ts": imports("../kernel/id.ts") },
    { "src/engines/x/a.ts": imports("node:fs") },
    { "src/engines/x/a.ts": imports("../../kernel/id.ts") },
    { "src/kernel/a.ts": imports("../services/iam/contract.ts") },
    { "src/services/waf/a.ts": imports("../iam/store.ts") },
    { "src/services/waf/a.ts": imports("../../daemons/gateway/a.ts") },
    { "src/daemons/gateway/a.ts": imports("../../services/waf/service.ts") },
    { "src/daemons/gateway/a.ts": imports("../lake/a.ts") },
    { "src/cli/a.ts": imports("../services/waf/domain.ts") },
    { "src/cli/a.ts": 'const x = await import("../app.ts");\n' },
    { "src/kernel/a.test.ts": imports("../app.ts") },
    { "src/daemons/a.ts": imports("../app/services.ts") },
    { "src/catalog.ts": imports("./services/waf/service.ts") },
    { "console/src/a.tsx": imports("../../src/services/waf/store.ts") },
    { "packages/a/src/a.ts": imports("../../../src/lib/cidr.ts") },
    { "packages/a/src/a.ts": imports("fastify") },
    { "src/services/waf/a.ts": imports("../../../packages/a/src/a.ts") },
  ],
  "import cycles": [
    {
      "src/lib/a.ts": imports("./b.ts"),
      "src/lib/b.ts": imports("./c.ts"),
      "src/lib/c.ts": 'export { x } from "./a.ts";\n',
    },
  ],
  "file length": [{ "src/a.ts": lines(401, "f();") }],
  "line length": [
    { "src/a.ts": `const ${"a ".repeat(50)}= 1;\n` },
    { "src/a.ts": `// ${"why ".repeat(30)}\n` },
    { "src/a.ts": `f(${"a, ".repeat(40)}"text");\n` },
  ],
  "function length": [
    { "src/a.ts": `export async function f(): void {\n${lines(70, "  g();")}}\n` },
    { "src/a.ts": `const f = (a) => {\n${lines(70, "  g();")}};\n` },
    { "src/a.ts": `test("x", () => {\n${lines(70, "  g();")}});\n` },
    {
      "src/a.ts": `function f() {\n  return {\n    g() {\n${lines(70, "      h();")}    },\n  };\n}\n`,
    },
    { "src/a.ts": `function f() {\n  g();\n  return {\n${lines(70, "    a,")}  };\n}\n` },
    { "src/a.ts": `class A {\n  run(): void {\n${lines(70, "    g();")}  }\n}\n` },
    { "src/a.ts": `function f({\n  a,\n}: {\n  a: 1;\n}): void {\n${lines(70, "  g();")}}\n` },
  ],
  "file names": [
    { "src/lib/utils.ts": "" },
    { "src/kernel/job-manager.ts": "" },
    { "src/common/a.ts": "" },
    { "src/lib/someThing.ts": "" },
  ],
  "strict types": [
    { "src/a.ts": "const a: any = 1;\n" },
    { "src/a.ts": "const a = b as any;\n" },
    { "src/a.ts": "const a: Map<string, any> = b;\n" },
    { "src/a.ts": "const a = b!.c;\n" },
    { "src/a.ts": `// @ts-${"ignore"}\n` },
  ],
  "left-overs": [{ "src/a.ts": `// ${"TO"}${"DO"}: later\n` }, { "a.md": `${"FIX"}${"ME"}\n` }],
  "service files": [
    {
      "src/services/kms/README.md": "# kms",
      "src/services/kms/contract.ts": "",
      "src/services/kms/domain.ts": "",
      "src/services/kms/service.ts": "",
      "src/services/kms/kms.test.ts": "",
    },
  ],
  "pure domain": [
    { "src/services/kms/domain.ts": "const a = await b;\n" },
    { "src/services/kms/domain.ts": "const a = Date.now();\n" },
    { "src/services/kms/domain.ts": "const a = new Date();\n" },
    { "src/services/kms/domain.ts": "const a = Math.random();\n" },
    { "src/services/kms/domain.ts": "const a = process.env.A;\n" },
    { "src/services/kms/domain/key.ts": imports("node:crypto") },
  ],
  "decision numbers": [
    { "docs/decisions/0001-a.md": "# a", "docs/decisions/0001-b.md": "# b" },
    { "docs/decisions/own-parser.md": "# a" },
  ],
  "one title": [{ "a.md": "text\n" }, { "a.md": "# One\n\n# Two\n" }],
  "foreign places": [
    { "a.md": `see ${"/wo"}${"rk/"}main\n` },
    { "package-lock.json": `https://${"registry."}${"npmjs."}org/a.tgz\n` },
  ],
};

/** Keeps every rule, close to what the bad samples break. */
const GOOD: Sample = {
  "src/lib/cidr.ts": 'export const x = "any! TO" + "DO";\n',
  "src/engines/x/a.ts": `${imports("../../lib/cidr.ts")}${imports("../y/b.ts")}`,
  "src/engines/x/a.test.ts": imports("node:fs"),
  "src/kernel/a.ts": `// from "../services/iam/store.ts"\n${imports("node:fs")}`,
  "src/services/kms/README.md": "# kms\n\n```sh\n# a comment\n```\n",
  "src/services/kms/contract.ts": "",
  "src/services/kms/domain.ts": "export const at = (time: number) => new Date(time); // await\n",
  "src/services/kms/service.ts": `${imports("./store.ts")}${imports("../waf/contract.ts")}`,
  "src/services/kms/store.ts": `export const sql = "${"x".repeat(120)}";\n`,
  "src/services/kms/kms.test.ts": "",
  "src/app.ts": imports("./app/services.ts"),
  "src/cli/a.ts": imports("../../packages/a/src/a.ts"),
  "packages/a/src/a.ts": `${imports("node:crypto")}${imports("./b.ts")}`,
  "src/app/services.ts": imports("../services/kms/service.ts"),
  "docs/decisions/0001-a.md": "# a",
  "docs/decisions/0002-b.md": "# b",
  "src/kernel/c.ts": `function f() {\n  return {\n${lines(90, "    a: () => 1,")}  };\n}\n`,
  "src/kernel/b.ts": `function f(): void {\n${lines(68, "  if (a != b && !c) g();")}}\n`,
};

const asTree = (sample: Sample): Tree => new Map(Object.entries(sample));

describe.each(Object.entries(RULES))("%s", (name, rule) => {
  test("the tree keeps the rule, except where it is known not to", () => {
    const known = new Set(KNOWN.filter((entry) => entry.rule === name).map(({ path }) => path));
    const faults = rule(tree);
    const broken = new Set(faults.map(({ path }) => path));
    for (const path of known) process.stdout.write(`known fault: ${name}: ${path}\n`);
    const fresh = faults.filter(({ path }) => !known.has(path));
    expect(fresh.map(({ path, message }) => `${path}: ${message}`)).toEqual([]);
    expect([...known].filter((path) => !broken.has(path)).map((path) => `${path}: kept`)).toEqual(
      [],
    );
  });

  test("each bad sample is refused once", () => {
    const samples = BAD[name] ?? [];
    expect(samples.length).toBeGreaterThan(0);
    expect(samples.filter((sample) => rule(asTree(sample)).length !== 1)).toEqual([]);
  });

  test("a tree that keeps the rules is not refused", () => {
    expect(rule(asTree(GOOD))).toEqual([]);
  });
});

test("every known fault names a rule that exists", () => {
  expect(KNOWN.filter(({ rule }) => RULES[rule] === undefined)).toEqual([]);
});

test("the tree is really read", () => {
  expect(tree.get("src/cli/main.ts")).toContain("import");
  expect(tree.size).toBeGreaterThan(100);
});

test("literals are blanked, nested templates and slashes included", () => {
  expect(blank('a("x /* y", /[/"]/g) / b; // c\nd')).toBe("a(, g) / b; \nd");
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the text is code to be blanked
  expect(blank("a(`b ${c({ d: `e ${f}` })} g`, h);")).toBe("a(c({ d: f }), h);");
});
