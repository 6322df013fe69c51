/** Bodies that two readers could read differently: what a server may take, the rules must see. */
import { describe, expect, test } from "vitest";
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

  test("two file names are no strict multipart", () => {
    const twice = 'form-data; name="q"; filename="a"; filename*="b"';
    expect(multipart(twice).isStrict).toBe(false);
  });
});
