import { expect, test } from "vitest";
import { transformations } from "../transformations.ts";

test("phpArgsNames gives the name under which PHP keeps a variable", () => {
  const names = [
    ["plain", "plain"],
    ["  a.b c", "a_b_c"],
    ["a.b[c.d][ ]e", "a_b[c.d][]"],
    ["a[b", "a_b"],
    ["a[b][c", "a[b]_c"],
    ["[a]", ""],
  ] as const;
  for (const [sent, kept] of names) expect(transformations.phpargsnames?.(sent)).toBe(kept);
});
