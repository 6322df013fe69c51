/**
 * A field that is a group of fields, or several rows of them. What it holds is JSON, as the form
 * keeps it, so who prefers JSON may write that instead.
 */
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Textarea from "@cloudscape-design/components/textarea";
import { type ComponentType, useState } from "react";
import { useWords } from "../language.tsx";
import {
  childrenOf,
  type FieldSchema,
  type FormField,
  filledGroup,
  readForm,
  type Texts,
  textOf,
} from "./field-schema.ts";
import type { Item } from "./resources.ts";

/** The control of one field; passed in, since it shows nested fields itself. */
export type Asked = ComponentType<{
  readonly field: FormField;
  readonly text: string;
  readonly fault: string | undefined;
  set(name: string, text: string): void;
}>;

type Props = {
  readonly schema: FieldSchema;
  readonly text: string;
  readonly Asked: Asked;
  set(text: string): void;
};

function parsed(text: string): unknown {
  if (text.trim() === "") return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const isItem = (value: unknown): value is Item =>
  typeof value === "object" && value !== null && !Array.isArray(value);

export default function NestedField({ schema, text, Asked, set }: Props) {
  const { t } = useWords();
  const value = parsed(text);
  const readable = text.trim() === "" || value !== undefined;
  const [asJson, setAsJson] = useState(!readable);
  return (
    <SpaceBetween size="s">
      {asJson ? (
        <Textarea
          value={text}
          rows={10}
          spellcheck={false}
          ariaLabel={t("editJson")}
          onChange={({ detail }) => set(detail.value)}
        />
      ) : schema.type === "array" ? (
        <Rows schema={schema.items ?? {}} {...{ value, Asked, set }} />
      ) : (
        <FieldGroup
          {...{ schema, Asked }}
          item={isItem(value) ? value : {}}
          change={(item) =>
            set(Object.keys(item).length === 0 ? "" : JSON.stringify(item, null, 2))
          }
        />
      )}
      <Button
        variant="inline-link"
        formAction="none"
        disabled={asJson && !readable}
        onClick={() => setAsJson(!asJson)}
      >
        {t(asJson ? "editFields" : "editJson")}
      </Button>
    </SpaceBetween>
  );
}

type RowsProps = Omit<Props, "text"> & { readonly value: unknown };

function Rows({ schema, value, Asked, set }: RowsProps) {
  const { t } = useWords();
  const rows = Array.isArray(value) ? value.filter(isItem) : [];
  const put = (next: readonly Item[]) =>
    set(next.length === 0 ? "" : JSON.stringify(next, null, 2));
  const swap = (at: number) =>
    put(
      rows.flatMap((row, here) =>
        here === at ? [] : here === at + 1 ? [row, rows[at] ?? row] : [row],
      ),
    );
  return (
    <SpaceBetween size="s">
      {rows.length === 0 ? <Box color="text-body-secondary">{t("noRows")}</Box> : null}
      {rows.map((row, at) => (
        // A row has no identity of its own but its place.
        // biome-ignore lint/suspicious/noArrayIndexKey: see above
        <Container key={at}>
          <SpaceBetween size="s">
            <FieldGroup
              {...{ schema, Asked }}
              item={row}
              change={(item) => put(rows.map((other, here) => (here === at ? item : other)))}
            />
            <SpaceBetween direction="horizontal" size="xs">
              <Button
                formAction="none"
                iconName="angle-down"
                disabled={at === rows.length - 1}
                ariaLabel={t("moveDown", { row: at + 1 })}
                onClick={() => swap(at)}
              />
              <Button
                formAction="none"
                iconName="remove"
                ariaLabel={t("removeRow", { row: at + 1 })}
                onClick={() => put(rows.filter((_, here) => here !== at))}
              />
            </SpaceBetween>
          </SpaceBetween>
        </Container>
      ))}
      <Button formAction="none" iconName="add-plus" onClick={() => put([...rows, {}])}>
        {t("addRow")}
      </Button>
    </SpaceBetween>
  );
}

type GroupProps = Pick<Props, "schema" | "Asked"> & {
  readonly item: Item;
  change(item: Item): void;
};

/** What is typed stays as it is typed; what can be read of it goes into the item. */
export function FieldGroup({ schema, item, Asked, change }: GroupProps) {
  const { t } = useWords();
  const fields = childrenOf(schema);
  const [typed, setTyped] = useState<Texts>({});
  const set = (name: string, text: string): void => {
    const next = { ...typed, [name]: text };
    setTyped(next);
    const field = fields
      .filter((one) => one.name === name)
      .map((one) => ({ ...one, required: false }));
    const read = readForm(field, { [name]: text });
    const { [name]: _, ...rest } = item;
    const given = "input" in read ? read.input : { [name]: text };
    change(filledGroup({ ...rest, ...given }, fields));
  };
  return (
    <SpaceBetween size="s">
      {fields.map((field) => {
        const text = typed[field.name] ?? textOf(item[field.name]);
        const read = readForm([{ ...field, required: false }], { [field.name]: text });
        const fault = "faults" in read ? read.faults[field.name] : undefined;
        return (
          <Asked
            key={field.name}
            {...{ field, set, text }}
            fault={fault === undefined ? undefined : t(fault)}
          />
        );
      })}
    </SpaceBetween>
  );
}
