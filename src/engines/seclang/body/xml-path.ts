/**
 * Location paths of `XML:/a/b/text()`: names, `*`, `//`, `@name`, `text()` and the condition
 * `[text()]` of XPath 1.0. A name is compared without its prefix, which documents choose.
 */
import { readXml } from "./xml.ts";

const limits = { stepsMax: 30, itemsMax: 4_096 } as const;

/** `anyDepth`: behind `//`. */
type Step = { readonly name: string; readonly anyDepth: boolean };

export type XmlPath = {
  readonly steps: readonly Step[];
  readonly part: "element" | "text" | "attribute";
  /** Of the attribute; of no meaning otherwise. */
  readonly attribute: Step;
  /** Elements without text are left out. */
  readonly needsText: boolean;
};

const NO_ATTRIBUTE: Step = { name: "*", anyDepth: false };

/** The path; undefined when it has more than this reader knows. */
export function parseXmlPath(text: string): XmlPath | undefined {
  const tokens = [...text.matchAll(/(\/\/?)([^/]+)/g)];
  if (tokens.map(([whole]) => whole).join("") !== text || tokens.length > limits.stepsMax) {
    return undefined;
  }
  const steps: Step[] = [];
  for (const [at, [, slashes, written = ""]] of tokens.entries()) {
    const isLast = at === tokens.length - 1;
    const needsText = isLast && written.endsWith("[text()]");
    const name = needsText ? written.slice(0, -"[text()]".length) : written;
    const anyDepth = slashes === "//";
    if (isLast && name === "text()" && !needsText) {
      return { steps, part: "text", attribute: { name, anyDepth }, needsText: true };
    }
    if (isLast && /^@(?:\*|[\w:.-]+)$/.test(name) && !needsText) {
      const attribute = { name: name.slice(1), anyDepth };
      return { steps, part: "attribute", attribute, needsText: false };
    }
    if (!/^(?:\*|[A-Za-z_][\w:.-]*)$/.test(name)) return undefined;
    steps.push({ name, anyDepth });
    if (isLast) return { steps, part: "element", attribute: NO_ATTRIBUTE, needsText };
  }
  return undefined;
}

const localOf = (name: string): string => name.slice(name.indexOf(":") + 1);

function fits(wanted: string, name: string): boolean {
  if (wanted === "*" || wanted === name) return true;
  return wanted.includes(":") && localOf(wanted) === localOf(name);
}

/**
 * How many steps lead to an element, one bit each: `here` with the last one at the element itself,
 * `above` at it or around it.
 */
type Reached = { readonly here: number; readonly above: number };

function enter(steps: readonly Step[], { here, above }: Reached, name: string): Reached {
  let reached = 0;
  for (const [at, step] of steps.entries()) {
    const before = step.anyDepth ? above : here;
    if ((before & (1 << at)) !== 0 && fits(step.name, name)) reached |= 1 << (at + 1);
  }
  return { here: reached, above: above | reached };
}

/** What the path selects of a document, in its order, as far as the document can be read. */
export function selectXml(document: string, path: XmlPath): string[] {
  const { steps, part, attribute, needsText } = path;
  const whole = 1 << steps.length;
  const levels: Reached[] = [{ here: 1, above: 1 }];
  const level = (): Reached => levels.at(-1) ?? { here: 0, above: 0 };
  const isAt = (): boolean =>
    ((attribute.anyDepth ? level().above : level().here) & whole) !== 0 && levels.length > 1;
  // An element's text is a span of the whole document's.
  const parts: string[] = [];
  let length = 0;
  const spans: { readonly start: number; end: number }[] = [];
  const open: (number | undefined)[] = [];
  const values: string[] = [];
  readXml(document, {
    open(name) {
      levels.push(enter(steps, level(), name));
      const isWanted = part === "element" && (level().here & whole) !== 0;
      const takes = isWanted && spans.length < limits.itemsMax;
      open.push(takes ? spans.push({ start: length, end: length }) - 1 : undefined);
    },
    close() {
      levels.pop();
      const span = spans[open.pop() ?? -1];
      if (span !== undefined) span.end = length;
    },
    text(value) {
      if (part === "text" && isAt() && values.length < limits.itemsMax) values.push(value);
      if (part !== "element" || spans.length === 0) return;
      parts.push(value);
      length += value.length;
    },
    attribute(name, value) {
      if (part !== "attribute" || values.length >= limits.itemsMax) return;
      if (isAt() && fits(attribute.name, name)) values.push(value);
    },
  });
  if (part !== "element") return values;
  for (const index of open) {
    const span = spans[index ?? -1];
    if (span !== undefined) span.end = length;
  }
  const text = parts.join("");
  const found = spans.map(({ start, end }) => text.slice(start, end));
  return needsText ? found.filter((one) => one !== "") : found;
}
