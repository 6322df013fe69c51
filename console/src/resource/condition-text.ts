/** A condition as one line that a person reads. */
import type { UiKey } from "../language.tsx";

export type ConditionTexts = {
  t(key: UiKey): string;
  valueText(value: string): string;
};

const isItem = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null;

const VALUES_SHOWN = 3;

export function conditionText(condition: unknown, words: ConditionTexts, isInner = false): string {
  if (!isItem(condition)) return "";
  for (const [join, word] of [
    ["all", words.t("andWord")],
    ["any", words.t("orWord")],
  ] as const) {
    const rows = condition[join];
    if (!Array.isArray(rows)) continue;
    const text = rows.map((row) => conditionText(row, words, true)).join(` ${word} `);
    return isInner && rows.length > 1 ? `(${text})` : text;
  }
  if (isItem(condition.not)) {
    return `${words.t("negated")} (${conditionText(condition.not, words)})`;
  }
  return comparisonText(condition, words);
}

/** One comparison: what is looked at, how, and the first of its values. */
export function comparisonText(
  leaf: Readonly<Record<string, unknown>>,
  { valueText }: Pick<ConditionTexts, "valueText">,
): string {
  const values = Array.isArray(leaf.values) ? leaf.values.map(String) : [];
  const more = values.length > VALUES_SHOWN ? ` … (${values.length})` : "";
  return [
    valueText(String(leaf.field)),
    typeof leaf.name === "string" ? `“${leaf.name}”` : "",
    valueText(String(leaf.operator)),
    `${values.slice(0, VALUES_SHOWN).join(", ")}${more}`,
  ]
    .filter(Boolean)
    .join(" ");
}
