/**
 * Reads XML 1.0 into text and attribute values. A document that declares entities is a fault, none
 * is expanded and nothing outside the document is ever read; well-formedness of tags is checked.
 */
import type { BodyFault } from "./json.ts";

export const limits = { depthMax: 256, nodesMax: 20_000 } as const;

const ENTITIES: Readonly<Record<string, string>> = {
  lt: "<",
  gt: ">",
  amp: "&",
  quot: '"',
  apos: "'",
};

const CLOSED_BY: Readonly<Record<string, string>> = {
  "<!--": "-->",
  "<?": "?>",
  '"': '"',
  "'": "'",
};

export type XmlSink = {
  /** An element begins; its attributes follow. */
  open?(name: string): void;
  close?(): void;
  text(value: string): void;
  attribute(name: string, value: string): void;
};

/** Reads a document; undefined when it is well-formed. */
export function readXml(text: string, take: XmlSink): BodyFault | undefined {
  const open: string[] = [];
  let at = 0;
  let nodes = 0;
  let rooted = false;
  let declaresEntity = false;
  const fault = (message: string): BodyFault => ({ message: `XML: ${message} at byte ${at}` });
  // Where more may follow, rules see what there is of the rest as it stands.
  const cut = (message: string): BodyFault => {
    take.text(text.slice(at));
    return { ...fault(message), atEnd: !declaresEntity };
  };
  while (at < text.length) {
    nodes += 1;
    if (nodes > limits.nodesMax) return fault(`more than ${limits.nodesMax} nodes`);
    const next = text.indexOf("<", at);
    const end = next === -1 ? text.length : next;
    const content = text.slice(at, end);
    if (content.trim() !== "") {
      if (open.length === 0) return fault("text stands outside the root element");
      take.text(decodeEntities(content));
    }
    at = end;
    if (next === -1) break;
    const skipped = skipSpecial(text, at, take);
    if (skipped === "unclosed") return cut("a comment, section or instruction is not closed");
    if (skipped !== undefined) {
      const isType = text.startsWith("<!D", at);
      if (isType && text.slice(at, skipped).includes("<!ENTITY")) declaresEntity = true;
      at = skipped;
      continue;
    }
    const tag =
      /^<(\/?)([A-Za-z_:\x80-\xff][\w:.\x80-\xff-]*)((?:\s+[^\s=<>"'/]+\s*=\s*(?:"[^"<]*"|'[^'<]*'))*)\s*(\/?)>/.exec(
        text.slice(at, at + 65_536),
      );
    if (tag === null && !text.includes(">", at)) return cut("a tag is not closed");
    if (tag === null) return fault("a tag is malformed");
    const [whole, closing, name = "", attributes = "", empty] = tag;
    if (closing === "/") {
      if (open.pop() !== name) return fault(`</${name.slice(0, 64)}> closes what is not open`);
      take.close?.();
    } else {
      if (open.length === 0 && rooted) return fault("a second root element");
      rooted = true;
      take.open?.(name);
      for (const [, key = "", double, single] of attributes.matchAll(
        /([^\s=]+)\s*=\s*(?:"([^"]*)"|'([^']*)')/g,
      )) {
        take.attribute(key, decodeEntities(double ?? single ?? ""));
      }
      if (empty === "/") take.close?.();
      else open.push(name);
      if (open.length > limits.depthMax) return fault(`nests deeper than ${limits.depthMax}`);
    }
    at += whole.length;
  }
  if (open.length > 0) return cut(`<${(open.at(-1) ?? "").slice(0, 64)}> is not closed`);
  // What an entity stands for could be an attack in pieces, or a file of the server's.
  if (declaresEntity) return fault("an entity is declared");
  return rooted ? undefined : fault("there is no element");
}

/** The end of a comment, CDATA section, instruction or document type; undefined for a tag. */
function skipSpecial(
  text: string,
  at: number,
  take: { text(value: string): void },
): number | "unclosed" | undefined {
  const closedBy = (mark: string, from: number): number | "unclosed" => {
    const end = text.indexOf(mark, from);
    return end === -1 ? "unclosed" : end + mark.length;
  };
  if (text.startsWith("<!--", at)) return closedBy("-->", at + 4);
  if (text.startsWith("<?", at)) return closedBy("?>", at + 2);
  if (text.startsWith("<![CDATA[", at)) {
    const end = closedBy("]]>", at + 9);
    if (end !== "unclosed") take.text(text.slice(at + 9, end - 3));
    return end;
  }
  if (!text.startsWith("<!", at)) return undefined;
  // A document type may hold an internal subset in brackets; its text is shown to the rules.
  const closed = endOfDeclaration(text, at);
  if (closed !== "unclosed") take.text(text.slice(at, closed));
  return closed;
}

/**
 * The end of a document type (XML 1.0 §2.8). A bracket or an angle in a literal, a comment or an
 * instruction ends nothing: whoever reads it otherwise reads another document than the server.
 */
function endOfDeclaration(text: string, from: number): number | "unclosed" {
  const part = /<!--|<\?|["'[\]>]/g;
  let isInSubset = false;
  for (let at = from + 2; ; ) {
    part.lastIndex = at;
    const found = part.exec(text);
    if (found === null) return "unclosed";
    const [mark] = found;
    at = part.lastIndex;
    if (mark === ">" && !isInSubset) return at;
    if (mark === "[" || mark === "]") isInSubset = mark === "[";
    const close = CLOSED_BY[mark];
    if (close === undefined) continue;
    const end = text.indexOf(close, at);
    if (end === -1) return "unclosed";
    at = end + close.length;
  }
}

function decodeEntities(text: string): string {
  if (!text.includes("&")) return text;
  return text.replace(
    /&(?:#(\d{1,7})|#x([0-9A-Fa-f]{1,6})|(\w{1,8}));/g,
    (whole, decimal, hex, name) => {
      if (name !== undefined) return ENTITIES[String(name)] ?? whole;
      const code = decimal === undefined ? Number.parseInt(String(hex), 16) : Number(decimal);
      if (code > 0x10ffff) return whole;
      return Buffer.from(String.fromCodePoint(code), "utf8").toString("latin1");
    },
  );
}
