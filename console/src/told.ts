/** Texts that the server composed, in the language that was chosen. */
import { type Coded, filledIn } from "../../src/lib/coded-text.ts";

export type Item = Readonly<Record<string, unknown>>;

/** The code and values beside a field; undefined where there are none. */
function codedOf(item: Item, field: string): Coded | undefined {
  const coded = item[`${field}Coded`];
  // The contract's answer (`CodedOrNull`).
  return typeof coded === "object" && coded !== null ? (coded as Coded) : undefined;
}

/**
 * A field of an item, in words of the vocabulary's `text`. What has no code, or one that these
 * words do not know (a newer server's), is told as it came, in English.
 */
export function toldField(
  texts: Readonly<Record<string, string>>,
  item: Item,
  field: string,
): unknown {
  const coded = codedOf(item, field);
  if (coded === undefined || !Object.hasOwn(texts, coded.code)) return item[field];
  return filledIn(texts[coded.code] ?? "", coded.values);
}
