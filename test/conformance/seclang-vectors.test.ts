/**
 * The language's public vectors for operators and transformations, as ModSecurity and Coraza
 * publish them: JSON files in folders `operators` and `transformations`. They are not part of this
 * repository; CORDON_SECLANG_VECTORS names the folder, or it lies with the conformance data.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import Type from "typebox";
import { Value } from "typebox/value";
import { describe, expect, test } from "vitest";
import { compileOperator } from "../../src/engines/seclang/operators/compile.ts";
import { transformations } from "../../src/engines/seclang/transformations.ts";
import { programFolder } from "../../src/kernel/config.ts";

const folder =
  process.env.CORDON_SECLANG_VECTORS ??
  join(programFolder, "..", "shared", "conformance", "seclang");
const isThere = existsSync(join(folder, "operators"));
const skipped = isThere ? "" : ` (skipped: there is no ${folder}/operators)`;

const Vectors = Type.Array(
  Type.Object({
    name: Type.String(),
    input: Type.Optional(Type.String()),
    param: Type.Optional(Type.String()),
    output: Type.Optional(Type.String()),
    ret: Type.Integer(),
  }),
);

function vectorsOf(kind: string): Type.Static<typeof Vectors> {
  const files = readdirSync(join(folder, kind)).filter((name) => name.endsWith(".json"));
  return files.flatMap((name) =>
    Value.Parse(Vectors, JSON.parse(readFileSync(join(folder, kind, name), "utf8"))),
  );
}

/** What the files may mean: characters or their UTF-8, with `\x41` and `\u0041` or not. */
function readingsOf(text: string): string[] {
  const utf8 = Buffer.from(text, "utf8").toString("latin1");
  const isLatin1 = [...text].every((char) => char.charCodeAt(0) < 256);
  const unescaped = (one: string): string =>
    one.replace(/\\x([0-9a-f]{2})|\\u00([0-9a-f]{2})/gi, (_, a?: string, b?: string) =>
      String.fromCharCode(Number.parseInt(a ?? b ?? "", 16)),
    );
  const plain = isLatin1 ? [text, utf8] : [utf8];
  return [...plain, ...plain.map(unescaped)];
}

/**
 * Vectors that give another answer here, by name: the code page map of `urlDecodeUni` (no
 * SecUnicodeMapFile), wide characters that one of the engines writes as UTF-8 (`cssDecode`),
 * escapes that the notation of the file cannot tell from its own.
 */
const DIFFERENT: Readonly<Record<string, number>> = {
  cssDecode: 2,
  escapeSeqDecode: 1,
  urlDecodeUni: 4,
  // `::/80` and an IPv4-mapped address: their library turns that into IPv4 first.
  ipMatch: 1,
  // A bare call of a call, which is ordinary code as well.
  detectSQLi: 1,
  // Without a range the rule is refused when it is loaded.
  validateByteRange: 1,
};
/** Operators that are refused when a rule is loaded. */
const REFUSED = /^(validateNid|validateSchema|verifycpf|verifyssn|verifysvnr)$/;

function countsOf(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

const only = (names: readonly string[]): Record<string, number> =>
  Object.fromEntries(Object.entries(DIFFERENT).filter(([name]) => names.includes(name)));

describe.skipIf(!isThere)("the language's public vectors", () => {
  test(`transformations give the published bytes, but for those named${skipped}`, () => {
    const different = vectorsOf("transformations").flatMap(({ name, input = "", output = "" }) => {
      const apply = transformations[name.toLowerCase()];
      if (apply === undefined) return [];
      const wanted = readingsOf(output);
      return readingsOf(input).some((text) => wanted.includes(apply(text))) ? [] : [name];
    });
    const names = ["cssDecode", "escapeSeqDecode", "urlDecodeUni"];
    expect(countsOf(different)).toEqual(only(names));
  });

  test(`operators match what they must and nothing else, but for those named${skipped}`, () => {
    const dataFile = (name: string): string | undefined => {
      const file = join(folder, "operators", "op", basename(name));
      return existsSync(file) ? readFileSync(file, "latin1") : undefined;
    };
    let judged = 0;
    const different = vectorsOf("operators").flatMap(({ name, input = "", param = "", ret }) => {
      if (REFUSED.test(name)) return [];
      const [argument = ""] = readingsOf(param);
      const operator = compileOperator(name, argument, { dataFile });
      // A malformed argument is an error when rules are loaded, not a rule that never matches.
      if ("error" in operator) return ret === 0 ? [] : [name];
      judged += 1;
      const answers = readingsOf(input).map((text) => operator.match(text, argument) !== undefined);
      return answers.includes(ret === 1) ? [] : [name];
    });
    expect(judged).toBeGreaterThan(1_000);
    expect(countsOf(different)).toEqual(only(["ipMatch", "detectSQLi", "validateByteRange"]));
  });
});
