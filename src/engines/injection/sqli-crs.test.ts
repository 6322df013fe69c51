import { existsSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { transformations } from "../seclang/transformations.ts";
import { detectSqli } from "./sqli.ts";

const FOLDER = new URL("../../../../shared/conformance/crs/", import.meta.url);

function scalar(line: string): string {
  const text = line.trim();
  if (text.startsWith("'")) return text.slice(1, -1).replaceAll("''", "'");
  if (text.startsWith('"'))
    return text
      .slice(1, -1)
      .replace(/\\(?:x([0-9a-f]{2})|(["\\]))/gi, (_all, hex?: string, sign?: string) =>
        hex === undefined ? (sign ?? "") : String.fromCharCode(Number.parseInt(hex, 16)),
      );
  return text;
}

/** The arguments of a request's URI, body or header line, decoded as rule 942100 does. */
function values(line: string): string[] {
  const decode = transformations.urldecodeuni;
  if (decode === undefined) throw new Error('find transformation: "urldecodeuni" is missing');
  const text = scalar(line);
  const query = text.includes("?") ? text.slice(text.indexOf("?") + 1) : text;
  const parts = query.split("&").map((pair) => pair.slice(pair.indexOf("=") + 1));
  const xml = [...text.matchAll(/="([^"]*)"/g)].map((found) => found[1] ?? "");
  return [text, ...parts, ...xml].map(decode);
}

describe("detectSqli on the rule set's own payloads", () => {
  for (const version of ["v3.3.4", "v4.28.0"]) {
    const file = new URL(`${version}/REQUEST-942-APPLICATION-ATTACK-SQLI/942100.yaml`, FOLDER);
    test.skipIf(!existsSync(file))(`agrees with CRS ${version} 942100`, () => {
      const cases = readFileSync(file, "latin1")
        .split(/\btest_(?:id|title):/)
        .slice(1);
      const wrong = cases.filter((text) => {
        const lines = [...text.matchAll(/^\s+(?:- )?(?:uri|data|User-Agent): (.*)$/gm)];
        const found = lines.some((l) =>
          values(l[1] ?? "").some((v) => detectSqli(v) !== undefined),
        );
        return found === /\bno_(?:expect_ids|log_contains):/.test(text);
      });
      expect(cases.length).toBeGreaterThan(0);
      const numbers = wrong.map((text) => /(\d+)\s*$/m.exec(text)?.[1]);
      // 13 splices bare words between two pipes: the gap that sqli.test.ts names.
      expect(numbers.filter((number) => number !== "13")).toEqual([]);
    });
  }

  test.each([
    "Please select a size from the list, then update your order.",
    "It's fine - we don't union anything; see you at 5 o'clock (or 6).",
    "const total = items.filter((i) => i.price > 10).length;",
    "for (let i = 0; i < n; i++) { sum += a[i]; }",
    Buffer.from("请从列表中选择一个尺寸,然后更新订单;谢谢(1件或2件)。").toString("latin1"),
    Buffer.from("他说“可以”,价格是 100 元 - 不贵!").toString("latin1"),
  ])("leaves %j alone", (value) => expect(detectSqli(value)).toBeUndefined());
});
