/** The filter of a list: tokens by property, with the values that can be chosen. */
import PropertyFilter, {
  type PropertyFilterProps,
} from "@cloudscape-design/components/property-filter";
import { useWords } from "../language.tsx";
import { type FilterOperator, type FilterToken, operatorNames } from "./filter-text.ts";
import { type Item, operationOf, type Shown } from "./resources.ts";
import { isEnumField, itemFields } from "./schema-fields.ts";

const OPTIONS_MAX = 50;
const TEXT_OPERATORS = ["=", "!=", ":", "^"] as const;
const NUMBER_OPERATORS = ["=", "!=", ">", ">=", "<", "<="] as const;

type Props = {
  readonly shown: Shown;
  readonly tokens: readonly FilterToken[];
  setTokens(tokens: readonly FilterToken[]): void;
  /** Rows now on the page, whose values are suggested. */
  readonly items: readonly Item[];
};

function isOperator(text: string): text is FilterOperator {
  return Object.hasOwn(operatorNames, text);
}

const fieldsOf = ({ filterable, countedBy }: Shown): readonly string[] => [
  ...filterable,
  ...countedBy,
];

/** Values to choose from: an enumeration whole, else what the page shows. */
function optionsOf({ shown, items }: Props, valueText: (value: string) => string) {
  const kinds = itemFields(operationOf(shown, "list"));
  return fieldsOf(shown).flatMap((propertyKey) => {
    const { kind, choices = [] } = kinds[propertyKey] ?? {};
    if (kind === "time") return [];
    const seen = items.flatMap((item) => item[propertyKey]).filter((value) => value !== null);
    const booleans = kind === "boolean" ? ["true", "false"] : [];
    const values = choices.length > 0 ? choices : [...booleans, ...seen.map(String)];
    return [...new Set(values)]
      .filter((value) => value !== "" && value !== "undefined")
      .slice(0, OPTIONS_MAX)
      .map((value) => ({
        propertyKey,
        value,
        ...(isEnumField(propertyKey) ? { label: valueText(value) } : {}),
      }));
  });
}

export function ResourceFilter(props: Props) {
  const { t, label, valueText } = useWords();
  const { shown, tokens, setTokens } = props;
  const kinds = itemFields(operationOf(shown, "list"));
  const query: PropertyFilterProps.Query = {
    operation: "and",
    tokens: tokens.map(({ field, operator, value }) => ({
      ...(field === undefined ? {} : { propertyKey: field }),
      operator,
      value,
    })),
  };
  const change = (next: PropertyFilterProps.Query): void =>
    setTokens(
      next.tokens.flatMap(({ propertyKey, operator, value }) =>
        isOperator(operator) ? [{ field: propertyKey, operator, value: String(value) }] : [],
      ),
    );
  return (
    <div data-filter="">
      <PropertyFilter
        query={query}
        onChange={({ detail }) => change(detail)}
        filteringPlaceholder={t("filter")}
        filteringAriaLabel={t("filter")}
        filteringOptions={optionsOf(props, valueText)}
        filteringProperties={fieldsOf(shown).map((key) => ({
          key,
          propertyLabel: label(key),
          groupValuesLabel: label(key),
          operators: kinds[key]?.kind === "number" ? [...NUMBER_OPERATORS] : [...TEXT_OPERATORS],
          defaultOperator: "=",
        }))}
        countText=""
        hideOperations
        expandToViewport
      />
    </div>
  );
}
