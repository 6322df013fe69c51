import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { detectSqli, SQLI_LIMITS, sqliSteps } from "./sqli.ts";

const ATTACKS = [
  "1234 OR 1=1",
  "-1839' or '1'='1",
  '-1839" or "1"="2',
  "2010-01-01'+sleep(20.to_i)+'",
  "EmptyValue' and 526=527",
  "foo') UNION ALL select NULL --",
  "foo')waitfor delay'5:0:20'--",
  "JKGHUKGDI8TDHLFJH72FZLFJSKFH' and sleep(12) --",
  "sleep(20)",
  'unittests@coreruleset.org" sleep(10.to_i) "',
  '"unittests@coreruleset.org"\')) and (select*from(select(sleep(5)))x) --',
  "1 union select 1,2,3",
  "admin'--",
  "1; drop table users",
  "1 order by 10",
  "x'; exec master..xp_cmdshell 'dir'--",
  "1/**/or/**/1=1",
  "1/*!50000union*/select 1,2",
  "PI() AND COS(PI())=-1",
  "' into outfile '/tmp/x'",
];

const BENIGN = [
  "O'Brien",
  "rock 'n' roll",
  "select a union representative",
  "drop the table by the window",
  "1 or 2",
  "sed do eiusmod",
  "the dogs' -- and cats",
  "href='#top'",
  "5' and 6' tall",
  "don't and can't",
];

describe("detectSqli", () => {
  test.each(ATTACKS)("finds %s", (value) => {
    expect(detectSqli(value)?.fingerprint).toMatch(/^.{2,}$/);
  });

  test.each(BENIGN)("leaves %s alone", (value) => {
    expect(detectSqli(value)).toBeUndefined();
  });

  test("finds a splice of bare words between two pipes (CRS v4 942100-13)", () => {
    expect(detectSqli('" | type %SystemDrive%\\\\config.ini | "')).toBeDefined();
  });

  test("finds a union behind a comment within a comment, and leaves path patterns alone", () => {
    expect(detectSqli("/post/*/*/2 union all/bar")).toBeDefined();
    expect(detectSqli("/api/*/*/2 credit union/bar")).toBeUndefined();
    expect(detectSqli("text/*, image/*")).toBeUndefined();
  });

  test("finds a bare sub-select that starts the value, and leaves a parenthesis in prose alone", () => {
    expect(detectSqli("(select*from users)")).toBeDefined();
    expect(detectSqli("(select count(*) from all_users t1,all_users t2)")).toBeDefined();
    expect(detectSqli("(select one from the list)")).toBeUndefined();
  });

  test("finds what MSSQL runs behind a string without a semicolon", () => {
    for (const value of ["x'declare @s varchar(80)", "x'exec master..xp_cmdshell'dir'"]) {
      expect(detectSqli(value), value).toBeDefined();
    }
    expect(detectSqli("'select @@version begin")).toBeDefined();
    expect(detectSqli("they 'declare the income' and 'execute the plan', or 'select a menu'")).toBe(
      undefined,
    );
  });

  test.fails("leaves quoted signs in prose alone", () => {
    expect(detectSqli("use '-' or '+'")).toBeUndefined();
  });

  test("does not throw on any bytes, and its work stays linear", () => {
    const pieces = fc.constantFrom(..."'\"`()[]$-#/*!@;=|\\ a1", "/*!", "$a$", "1or", "union ");
    const bytes = fc.string({ unit: fc.integer({ min: 0, max: 255 }).map(String.fromCharCode) });
    const mixed = fc.array(pieces, { maxLength: 400 }).map((parts) => parts.join(""));
    fc.assert(
      fc.property(fc.oneof(bytes, mixed), fc.integer({ min: 1, max: 40 }), (value, times) => {
        const long = value.repeat(times);
        detectSqli(long);
        expect(sqliSteps()).toBeLessThanOrEqual(64 * (long.length + 16));
      }),
    );
  });

  test("reads no more than valueBytesMax bytes", () => {
    detectSqli("'".repeat(SQLI_LIMITS.valueBytesMax * 4));
    expect(sqliSteps()).toBeLessThanOrEqual(64 * SQLI_LIMITS.valueBytesMax);
  });
});
