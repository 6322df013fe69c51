/**
 * The language's public vectors for operators and transformations, as ModSecurity and Coraza
 * publish them: JSON files in folders `operators` and `transformations`, which are two families of
 * the same origin. They are not part of this repository; CORDON_SECLANG_VECTORS names such folders,
 * separated as in PATH, or one lies with the conformance data.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, delimiter, join } from "node:path";
import Type from "typebox";
import { Value } from "typebox/value";
import { describe, expect, test } from "vitest";
import { compileOperator } from "../../src/engines/seclang/operators/compile.ts";
import { transformations } from "../../src/engines/seclang/transformations.ts";
import { programFolder } from "../../src/kernel/config.ts";

const given =
  process.env.CORDON_SECLANG_VECTORS ??
  join(programFolder, "..", "shared", "conformance", "seclang");
const folders = given.split(delimiter).filter((folder) => existsSync(join(folder, "operators")));
const skipped = folders.length > 0 ? "" : ` (skipped: there is no ${given}/operators)`;

const Vectors = Type.Array(
  Type.Object({
    name: Type.String(),
    input: Type.Optional(Type.String()),
    param: Type.Optional(Type.String()),
    output: Type.Optional(Type.String()),
    ret: Type.Integer(),
    /** What the matches have captured, one behind the other; not always all of it. */
    re_groups: Type.Optional(Type.Array(Type.String())),
  }),
);
type Vector = Type.Static<typeof Vectors>[number] & { readonly of: string };

/** A file is named after what it tests; the names within are not always. */
function vectorsOf(folder: string, kind: string): Vector[] {
  const files = readdirSync(join(folder, kind)).filter((name) => name.endsWith(".json"));
  return files.flatMap((name) => {
    const vectors: unknown = JSON.parse(readFileSync(join(folder, kind, name), "utf8"));
    return Value.Parse(Vectors, vectors).map((one) => ({ ...one, of: basename(name, ".json") }));
  });
}

/**
 * What the files may mean: characters or their UTF-8, with `\x41` and `\u0041` or not. As in the
 * test programs of both families `\x` takes two letters of any kind, and those that are no number
 * are 0.
 */
function readingsOf(text: string): string[] {
  const utf8 = Buffer.from(text, "utf8").toString("latin1");
  const isLatin1 = [...text].every((char) => char.charCodeAt(0) < 256);
  const unescaped = (one: string): string =>
    one.replace(/\\x([0-9a-z]{2})|\\u00([0-9a-f]{2})/gi, (_, a?: string, b?: string) =>
      String.fromCharCode(Number.parseInt(a ?? b ?? "", 16) || 0),
    );
  const plain = isLatin1 ? [text, utf8] : [utf8];
  return [...plain, ...plain.map(unescaped)];
}

/** How many vectors give another answer here, by file; the reasons are in docs/conformance.md. */
const DIFFERENT = {
  ModSecurity: {
    transformations: { cssDecode: 1 },
    operators: { detectSQLi: 1, validateByteRange: 2 },
  },
  Coraza: {
    transformations: { cssDecode: 2, hexDecode: 2, urlDecodeUni: 4 },
    operators: { ipMatch: 1, detectSQLi: 1, validateByteRange: 1 },
  },
} as const;
/** Operators that are refused when a rule is loaded. */
const REFUSED = /^validateSchema$/;

const familyOf = (folder: string): keyof typeof DIFFERENT =>
  existsSync(join(folder, "operators", "nids.json")) ? "Coraza" : "ModSecurity";

function countsOf(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

const captured = (groups: readonly (string | undefined)[] | undefined): string =>
  (groups ?? []).filter((group) => group !== undefined && group !== "").join("|");

describe.skipIf(folders.length === 0).each(folders.length > 0 ? folders : [given])(
  "%s",
  (folder) => {
    const known = DIFFERENT[familyOf(folder)];

    test(`transformations give the published bytes, but for those named${skipped}`, () => {
      const vectors = vectorsOf(folder, "transformations");
      const different = vectors.flatMap(({ of, input = "", output = "" }) => {
        const apply = transformations[of.toLowerCase()];
        if (apply === undefined) return [of];
        const wanted = readingsOf(output);
        return readingsOf(input).some((text) => wanted.includes(apply(text))) ? [] : [of];
      });
      console.info(`${vectors.length} of transformations, ${different.length} different`);
      expect(countsOf(different)).toEqual(known.transformations);
    });

    test(`operators match what they must and nothing else, but for those named${skipped}`, () => {
      const dataFile = (name: string): string | undefined => {
        const file = join(folder, "operators", "op", basename(name));
        return existsSync(file) ? readFileSync(file, "latin1") : undefined;
      };
      let judged = 0;
      const vectors = vectorsOf(folder, "operators");
      const different = vectors.flatMap(
        ({ of, input = "", param = "", ret, re_groups: groups }) => {
          if (REFUSED.test(of)) return [];
          const [argument = ""] = readingsOf(param);
          // Coraza keeps the numbers of all countries in one file.
          const name = of === "nids" ? "validateNid" : of;
          const operator = compileOperator(name, argument, { dataFile });
          // A malformed argument is an error when rules are loaded, not a rule that never matches.
          if ("error" in operator) return ret === 0 ? [] : [of];
          judged += 1;
          const passes = readingsOf(input).some((text) => {
            const match = operator.match(text, argument);
            if ((match !== undefined) !== (ret === 1)) return false;
            return groups === undefined || captured(match?.captures).startsWith(captured(groups));
          });
          return passes ? [] : [of];
        },
      );
      console.info(
        `${vectors.length} of operators, ${judged} judged, ${different.length} different`,
      );
      expect(judged).toBeGreaterThan(1_000);
      expect(countsOf(different)).toEqual(known.operators);
    });
  },
);
