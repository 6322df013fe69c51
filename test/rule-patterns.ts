/**
 * The patterns of a rule set, and values made from a pattern's own syntax tree to hurt it. Why:
 * docs/decisions/0034.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Node } from "../src/engines/regex/syntax.ts";

const VALUE_BYTES = 65_536;
const LOOPS_MAX = 3;

/** Every `@rx` pattern in the folder's rules but those that a macro completes. */
export function rulePatterns(folder: string): string[] {
  const found = new Set<string>();
  for (const name of readdirSync(folder).filter((file) => file.endsWith(".conf"))) {
    const text = readFileSync(join(folder, name), "latin1").replace(/^\s*#.*$/gm, "");
    for (const [, pattern = ""] of text.matchAll(/"!?@rx ((?:\\.|[^"\\])*)"/gs)) {
      found.add(pattern.replaceAll('\\"', '"'));
    }
  }
  return [...found].filter((pattern) => !pattern.includes("%{"));
}

/** A text that the node matches, or nearly; `turn` chooses among its ways. */
function exampleOf(node: Node, turn: { at: number }): string {
  turn.at += 1;
  switch (node.kind) {
    case "set": {
      const bytes = [...node.set.keys()].filter((byte) => node.set[byte] === 1);
      return String.fromCharCode(bytes[turn.at % Math.max(1, bytes.length)] ?? 0);
    }
    case "cat":
      return node.items.map((item) => exampleOf(item, turn)).join("");
    case "alt": {
      const item = node.items[turn.at % node.items.length];
      return item === undefined ? "" : exampleOf(item, turn);
    }
    case "repeat": {
      const times = Math.min(node.max, node.min + (turn.at % 3), 64);
      return Array.from({ length: times }, () => exampleOf(node.node, turn)).join("");
    }
    case "group":
    case "atomic":
      return exampleOf(node.node, turn);
    default:
      return "";
  }
}

/** The bodies of the node's long loops. */
function loopsOf(node: Node): Node[] {
  if (node.kind === "cat" || node.kind === "alt") return node.items.flatMap(loopsOf);
  if (node.kind === "repeat") return [...(node.max > 8 ? [node.node] : []), ...loopsOf(node.node)];
  return node.kind === "group" || node.kind === "atomic" ? loopsOf(node.node) : [];
}

const filled = (text: string): string =>
  text === "" ? "" : text.repeat(Math.ceil(VALUE_BYTES / text.length)).slice(0, VALUE_BYTES);

/** What matches, over and over; what nearly does; and each loop pumped within an example. */
export function hostileValues(node: Node): string[] {
  const turn = { at: 0 };
  const whole = exampleOf(node, turn);
  const pumped = loopsOf(node)
    .slice(0, LOOPS_MAX)
    .flatMap((body) => {
      const pump = filled(exampleOf(body, turn) || "a");
      const example = exampleOf(node, turn);
      const middle = Math.floor(example.length / 2);
      return [
        (example.slice(0, middle) + pump).slice(0, VALUE_BYTES),
        pump.slice(0, VALUE_BYTES - example.length) + example,
      ];
    });
  return [filled(whole), filled(whole.slice(0, -1)), ...pumped];
}
