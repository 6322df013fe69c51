/** One comparison of a condition: what is looked at, how, with which values, and its negation. */
import Button from "@cloudscape-design/components/button";
import Checkbox from "@cloudscape-design/components/checkbox";
import FormField from "@cloudscape-design/components/form-field";
import Grid from "@cloudscape-design/components/grid";
import Input from "@cloudscape-design/components/input";
import Select from "@cloudscape-design/components/select";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Textarea from "@cloudscape-design/components/textarea";
import { lazy, Suspense } from "react";
import { useWords } from "../language.tsx";
import {
  type Comparison,
  type ConditionWords,
  isNegated,
  NAMED,
  negate,
  WITHOUT_CASE,
  WITHOUT_VALUES,
} from "./condition-tree.ts";
import { resourceOfField } from "./id-field-of.ts";

const IdField = lazy(() => import("./id-field.tsx"));

type Props = {
  readonly words: ConditionWords;
  readonly row: Comparison;
  /** Its place, such as 2, or 2.1 within a group. */
  readonly number: string;
  /** False where one level more would be too deep. */
  readonly canNegate: boolean;
  /** What the server refused of it. */
  readonly fault: string | undefined;
  /** Undefined removes it. */
  change(row: Comparison | undefined): void;
};

/** Operators of addresses; all others compare texts. */
const OF_ADDRESSES = ["inCidr", "inList"];
/** How fields are mostly compared, where it is not `equals`. */
const USUAL: Readonly<Record<string, string>> = { path: "startsWith", ip: "inCidr" };
const LINES_MAX = 6;
/** Side by side where there is room, one below the other where there is none. */
const COLUMNS = [3, 3, 5, 1].map((xxs) => ({ colspan: { default: 12, xxs } }));

/** True without the name or the values that it needs. */
const lacks = ({ field, name, operator, values }: Comparison): boolean =>
  (NAMED.has(field) && name.trim() === "") ||
  (!WITHOUT_VALUES.has(operator) && values.trim() === "");

export function ComparisonRow({ words, row, number, canNegate, fault, change }: Props) {
  const { t, label, valueText } = useWords();
  const operators = words.operators.filter(
    (one) => row.field === "ip" || !OF_ADDRESSES.includes(one),
  );
  const choice = (name: string, given: readonly string[], value: string) => ({
    ariaLabel: `${name} ${number}`,
    options: given.map((one) => ({ value: one, label: valueText(one) })),
    selectedOption: { value, label: valueText(value) },
  });
  const look = (field: string): void => {
    const fits = field === "ip" || !OF_ADDRESSES.includes(row.operator);
    // Of a row that says nothing yet: "country starts with" is nobody's question.
    const isKept = row.values.trim() !== "" && fits;
    change({ ...row, field, operator: isKept ? row.operator : (USUAL[field] ?? "equals") });
  };
  return (
    <div>
      <Grid gridDefinition={COLUMNS}>
        <SpaceBetween size="xs">
          <Select
            {...choice(t("lookedAt"), words.fields, row.field)}
            filteringType="auto"
            onChange={({ detail }) => look(detail.selectedOption.value ?? row.field)}
          />
          {NAMED.has(row.field) ? (
            <Input
              value={row.name}
              invalid={fault !== undefined && row.name.trim() === ""}
              ariaLabel={`${label("name")} ${number}`}
              placeholder={t("itsName")}
              onChange={({ detail }) => change({ ...row, name: detail.value })}
            />
          ) : null}
        </SpaceBetween>
        <SpaceBetween size="xs">
          <Select
            {...choice(t("comparedBy"), operators, row.operator)}
            onChange={({ detail }) =>
              change({ ...row, operator: detail.selectedOption.value ?? row.operator })
            }
          />
          <Checkbox
            checked={isNegated(row)}
            disabled={!canNegate}
            ariaLabel={t("negatedRow", { number })}
            onChange={({ detail }) => change(negate(row, detail.checked))}
          >
            {t("negated")}
          </Checkbox>
        </SpaceBetween>
        <Values {...{ row, number, fault, change }} />
        <Button
          formAction="none"
          iconName="remove"
          ariaLabel={t("removeRow", { row: number })}
          onClick={() => change(undefined)}
        />
      </Grid>
      {fault === undefined ? null : (
        <FormField
          errorText={t("conditionFault", { number, fault: lacks(row) ? t("required") : fault })}
        />
      )}
    </div>
  );
}

function Values({ row, number, fault, change }: Omit<Props, "words" | "canNegate">) {
  const { t, label } = useWords();
  const { operator, values } = row;
  const lists = resourceOfField("addressListId");
  if (WITHOUT_VALUES.has(operator)) return <div />;
  if (operator === "inList" && lists !== undefined) {
    return (
      <Suspense fallback={<Input value="" disabled ariaLabel={label("values")} />}>
        <IdField
          {...{ shown: lists, several: false, required: true, text: values }}
          set={(text) => change({ ...row, values: text })}
        />
      </Suspense>
    );
  }
  return (
    <SpaceBetween size="xs">
      <Textarea
        value={values}
        rows={Math.min(LINES_MAX, values.split("\n").length)}
        spellcheck={false}
        invalid={fault !== undefined && !(NAMED.has(row.field) && row.name.trim() === "")}
        ariaLabel={`${label("values")} ${number}`}
        placeholder={t("oneValuePerLine")}
        onChange={({ detail }) => change({ ...row, values: detail.value })}
      />
      {WITHOUT_CASE.has(operator) ? null : (
        <Checkbox
          checked={row.ignoreCase}
          onChange={({ detail }) => change({ ...row, ignoreCase: detail.checked })}
        >
          {label("ignoreCase")}
        </Checkbox>
      )}
    </SpaceBetween>
  );
}
