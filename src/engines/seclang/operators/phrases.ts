/** `@pm` and `@pmFromFile`: any of many phrases. */
import { compilePhrases } from "./aho-corasick.ts";
import { lowerAscii, type Operator } from "./operator.ts";

/** Phrases of `@pm`: separated by white space; `|41 42|` is a phrase part in hexadecimal. */
export function phrasesOf(argument: string): string[] {
  const decoded = argument.replace(/\|((?:[0-9A-Fa-f]{2}\s*)+)\|/g, (_, hex: string) =>
    Buffer.from(hex.replace(/\s/g, ""), "hex").toString("latin1"),
  );
  return decoded.split(/\s+/).filter((phrase) => phrase !== "");
}

/** Phrases of a file: one a line; `#` starts a comment line. */
export function phrasesOfFile(text: string): string[] {
  return text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"));
}

/** The operator for these phrases. */
export function phraseOperator(phrases: readonly string[]): Operator {
  const matcher = compilePhrases(phrases);
  return {
    required: { kind: "literals", literals: phrases.map(lowerAscii) },
    match: (value) => matcher.find(value),
  };
}
