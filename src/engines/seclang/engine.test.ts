import { expect, test } from "vitest";
import {
  beginTransaction,
  compileExclusions,
  compileRuleset,
  type Ruleset,
  SecLangError,
  type Transaction,
  type TransactionOptions,
} from "./engine.ts";
import { CONNECTION } from "./test-kit.ts";

const compile = (text: string): Ruleset =>
  compileRuleset([{ name: "test.conf", text }], { dataFile: () => undefined });

function send(
  rules: string,
  target: string,
  options: TransactionOptions = {},
): Transaction & { readonly ids: readonly number[] } {
  const transaction = beginTransaction(compile(rules), CONNECTION, options);
  transaction.requestLine("GET", target, "HTTP/1.1", `GET ${target} HTTP/1.1`);
  transaction.requestHeaders(["Host", "X-A"], ["shop.example", "one"]);
  transaction.requestBody("");
  transaction.finish();
  return { ...transaction, ids: transaction.matches().map((match) => match.ruleId) };
}

const rule = (id: number, what: string, more = ""): string =>
  `SecRule ${what} "id:${id},phase:2,pass,log,t:none,msg:'m${id}'${more}"\n`;

test("setvar adds, subtracts, sets from macros and unsets", () => {
  const transaction = send(
    `SecAction "id:1,phase:1,pass,nolog,setvar:tx.a=5,setvar:'tx.b=%{tx.a}',setvar:tx.c=1"
     SecAction "id:2,phase:1,pass,nolog,setvar:'tx.a=+%{tx.b}',setvar:tx.b=-7,setvar:!tx.c"`,
    "/",
  );
  expect(transaction.variable("TX", "a")).toBe("10");
  expect(transaction.variable("TX", "b")).toBe("-2");
  expect(transaction.variable("TX", "c")).toBe("");
});

test("a rule that scores does so once for each variable that matches", () => {
  const rules = rule(1, 'ARGS "@contains x"', ",setvar:tx.score=+5");
  expect(send(rules, "/?a=x&b=y&c=x").variable("TX", "score")).toBe("10");
});

test("a chain matches only when every link does", () => {
  const rules = `${rule(1, 'ARGS:a "@streq 1"', ",chain")}SecRule ARGS:b "@streq 2" "setvar:tx.hit=1"\n`;
  const matches = send(rules, "/?a=1&b=2").matches();
  expect(matches.map((match) => [match.ruleId, match.variable])).toEqual([
    [1, "ARGS:a"],
    [1, "ARGS:b"],
  ]);
  expect(send(rules, "/?a=1&b=3").ids).toEqual([]);
  expect(send(rules, "/?a=1&b=3").variable("TX", "hit")).toBe("");
  expect(send(rules, "/?a=0&b=2").variable("TX", "hit")).toBe("");
});

test("skipAfter passes over every rule up to the marker and none behind it", () => {
  const rules =
    rule(1, 'ARGS:a "@streq 1"', ",skipAfter:END") +
    rule(2, 'ARGS:a "@rx ."') +
    "SecMarker END\n" +
    rule(3, 'ARGS:a "@rx ."');
  expect(send(rules, "/?a=1").ids).toEqual([1, 3]);
  expect(send(rules, "/?a=2").ids).toEqual([2, 3]);
});

test("ctl takes one variable from a later rule, and leaves its others", () => {
  const rules =
    `SecRule REQUEST_FILENAME "@beginsWith /in" "id:1,phase:1,pass,nolog,t:none,` +
    `ctl:ruleRemoveTargetById=2;ARGS:a"\n${rule(2, 'ARGS "@contains x"')}`;
  expect(send(rules, "/in?a=x").ids).toEqual([]);
  expect(send(rules, "/in?b=x").ids).toEqual([2]);
  expect(send(rules, "/out?a=x").ids).toEqual([2]);
});

test("an exclusion holds for its rule, below its path, for its variable only", () => {
  const rules = rule(1, 'ARGS "@contains x"') + rule(2, 'ARGS "@contains x"');
  const one = compileExclusions([{ pathPrefix: "/in", ruleId: 1, variable: "ARGS:a" }]);
  expect(send(rules, "/in?a=x", { exclusions: one }).ids).toEqual([2]);
  expect(send(rules, "/in?b=x", { exclusions: one }).ids).toEqual([1, 2]);
  expect(send(rules, "/out?a=x", { exclusions: one }).ids).toEqual([1, 2]);
  const whole = compileExclusions([{ pathPrefix: "/in", ruleId: 1, variable: null }]);
  for (const path of ["/in", "/in/", "/in/a//b", "/in/a;b"]) {
    expect(send(rules, `${path}?a=x`, { exclusions: one }).ids, path).toEqual([2]);
    expect(send(rules, `${path}?a=x`, { exclusions: whole }).ids, path).toEqual([2]);
  }
  for (const path of [
    "/inner",
    "/in/..;/a",
    "/in/%252e%252e/a",
    "/in%2f..%2fa",
    "/in/../a",
    "//in",
  ]) {
    expect(send(rules, `${path}?a=x`, { exclusions: one }).ids, path).toEqual([1, 2]);
    expect(send(rules, `${path}?a=x`, { exclusions: whole }).ids, path).toEqual([1, 2]);
  }
  expect(send(rules, "/out?b=x", { exclusions: whole }).ids).toEqual([1, 2]);
});

test("REQUEST_FILENAME is decoded once; an exclusion goes by the path as sent", () => {
  const rules = rule(1, 'REQUEST_FILENAME "@streq /a(b+%41"');
  expect(send(rules, "/a%28b+%2541?q").ids).toEqual([1]);
  for (const variable of [null, "REQUEST_FILENAME"]) {
    const exclusions = compileExclusions([{ pathPrefix: "/a(", ruleId: 1, variable }]);
    expect(send(rules, "/a%28b+%2541?q", { exclusions }).ids).toEqual([1]);
  }
});

test("& counts the items of a collection, and 0 when there are none", () => {
  const rules = rule(1, '&ARGS "@eq 2"') + rule(2, '&REQUEST_HEADERS:Cookie "@eq 0"');
  expect(send(rules, "/?a=1&b=2").ids).toEqual([1, 2]);
  expect(send(rules, "/?a=1").ids).toEqual([2]);
});

test("a negated operator matches where the operator does not; an excluded target is not asked", () => {
  const rules = rule(1, 'ARGS|!ARGS:/^free/ "!@rx ^[0-9]+$"');
  expect(send(rules, "/?a=1&freely=x").ids).toEqual([]);
  expect(send(rules, "/?a=x").ids).toEqual([1]);
});

test("capture keeps the groups of the last match for later rules", () => {
  const rules = rule(1, 'ARGS:a "@rx ^(.)(.)(z)?"', ",capture,setvar:'tx.k=%{tx.2}%{tx.1}'");
  const transaction = send(rules, "/?a=xy");
  expect(transaction.variable("TX", "0")).toBe("xy");
  expect(transaction.variable("TX", "k")).toBe("yx");
  expect(transaction.variable("TX", "3")).toBe("");
});

test("multiMatch asks after every transformation, otherwise only after the last", () => {
  const what = 'ARGS:a "@contains A"';
  expect(send(rule(1, what, ",t:lowercase"), "/?a=A").ids).toEqual([]);
  expect(send(rule(1, what, ",t:lowercase,multiMatch"), "/?a=A").ids).toEqual([1]);
});

test("an operator whose name has a digit is that operator, and never a regular expression", () => {
  const rules = rule(1, 'ARGS "@validateUtf8Encoding"');
  expect(send(rules, "/?a=%c0%af").ids).toEqual([1]);
  expect(send(rules, "/?a=%c3%a4").ids).toEqual([]);
});

test("a search that gives up is told to the rules behind it", () => {
  const rules =
    rule(1, 'ARGS:a "@rx ^(a+)(a+)(a+)(a+)\\1\\2\\3\\4b(?<!ab)$"') +
    rule(2, 'TX:MSC_PCRE_LIMITS_EXCEEDED "@eq 1"');
  expect(send(rules, `/?a=${"a".repeat(3_000)}b`).ids).toEqual([2]);
  expect(send(rules, "/?a=q").ids).toEqual([]);
});

test("every fault of a rule file is named with its file and line", () => {
  const text = `SecRule ARGS "@rx (" "id:1,phase:2"\n\nSecRule NOPE "@rx a" "id:2,phase:2"\n`;
  let caught: unknown;
  try {
    compile(text);
  } catch (error) {
    caught = error;
  }
  expect(caught).toBeInstanceOf(SecLangError);
  const faults = caught instanceof SecLangError ? caught.faults : [];
  expect(faults.map(({ file, line }) => `${file}:${line}`)).toEqual(["test.conf:1", "test.conf:3"]);
});

test("detectionOnly reports what it would have refused and refuses nothing", () => {
  const text = `SecRule ARGS "@contains x" "id:1,phase:1,deny,status:403,log,t:none,msg:'m'"`;
  const verdicts = (["on", "detectionOnly"] as const).map((engine) => {
    const transaction = beginTransaction(compile(text), CONNECTION, { engine });
    transaction.requestLine("GET", "/?a=x", "HTTP/1.1", "GET /?a=x HTTP/1.1");
    return [transaction.requestHeaders([], [])?.action, transaction.matches().length];
  });
  expect(verdicts).toEqual([
    ["deny", 1],
    [undefined, 1],
  ]);
});
