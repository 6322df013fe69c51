/** The rows of one group of a condition, and the groups within it. */
import Button from "@cloudscape-design/components/button";
import Checkbox from "@cloudscape-design/components/checkbox";
import Container from "@cloudscape-design/components/container";
import SegmentedControl from "@cloudscape-design/components/segmented-control";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useWords } from "../language.tsx";
import { ComparisonRow } from "./comparison-row.tsx";
import {
  type ConditionRow,
  type ConditionWords,
  depthOf,
  type Group,
  isGroup,
  isNegated,
  negate,
  newComparison,
} from "./condition-tree.ts";

/** What all groups of a condition share. */
export type Form = {
  readonly words: ConditionWords;
  /** What the server refused, by the number of a row. */
  readonly faults: ReadonlyMap<string, string>;
  newId(): string;
  /** After the next change the first of these rows or groups that is there gets the focus. */
  focus(ids: readonly string[]): void;
};

type RowsProps = {
  readonly form: Form;
  readonly group: Group;
  /** Levels that its rows may take. */
  readonly room: number;
  /** Levels that its rows may take once there is one more of them. */
  readonly roomForMore: number;
  /** Its place, such as 2.1; empty for the whole. */
  readonly number: string;
  /** The groups around it, the nearest first. */
  readonly around: readonly string[];
  change(rows: readonly ConditionRow[]): void;
};

export function GroupRows({ form, group, room, roomForMore, number, around, change }: RowsProps) {
  const { t } = useWords();
  const { id, rows, join } = group;
  const { words, newId, focus } = form;
  const groups = [id, ...around];
  const put = (at: number) => (next: ConditionRow | undefined) => {
    if (next === undefined) focus(groups);
    change(rows.flatMap((row, here) => (here !== at ? [row] : next === undefined ? [] : [next])));
  };
  const add = (row: ConditionRow, first: string) => {
    focus([first]);
    change([...rows, row]);
  };
  const addGroup = (): void => {
    const inner = [newComparison(newId()), newComparison(newId())];
    // A group joined as the one around it would say nothing new.
    const other = join === "all" ? "any" : "all";
    add({ id: newId(), nots: 0, join: other, rows: inner }, inner[0]?.id ?? "");
  };
  const deepest = Math.max(0, ...rows.map(depthOf));
  const isFull = rows.length >= words.rowsMax || deepest > roomForMore;
  const suffix = number === "" ? "" : ` ${number}`;
  const why = t("conditionFull", { depth: words.depthMax, rows: words.rowsMax });
  return (
    <SpaceBetween size="s">
      {rows.map((row, at) => (
        <RowOf
          key={row.id}
          {...{ form, row, room }}
          number={number === "" ? String(at + 1) : `${number}.${at + 1}`}
          around={groups}
          change={put(at)}
        />
      ))}
      <SpaceBetween direction="horizontal" size="xs">
        <Button
          formAction="none"
          iconName="add-plus"
          disabled={isFull}
          disabledReason={why}
          ariaLabel={`${t("addCondition")}${suffix}`}
          nativeButtonAttributes={{ "data-add": id }}
          onClick={() => {
            const row = newComparison(newId());
            add(row, row.id);
          }}
        >
          {t("addCondition")}
        </Button>
        <Button
          formAction="none"
          iconName="add-plus"
          disabled={isFull || roomForMore < 1}
          disabledReason={why}
          ariaLabel={`${t("addGroup")}${suffix}`}
          onClick={addGroup}
        >
          {t("addGroup")}
        </Button>
      </SpaceBetween>
    </SpaceBetween>
  );
}

type RowProps = Pick<RowsProps, "form" | "room" | "number" | "around"> & {
  readonly row: ConditionRow;
  /** Undefined removes it. */
  change(row: ConditionRow | undefined): void;
};

function RowOf({ form, row, room, number, around, change }: RowProps) {
  const { t } = useWords();
  const canNegate = isNegated(row) || depthOf(row) < room;
  if (!isGroup(row)) {
    return (
      <div data-row={row.id}>
        <ComparisonRow
          {...{ words: form.words, row, number, canNegate, change }}
          fault={form.faults.get(number)}
        />
      </div>
    );
  }
  const inner = room - row.nots - 1;
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset would take the look of the container.
    <div role="group" aria-label={t("groupNumber", { number })}>
      <Container>
        <SpaceBetween size="s">
          <Joined {...{ group: row, number, canNegate, change }} remove={() => change(undefined)} />
          <GroupRows
            {...{ form, group: row, number, around, room: inner, roomForMore: inner }}
            change={(rows) => change(rows.length === 0 ? undefined : { ...row, rows })}
          />
        </SpaceBetween>
      </Container>
    </div>
  );
}

type JoinedProps<Kind extends Group> = {
  readonly group: Kind;
  /** Empty for the whole. */
  readonly number: string;
  readonly canNegate: boolean;
  change(group: Kind): void;
  remove?(): void;
};

/** Whether all rows of a group must hold or any, or not. */
export function Joined<Kind extends Group>(props: JoinedProps<Kind>) {
  const { group, number, canNegate, change, remove } = props;
  const { t } = useWords();
  const suffix = number === "" ? "" : ` ${number}`;
  return (
    <SpaceBetween direction="horizontal" size="m" alignItems="center">
      <SegmentedControl
        label={`${t("joinedBy")}${suffix}`}
        selectedId={group.join}
        onChange={({ detail }) =>
          change({ ...group, join: detail.selectedId === "any" ? "any" : "all" })
        }
        options={[
          { id: "all", text: t("allOfThese") },
          { id: "any", text: t("anyOfThese") },
        ]}
      />
      <Checkbox
        checked={isNegated(group)}
        disabled={!canNegate}
        ariaLabel={t("negatedGroup", { number }).trim()}
        onChange={({ detail }) => change(negate(group, detail.checked))}
      >
        {t("negated")}
      </Checkbox>
      {remove === undefined ? null : (
        <Button
          formAction="none"
          iconName="remove"
          ariaLabel={t("removeGroup", { number })}
          onClick={remove}
        />
      )}
    </SpaceBetween>
  );
}
