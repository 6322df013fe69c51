import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
/** Bodies that two readers could read differently: what a server may take, the rules must see. */
import { describe, expect, test } from "vitest";
import { readJson } from "./json.ts";
import { readMultipart } from "./multipart.ts";
import { readXml } from "./xml.ts";

function xml(text: string): { texts: string; fault: string | undefined } {
  let texts = "";
  const take = { text: (value: string) => (texts += value), attribute: () => {} };
  const fault = readXml(text, take);
  return { texts, fault: fault?.message };
}

describe("XML", () => {
  test("a comment that begins in a literal of the document type hides no element behind it", () => {
    const hidden = "<!DOCTYPE r [<!ATTLIST r b CDATA ']><r><!-- '> ]><r>attack<!-- --></r>";
    expect(xml(hidden)).toMatchObject({ fault: undefined });
    expect(xml(hidden).texts).toMatch(/attack$/);
    const inComment = "<!DOCTYPE r [<!-- ]> ' --> <?p ]> \" ?>]><r>attack</r>";
    expect(xml(inComment)).toMatchObject({ fault: undefined });
    expect(xml(inComment).texts).toMatch(/attack$/);
  });

  test("a document that declares an entity is a fault, and its text is seen", () => {
    const pieces = "<!DOCTYPE r [<!ENTITY a 'union '><!ENTITY b 'select'>]><r>&a;&b; more</r>";
    expect(xml(pieces).fault).toContain("an entity is declared");
    expect(xml(pieces).texts).toContain("more");
    const file = '<!DOCTYPE r [<!ENTITY % a SYSTEM "file:///etc/passwd">]><r/>';
    expect(xml(file).fault).toContain("an entity is declared");
    expect(xml('<!DOCTYPE r SYSTEM "r.dtd"><r>a &lt; b</r>')).toMatchObject({ fault: undefined });
    expect(xml("<r>how <![CDATA[<!ENTITY a 'b'>]]> is written</r>").fault).toBeUndefined();
  });

  test("a document type that is not closed is a fault", () => {
    expect(xml("<!DOCTYPE r [ '").fault).toContain("not closed");
    expect(xml("<!DOCTYPE r [ ]").fault).toContain("not closed");
  });
});

function multipart(disposition: string) {
  const fields: string[] = [];
  const files: string[] = [];
  const flags: string[] = [];
  const body = `--x\r\nContent-Disposition: ${disposition}\r\n\r\nattack\r\n--x--\r\n`;
  const fault = readMultipart("multipart/form-data; boundary=x", body, {
    argument: (name, value) => fields.push(`${name}=${value}`),
    file: (name, fileName) => files.push(`${name}=${fileName}`),
    header: () => {},
    flag: (name) => flags.push(name),
  });
  return { fields, files, isStrict: fault === undefined && flags.length === 0 };
}

describe("multipart", () => {
  test.each([
    ["a field", 'form-data; name="q"', ["q=attack"], []],
    ["a file", 'form-data; name="q"; filename="a.txt"', [], ["q=a.txt"]],
    ["an empty file name", 'form-data; name="q"; filename=""', ["q=attack"], ["q="]],
    ["the extended name alone", 'form-data; name="q"; filename*="a"', ["q=attack"], ["q=a"]],
  ])("%s is what servers take it for", (_what, disposition, fields, files) => {
    expect(multipart(disposition)).toEqual({ fields, files, isStrict: true });
  });

  test.each([
    ["an extended name", "filename*=utf-8''%61%2F.txt", ["q=a/.txt"]],
    ["one with a language", "filename*=ISO-8859-1'en'b", ["q=b"]],
    ["one whose percent encoding is malformed", "filename*=utf-8''%4G", []],
    ["one without its second quote", "filename*=utf-8'b", []],
  ])("%s is read as RFC 8187 says", (_what, parameter, files) => {
    expect(multipart(`form-data; name="q"; ${parameter}`).files).toEqual(files);
  });

  test("two file names are no strict multipart", () => {
    const twice = 'form-data; name="q"; filename="a"; filename*="b"';
    expect(multipart(twice).isStrict).toBe(false);
  });
});

describe("multipart that servers read differently", () => {
  const flagsOf = (type: string, body: string): Record<string, unknown> => {
    const flags: Record<string, string> = {};
    const fault = readMultipart(`multipart/form-data; ${type}`, body, {
      argument: () => {},
      file: () => {},
      header: () => {},
      flag(name, value = "1") {
        flags[name.replace("MULTIPART_", "")] = value;
      },
    });
    return { ...flags, isRead: fault === undefined };
  };
  const part = (headers: string, content = "1"): string =>
    `--x\r\n${headers}\r\n\r\n${content}\r\n`;
  const field = 'Content-Disposition: form-data; name="q"';

  test.each([
    ["a parameter behind it", "boundary=x; charset=utf-8", { isRead: true }],
    ["white space behind it", "boundary=x ; a=b", { isRead: true, BOUNDARY_WHITESPACE: "1" }],
    ["more of it behind white space", "boundary=x 1", { isRead: false }],
    ["a quote that nothing opens", 'boundary=x"', { isRead: false }],
    ["a comma", "boundary=x,1", { isRead: false }],
  ])("a boundary with %s", (_what, type, expected) => {
    expect(flagsOf(type, `${part(field)}--x--\r\n`)).toEqual(expected);
  });

  test.each([
    ["is no token", "\x0eA\x0e: b"],
    ["is empty", ": b"],
  ])("a part header whose name %s cannot be read", (_what, line) => {
    const { isRead } = flagsOf("boundary=x", `${part(`${line}\r\n${field}`)}--x--\r\n`);
    expect(isRead).toBe(false);
  });

  test("the headers of a part that cannot be read are told all the same", () => {
    const told: string[] = [];
    const body = `${part(`\x0eA\x0e: b\r\n${field}`)}--x--\r\n`;
    readMultipart("multipart/form-data; boundary=x", body, {
      argument: () => {},
      file: () => {},
      header: (name, line) => told.push(`${name} ${line}`),
      flag: () => {},
    });
    expect(told).toEqual(["q \x0eA\x0e: b", `q ${field}`]);
  });

  test("a header goes on behind any white space, and is valid behind a space or a tab", () => {
    const folded = (blank: string) =>
      flagsOf(
        "boundary=x",
        `${part(`Content-Disposition: form-data;\r\n${blank}name="q"`)}--x--\r\n`,
      );
    expect(folded(" ")).toEqual({ isRead: true, HEADER_FOLDING: "1" });
    expect(folded("\f")).toMatchObject({ isRead: true, INVALID_HEADER_FOLDING: "1" });
  });

  test("a foreign boundary is 2 within parts that are closed, and 1 otherwise", () => {
    const foreign = part(field, "--other\r\ntext");
    const of = (body: string) => flagsOf("boundary=x", body).UNMATCHED_BOUNDARY;
    expect(of(`${part(field)}--x--\r\n`)).toBeUndefined();
    expect(of(`${foreign}--x--\r\n`)).toBe("2");
    expect(of(`${part(field)}--x1--\r\n`)).toBe("1");
    expect(of(`--x1\r\n${part(field)}--x--\r\n`)).toBe("1");
  });
});

test("numbers of JSON are as RFC 8259 has them, of any length", () => {
  const read = (text: string) => {
    const values: string[] = [];
    const fault = readJson(`[${text}]`, (_name, value) => values.push(value));
    return fault === undefined ? values : fault.message;
  };
  const long = `-0.${"1234567890".repeat(1_000)}e+${"9".repeat(20)}`;
  expect(read(`0,-1,2.50,1e9,1E-9,${long}`)).toEqual(["0", "-1", "2.50", "1e9", "1E-9", long]);
  for (const wrong of ["01", "1.", ".5", "-", "+1", "1e", "1e+", "0x1", "NaN", "truer", "nul"]) {
    expect(read(wrong), wrong).toMatch(/^JSON: /);
  }
});

test("members of JSON without a value, however many, are not all remembered", () => {
  setFlagsFromString("--expose-gc");
  const collectGarbage = runInNewContext("gc") as () => void;
  const members = Array.from({ length: 300_000 }, (_, at) => `"k${at}":{}`).join(",");
  collectGarbage();
  const before = process.memoryUsage().heapUsed;
  let kept = Number.POSITIVE_INFINITY;
  const fault = readJson(`{${members},"last":1}`, () => {
    collectGarbage();
    kept = process.memoryUsage().heapUsed - before;
  });
  expect(fault).toBeUndefined();
  // The text itself has 5 MB; all names would have some 50 more.
  expect(kept).toBeLessThan(20_000_000);
});

describe("a body of which only the beginning is here", () => {
  const json = '{"a":["x\\u00e9 attack",{"b":true,"c":-1.5e3}],"d":null}';
  const document = '<!DOCTYPE r><r a="x"><!-- c --><b>attack</b><![CDATA[more]]></r>';
  const form =
    '--x\r\nContent-Disposition: form-data; name="q"\r\n\r\nattack\r\n' +
    '--x\r\nContent-Disposition: form-data; name="f"; filename="a"\r\n\r\nbytes\r\n--x--\r\n';
  const sink = { argument: () => {}, file: () => {}, header: () => {}, flag: () => {} };
  const type = "multipart/form-data; boundary=x";
  const readers = [
    ["JSON", json, (text: string) => readJson(text, () => {}), 1],
    ["XML", document, (text: string) => readXml(text, { text() {}, attribute() {} }), 13],
    ["multipart", form, (text: string) => readMultipart(type, text, sink), 5],
  ] as const;

  test.each(readers)("%s is no fault wherever it is cut", (_what, whole, read, from) => {
    expect(read(whole)).toBeUndefined();
    for (let end = from; end < whole.length; end++) {
      const fault = read(whole.slice(0, end));
      expect(fault?.atEnd ?? true, `${whole.slice(0, end)}: ${fault?.message}`).toBe(true);
    }
  });

  test("what stands before the cut is seen, also of a value that is cut", () => {
    const values: string[] = [];
    readJson('{"a":"one","b":"attack and mo', (name, value) => values.push(`${name}=${value}`));
    expect(values).toEqual(["json.a=one", "json.b=attack and mo"]);
    expect(xml("<r><![CDATA[attack and mo").texts).toContain("attack and mo");
    expect(xml('<r><a b="attack and mo').texts).toContain("attack and mo");
    expect(multipartOf(form.slice(0, form.indexOf("tack") + 2))).toEqual(["q=atta"]);
  });

  test("what is malformed before the cut stays a fault", () => {
    const pad = "x".repeat(100);
    expect(readJson(`{"a":"\\q","b":"${pad}`, () => {})?.atEnd ?? false).toBe(false);
    expect(readJson(`{"a" "b":"${pad}`, () => {})?.atEnd ?? false).toBe(false);
    const take = { text() {}, attribute() {} };
    expect(readXml(`<r><a b=c></a>${pad}`, take)?.atEnd ?? false).toBe(false);
    expect(readXml(`<!DOCTYPE r [<!ENTITY a "b">]><r>${pad}`, take)?.atEnd ?? false).toBe(false);
    expect(readMultipart(type, `--x\r\nNothing: q\r\n\r\n${pad}`, sink)?.atEnd).toBeUndefined();
  });

  function multipartOf(body: string): string[] {
    const fields: string[] = [];
    const argument = (name: string, value: string) => fields.push(`${name}=${value}`);
    readMultipart(type, body, { ...sink, argument });
    return fields;
  }
});
