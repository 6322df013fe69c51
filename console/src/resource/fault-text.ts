/** What the server says of a field that does not fit its schema, in the reader's language. */
import type { UiKey } from "../messages/vocabulary.ts";

type Words = {
  t(key: UiKey, values?: Readonly<Record<string, string | number>>): string;
  label(field: string): string;
};

const TEXTS: readonly (readonly [form: RegExp, key: UiKey])[] = [
  [/^must not have fewer than (\d+) items$/, "itemsMin"],
  [/^must not have more than (\d+) items$/, "itemsMax"],
  [/^must not have fewer than (\d+) characters$/, "charactersMin"],
  [/^must not have more than (\d+) characters$/, "charactersMax"],
  [/^must be >= (\d+)$/, "numberMin"],
  [/^must be <= (\d+)$/, "numberMax"],
  [/^must not have duplicate items$/, "itemsTwice"],
  [/^must be one of /, "notOneOf"],
  [/^must match pattern "(.*)"$/s, "otherForm"],
  [/^is not a field of this operation$/, "noSuchField"],
];
const REQUIRED = /^must have required properties (.+)$/;

/** The message as the server sent it, where it is none of a schema. */
export function faultText(message: string, { t, label }: Words): string {
  const [, names] = REQUIRED.exec(message) ?? [];
  if (names !== undefined) {
    return t("fieldsNeeded", { fields: names.split(", ").map(label).join(", ") });
  }
  for (const [form, key] of TEXTS) {
    const found = form.exec(message);
    if (found !== null) return t(key, { count: found[1] ?? "" });
  }
  return message;
}
