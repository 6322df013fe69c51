/** A field that is one of several kinds of a thing: the kind is chosen, then its own fields. */
import Select from "@cloudscape-design/components/select";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";
import { useWords } from "../language.tsx";
import { type FieldSchema, kindOf, variantsOf } from "./field-schema.ts";
import { type Asked, FieldGroup } from "./nested-field.tsx";
import type { Item } from "./resources.ts";

/** What a kind begins with, where nobody fills in so many fields from nothing. */
const STARTS: Readonly<Record<string, Item>> = {
  rateLimit: {
    limit: {
      ...{ keys: [{ by: "ip" }], requestsMax: 100, windowSeconds: 60 },
      ...{ banSeconds: 60, banSecondsMax: 3_600, exceeded: "refuse" },
    },
  },
};

type Props = {
  readonly name: string;
  readonly schema: FieldSchema;
  /** JSON of the item; empty: none is chosen. */
  readonly text: string;
  readonly Asked: Asked;
  set(text: string): void;
};

function readItem(text: string): Item {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value))
      : {};
  } catch {
    return {};
  }
}

export default function VariantField({ name, schema, text, Asked, set }: Props) {
  const { t, label, valueText } = useWords();
  const variants = variantsOf(schema);
  const [item, setItem] = useState(() => readItem(text));
  const chosen = variants.find((one) => kindOf(one) === item.kind);
  const put = (next: Item): void => {
    const variant = variants.find((one) => kindOf(one) === next.kind);
    setItem(next);
    set(JSON.stringify({ ...nullsOf(variant), ...next }, null, 2));
  };
  const options = variants.map((one) => ({ value: kindOf(one), label: valueText(kindOf(one)) }));
  const { kind: _, ...rest } = chosen?.properties ?? {};
  return (
    <SpaceBetween size="s">
      <Select
        ariaLabel={label(name)}
        options={options}
        selectedOption={options.find(({ value }) => value === item.kind) ?? null}
        placeholder={t("choose")}
        onChange={({ detail }) => {
          const kind = detail.selectedOption.value ?? "";
          put({ ...STARTS[kind], kind });
        }}
      />
      {chosen === undefined || Object.keys(rest).length === 0 ? null : (
        <FieldGroup
          key={kindOf(chosen)}
          {...{ Asked, item }}
          schema={{ ...chosen, properties: rest }}
          change={(next) => put({ ...next, kind: item.kind })}
        />
      )}
    </SpaceBetween>
  );
}

/** Fields that must be given and may be null, as null: an empty control stands for that. */
function nullsOf({ properties = {}, required = [] }: FieldSchema = {}): Item {
  const nullable = required.filter((one) =>
    properties[one]?.anyOf?.some(({ type }) => type === "null"),
  );
  return Object.fromEntries(nullable.map((one) => [one, null]));
}
