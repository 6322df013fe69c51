/** A condition in words, as a list within lists: what must hold, group by group. */
import { useWords } from "../language.tsx";
import { comparisonText } from "./condition-text.ts";
import type { Item } from "./resources.ts";

const isItem = (value: unknown): value is Item =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** True for a comparison, or for all, any or not of conditions. */
export function isConditionItem(value: unknown): value is Item {
  if (!isItem(value)) return false;
  const { all, not, field, operator } = value;
  if (typeof field === "string" && typeof operator === "string") return true;
  const inner = Array.isArray(all) ? all : Array.isArray(value.any) ? value.any : [not];
  return inner.length > 0 && inner.every(isConditionItem);
}

export function ConditionOutline({ condition }: { condition: Item }) {
  return (
    <ul className="outline">
      <Part condition={condition} negated={false} />
    </ul>
  );
}

function Part({ condition, negated }: { condition: Item; negated: boolean }) {
  const { t, valueText } = useWords();
  const { all, not } = condition;
  if (isItem(not)) return <Part condition={not} negated={!negated} />;
  const rows = Array.isArray(all) ? all : condition.any;
  if (!Array.isArray(rows)) {
    const text = comparisonText(condition, { valueText });
    return <li>{negated ? t("notThis", { condition: text }) : text}</li>;
  }
  const plain = Array.isArray(all) ? "allOfThese" : "anyOfThese";
  const opposite = Array.isArray(all) ? "notAllOfThese" : "noneOfThese";
  return (
    <li>
      {t(negated ? opposite : plain)}
      <ul>
        {rows.filter(isItem).map((row, at) => (
          // A row has no identity of its own but its place.
          // biome-ignore lint/suspicious/noArrayIndexKey: see above
          <Part key={at} condition={row} negated={false} />
        ))}
      </ul>
    </li>
  );
}
