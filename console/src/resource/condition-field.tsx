/** A condition as a form: comparisons joined by all or any, groups within groups; or its JSON. */
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Textarea from "@cloudscape-design/components/textarea";
import { useEffect, useRef, useState } from "react";
import { useWords } from "../language.tsx";
import { faultsByRow } from "./condition-fault.ts";
import { type Form, GroupRows, Joined } from "./condition-group.tsx";
import { ConditionOutline } from "./condition-outline.tsx";
import {
  type ConditionTree,
  type ConditionWords,
  conditionOf,
  conditionWords,
  depthOf,
  isGroup,
  isNegated,
  treeOf,
} from "./condition-tree.ts";
import type { FieldSchema } from "./field-schema.ts";

type Props = {
  readonly schema: FieldSchema;
  /** JSON; empty or null: every request. */
  readonly text: string;
  /** What the server refused of it, by path. */
  readonly fault: string | undefined;
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

export default function ConditionField({ schema, text, fault, set }: Props) {
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
        <Tree words={conditionWords(schema)} faults={faultsByRow(fault)} {...{ tree, change }} />
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
  readonly words: ConditionWords;
  readonly faults: Form["faults"];
  readonly tree: ConditionTree;
  change(tree: ConditionTree): void;
};

/** Puts the focus, after a change, where the person goes on: nobody starts over at the top. */
function useFocus() {
  const inside = useRef<HTMLDivElement>(null);
  const wanted = useRef<readonly string[]>([]);
  useEffect(() => {
    for (const id of wanted.current) {
      const query = `[data-row="${id}"] button, [data-add="${id}"]`;
      const found = inside.current?.querySelector<HTMLElement>(query);
      found?.focus();
      if (found) break;
    }
    wanted.current = [];
  });
  const focus = (ids: readonly string[]): void => {
    wanted.current = ids;
  };
  return { inside, focus };
}

function Tree({ words, faults, tree, change }: TreeProps) {
  const { t } = useWords();
  const { inside, focus } = useFocus();
  const form: Form = { words, faults, newId, focus };
  const { rows, isBare, nots } = tree;
  const roomForMore = words.depthMax - nots - 1;
  const isAlone = isBare && rows.length < 2;
  const depth = isAlone ? nots + Math.max(0, ...rows.map(depthOf)) : depthOf(tree);
  const condition = conditionOf(tree);
  return (
    <div ref={inside}>
      <SpaceBetween size="s">
        {rows.length === 0 ? <Box color="text-body-secondary">{t("everyRequest")}</Box> : null}
        {rows.length < 2 && !isNegated(tree) ? null : (
          <Joined
            {...{ group: tree, number: "", change }}
            canNegate={isNegated(tree) || depth < words.depthMax}
          />
        )}
        <GroupRows
          {...{ form, group: tree, number: "", around: [] }}
          room={isAlone ? words.depthMax - nots : roomForMore}
          roomForMore={rows.length === 0 ? words.depthMax - nots : roomForMore}
          change={(next) => change({ ...tree, rows: next })}
        />
        {condition === null || (rows.length < 2 && !rows.some(isGroup)) ? null : (
          <section aria-label={t("inWords")}>
            <Box variant="awsui-key-label">{t("inWords")}</Box>
            <ConditionOutline condition={condition} />
          </section>
        )}
      </SpaceBetween>
    </div>
  );
}
