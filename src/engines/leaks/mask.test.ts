import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createMasker, type LeakKind } from "./mask.ts";
import { isBankCard, isIdentityNumber } from "./numbers.ts";

const all = new Set<LeakKind>(["idCard", "phone", "email", "bankCard", "stackTrace"]);
const without = new Set<LeakKind>(["idCard", "phone", "email", "bankCard"]);
const mask = (text: string, kinds = all) => {
  const masker = createMasker(kinds);
  return masker.push(text) + masker.end();
};

test("each kind is masked, as long as it was, with what tells it apart left readable", () => {
  const cases = [
    ["id 11010519491231002X.", "id 110*************2X."],
    ['{"p":"13800138000"}', '{"p":"138****8000"}'],
    ["+86 138-0013-8000", "+86 1**-****-8000"],
    ["4111 1111 1111 1111", "**** **** **** 1111"],
    ["6222021234567890128", mask("6222021234567890128")],
    ["<a>ann.lee@example.com</a>", "<a>a******@example.com</a>"],
  ];
  for (const [text = "", wanted = ""] of cases) {
    expect(mask(text)).toBe(wanted);
    expect(wanted).toHaveLength(text.length);
  }
});

test("numbers without a right check digit, and parts of longer words, stay", () => {
  const texts = [
    "110105194912310021",
    "4111111111111112",
    "1700000000000",
    "order-13800138000x",
    "0.13800138000",
    "12345678901",
    "a@b",
    "look at the (nice) sea",
  ];
  for (const text of texts) expect(mask(text)).toBe(text);
});

test("lines of stack traces of six languages are covered, prose is not", () => {
  const lines = [
    "at com.foo.Bar.baz(Bar.java:12)",
    "at Object.<anonymous> (/app/x.js:1:2)",
    "at file:///app/x.js:10:20",
    "at A.B.C(String d) in C:\\e.cs:line 12",
    'File "/app/x.py", line 12, in f',
    "#0 /var/www/x.php(12): foo('a')",
    "/go/src/x.go:12 +0x1a",
  ];
  for (const line of lines) {
    expect(mask(`Error\n    ${line}\nend`)).toBe(`Error\n    ${"*".repeat(line.length)}\nend`);
  }
});

describe("pieces", () => {
  const sample =
    'x 11010519491231002X,"13800138000" 4111-1111-1111-1111 ann@example.com\n  at a.b(C.java:1)\nend';
  test("where a text is cut never changes what is masked", () => {
    const whole = mask(sample);
    for (let cut = 0; cut <= sample.length; cut++) {
      const masker = createMasker(all);
      const out = masker.push(sample.slice(0, cut)) + masker.push(sample.slice(cut)) + masker.end();
      expect(out, `cut at ${cut}`).toBe(whole);
    }
  });

  test("any text in any pieces keeps its length and is masked as a whole", () => {
    const part = fc.constantFrom(
      ...["13800138000", "11010519491231002X", "4111111111111111", "a.b@c.de", " ", "\n", "-"],
      ...["1", "x", "at f (/a.js:1:2)", "{", '"', "\xe4", "@", "."],
    );
    fc.assert(
      fc.property(fc.array(fc.array(part, { maxLength: 6 }), { maxLength: 12 }), (pieces) => {
        const texts = pieces.map((parts) => parts.join(""));
        const masker = createMasker(without);
        const out = texts.map((text) => masker.push(text)).join("") + masker.end();
        expect(out).toBe(mask(texts.join(""), without));
        expect(out).toHaveLength(texts.join("").length);
      }),
    );
  });

  test("events of a stream are not held back, and little of anything is", () => {
    const masker = createMasker(without);
    expect(masker.push('data: {"a":1}\n\n')).toBe('data: {"a":1}\n\n');
    expect(masker.push("a".repeat(10_000)).length).toBeGreaterThanOrEqual(9_000);
  });
});

test("check digits: the standards' own samples", () => {
  expect(isIdentityNumber("11010519491231002X")).toBe(true);
  expect(isIdentityNumber("440524188001010014")).toBe(false);
  expect(isBankCard("378282246310005")).toBe(true);
  expect(isBankCard("5555555555554444")).toBe(true);
});
