/** One comparison of a condition: what is looked at, how, with which values, and its negation. */
import Button from "@cloudscape-design/components/button";
import Checkbox from "@cloudscape-design/components/checkbox";
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
  /** Undefined removes it. */
  change(row: Comparison | undefined): void;
};

/** Operators of addresses; all others compare texts. */
const OF_ADDRESSES = ["inCidr", "inList"];
const LINES_MAX = 6;

export function ComparisonRow({ words, row, number, canNegate, change }: Props) {
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
    change({ ...row, field, operator: fits ? row.operator : "equals" });
  };
  return (
    <div>
      <Grid gridDefinition={[{ colspan: 3 }, { colspan: 3 }, { colspan: 5 }, { colspan: 1 }]}>
        <SpaceBetween size="xs">
          <Select
            {...choice(t("lookedAt"), words.fields, row.field)}
            filteringType="auto"
            onChange={({ detail }) => look(detail.selectedOption.value ?? row.field)}
          />
          {NAMED.has(row.field) ? (
            <Input
              value={row.name}
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
        <Values {...{ row, number, change }} />
        <Button
          formAction="none"
          iconName="remove"
          ariaLabel={t("removeRow", { row: number })}
          onClick={() => change(undefined)}
        />
      </Grid>
    </div>
  );
}

function Values({ row, number, change }: Omit<Props, "words" | "canNegate">) {
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
