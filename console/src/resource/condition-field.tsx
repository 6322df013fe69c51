/** A condition as a form: comparisons joined by all or any, and groups of them; or its JSON. */
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import SegmentedControl from "@cloudscape-design/components/segmented-control";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Textarea from "@cloudscape-design/components/textarea";
import { useState } from "react";
import { useWords } from "../language.tsx";
import { ComparisonRow, type Words } from "./comparison-row.tsx";
import {
  type Comparison,
  type ConditionTree,
  comparisonWords,
  conditionOf,
  type Group,
  newComparison,
  treeOf,
} from "./condition-tree.ts";
import type { FieldSchema } from "./field-schema.ts";

type Props = {
  readonly schema: FieldSchema;
  /** JSON; empty or null: every request. */
  readonly text: string;
  set(text: string): void;
};

const newId = (): string => crypto.randomUUID();

function readTree(text: string): ConditionTree | undefined {
  try {
    return treeOf(text.trim() === "" ? null : JSON.parse(text), newId);
  } catch {
    return undefined;
  }
}

export default function ConditionField({ schema, text, set }: Props) {
  const { t } = useWords();
  const [tree, setTree] = useState(() => readTree(text));
  const [asJson, setAsJson] = useState(tree === undefined);
  const change = (next: ConditionTree): void => {
    setTree(next);
    // `null` takes a condition away; leaving the field out would keep it.
    set(JSON.stringify(conditionOf(next), null, 2));
  };
  const turn = (): void => {
    if (asJson) setTree(readTree(text));
    setAsJson(!asJson);
  };
  return (
    <SpaceBetween size="s">
      {asJson || tree === undefined ? (
        <Textarea
          value={text}
          rows={12}
          spellcheck={false}
          ariaLabel={t("editJson")}
          onChange={({ detail }) => set(detail.value)}
        />
      ) : (
        <Tree words={comparisonWords(schema)} {...{ tree, change }} />
      )}
      <Button
        variant="inline-link"
        formAction="none"
        disabled={asJson && readTree(text) === undefined}
        onClick={turn}
      >
        {t(asJson ? "editFields" : "editJson")}
      </Button>
    </SpaceBetween>
  );
}

type TreeProps = {
  readonly words: Words;
  readonly tree: ConditionTree;
  change(tree: ConditionTree): void;
};

/** The same rows with one replaced, or without it. */
const replaced = <Row extends { readonly id: string }>(
  rows: readonly Row[],
  id: string,
  next: Row | undefined,
): Row[] => rows.flatMap((row) => (row.id !== id ? [row] : next === undefined ? [] : [next]));

function Tree({ words, tree, change }: TreeProps) {
  const { t } = useWords();
  const { rows } = tree;
  const add = (row: ConditionTree["rows"][number]) => change({ ...tree, rows: [...rows, row] });
  return (
    <SpaceBetween size="s">
      {rows.length === 0 ? <Box color="text-body-secondary">{t("everyRequest")}</Box> : null}
      {rows.length < 2 ? null : <Join group={tree} change={change} />}
      {rows.map((row, at) =>
        "rows" in row ? (
          <Container key={row.id}>
            <Inner
              {...{ words, group: row, number: at + 1 }}
              change={(next) => change({ ...tree, rows: replaced(rows, row.id, next) })}
            />
          </Container>
        ) : (
          <ComparisonRow
            key={row.id}
            {...{ words, row }}
            number={String(at + 1)}
            change={(next) => change({ ...tree, rows: replaced(rows, row.id, next) })}
          />
        ),
      )}
      <SpaceBetween direction="horizontal" size="xs">
        <Button formAction="none" iconName="add-plus" onClick={() => add(newComparison(newId()))}>
          {t("addCondition")}
        </Button>
        <Button
          formAction="none"
          iconName="add-plus"
          onClick={() =>
            add({
              id: newId(),
              join: "any",
              rows: [newComparison(newId()), newComparison(newId())],
            })
          }
        >
          {t("addGroup")}
        </Button>
      </SpaceBetween>
    </SpaceBetween>
  );
}

type InnerProps = {
  readonly words: Words;
  readonly group: Group<Comparison>;
  readonly number: number;
  change(group: Group<Comparison> | undefined): void;
};

function Inner({ words, group, number, change }: InnerProps) {
  const { t } = useWords();
  const { rows } = group;
  const put = (next: readonly Comparison[]) =>
    change(next.length === 0 ? undefined : { ...group, rows: next });
  return (
    <SpaceBetween size="s">
      <Join {...{ group, change }} />
      {rows.map((row, at) => (
        <ComparisonRow
          key={row.id}
          {...{ words, row }}
          number={`${number}.${at + 1}`}
          change={(next) => put(replaced(rows, row.id, next))}
        />
      ))}
      <Button
        formAction="none"
        iconName="add-plus"
        onClick={() => put([...rows, newComparison(newId())])}
      >
        {t("addCondition")}
      </Button>
    </SpaceBetween>
  );
}

/** Whether all rows of a group must hold, or any. */
function Join<Row>({ group, change }: { group: Group<Row>; change(group: Group<Row>): void }) {
  const { t } = useWords();
  return (
    <SegmentedControl
      label={t("joinedBy")}
      selectedId={group.join}
      onChange={({ detail }) =>
        change({ ...group, join: detail.selectedId === "any" ? "any" : "all" })
      }
      options={[
        { id: "all", text: t("allOfThese") },
        { id: "any", text: t("anyOfThese") },
      ]}
    />
  );
}
