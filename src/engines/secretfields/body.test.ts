import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { bodyWithoutSecrets } from "./body.ts";
import { targetSecrets } from "./form.ts";
import { secretNames } from "./names.ts";
import { masked } from "./ranges.ts";

const isSecret = secretNames(["Birthday"]);
const shown = (body: string, type: string) => bodyWithoutSecrets(body, type, isSecret)?.text;
const FORM = "application/x-www-form-urlencoded";
const MULTIPART = "multipart/form-data; boundary=x";

test.each([
  ...["password", "user[password]", "newPassword2", "old-passwd", "PWD", "api_key", "apiKey"],
  ...["access_token", "client.secret", "card", "cardNumber", "card_no", "cvv", "PIN", "userPin"],
  ...["birthday", "order.birthday", "order[BIRTHDAY]", "å¯\u0086ç\u00a0\u0081"],
])("the value of %s is a secret", (name) => expect(isSecret(name)).toBe(true));

test.each(["shipping", "author", "discard", "opinion", "birthdays", "comment", "companion", ""])(
  "the value of %s is none",
  (name) => expect(isSecret(name)).toBe(false),
);

describe("forms", () => {
  test.each([
    ["q=1&password=a%20b&r=2", "q=1&password=*****&r=2"],
    ["pass%77ord=x&pass+word=y", "pass%77ord=*&pass+word=*"],
    ["password=a=b&password", "password=***&password"],
    ["a=1&token=cut off", "a=1&token=*******"],
    ["data=%7B%22pin%22%3A1%7D&e=%7B%22a%22%3A1%7D", `data=${"*".repeat(19)}&e=%7B%22a%22%3A1%7D`],
    ['{"password":"sent as a form"}', '{"password":"**************"}'],
  ])("%s", (body, expected) => expect(shown(body, FORM)).toBe(expected));

  test("of a target its query, its parameters and its user are hidden, and of nothing else", () => {
    const of = (target: string) => masked(target, targetSecrets(target, isSecret));
    expect(of("/a;sid=1f/b?q=x&token=abc")).toBe("/a;sid=**/b?q=x&token=***");
    expect(of("https://me:pw@a.test/?x=1")).toBe("https://*****@a.test/?x=1");
    expect(of("/mail@example.org?x=1")).toBe("/mail@example.org?x=1");
  });
});

describe("JSON", () => {
  test.each([
    ['{"user":"a","password":"b\\"c"}', '{"user":"a","password":"****"}'],
    ['{"card":{"number":4111,"ok":true},"n":1}', '{"card":{"number":"**","ok":true},"n":1}'],
    ['{"pin":[1,"22",null],"n":[3]}', '{"pin":[0,"**",null],"n":[3]}'],
    ['{"p\\u0061ssword":"x"}', '{"p\\u0061ssword":"*"}'],
    ['{"cut":"a","token":"abc', '{"cut":"a","token":"***'],
    ["{'password':'x', pin: 1234}", "{'password':'*', pin: \"**\"}"],
    ['{"inner":"{\\"token\\":\\"x\\"}"}', `{"inner":"${"*".repeat(17)}"}`],
    ['{"a":1}\n{"token":"x"}', '{"a":1}\n{"token":"*"}'],
  ])("%s", (body, expected) => expect(shown(body, "application/json")).toBe(expected));

  test("what was JSON stays JSON of the same length, whatever is hidden in it", () => {
    const key = fc.constantFrom("password", "pin", "a", "b", "token");
    const value = fc.letrec((tie) => ({
      any: fc.oneof(
        fc.string(),
        fc.double({ noNaN: true, noDefaultInfinity: true }),
        fc.boolean(),
        fc.array(tie("any"), { maxLength: 3 }),
        fc.dictionary(key, tie("any"), { maxKeys: 3 }),
      ),
    })).any;
    fc.assert(
      fc.property(value, (one) => {
        const body = Buffer.from(JSON.stringify(one), "utf8").toString("latin1");
        const text = shown(body, "application/json") ?? "";
        expect(text).toHaveLength(body.length);
        expect(() => JSON.parse(text)).not.toThrow();
      }),
    );
  });
});

test.each([
  ["<a><password>x y</password><b>z</b></a>", "<a><password>***</password><b>z</b></a>"],
  ["<w:Password t='1'><![CDATA[x]]></w:Password>", "<w:Password t='1'><![CDATA[*]]></w:Password>"],
  ["<card><n>41</n></card><n>41</n>", "<card><n>**</n></card><n>41</n>"],
  ['<user name="a" pin="12"/>', '<user name="a" pin="**"/>'],
  ['<field name="password" value="x"/>', '<field name="password" value="*"/>'],
  ["<!-- <pin>1</pin> --><pin>1", "<!-- <pin>1</pin> --><pin>*"],
])("XML: %s", (body, expected) => expect(shown(body, "text/xml")).toBe(expected));

describe("multipart", () => {
  const part = (head: string, content: string) => `--x\r\n${head}\r\n\r\n${content}\r\n`;
  const field = (name: string, content: string) =>
    part(`Content-Disposition: form-data; name="${name}"`, content);
  const file = (type: string, content: string) =>
    part(`Content-Disposition: form-data; name="f"; filename="a"\r\n${type}`, content);

  test("secrets, and files that are no text, are hidden part by part", () => {
    const json = "Content-Type: application/json";
    const of = (secret: string, inner: string, bytes: string) =>
      `${field("comment", "1' or 1=1")}${field("password", secret)}` +
      `${file(json, `{"token":"${inner}"}`)}${file("Content-Type: image/png", bytes)}--x--\r\n`;
    const text = shown(of("abc", "xyz", "\u0089PNG\0"), MULTIPART);
    expect(text).toBe(of("***", "***", "*****").replace(/\r\n$/, "**"));
  });

  test("a part that is cut off is hidden to its end", () => {
    const cut = field("password", "abc").slice(0, -3);
    expect(shown(cut, MULTIPART)).toBe(`${cut.slice(0, -2)}**`);
    const header = `--x\r\nContent-Disposition: form-data; name="pass`;
    expect(shown(header, MULTIPART)).toBe(`--x${"*".repeat(header.length - 3)}`);
  });
});

test.each([
  ["application/octet-stream", "a=b"],
  ["", "a=b"],
  ["text/plain", "a\0b"],
  ["application/json; charset=utf-16", '{"a":1}'],
  [FORM, "p\0a\0s\0s\0w\0o\0r\0d\0=\0x\0"],
  ["multipart/form-data; boundary=y", "--x\r\n\r\n"],
  ["multipart/form-data", "--x\r\n\r\n"],
])("of a body of type %s that cannot be told apart nothing is given", (type, body) =>
  expect(shown(body, type)).toBeUndefined(),
);
