/** What was done with one thing, from the record: the changes, or every look at it as well. */
import SpaceBetween from "@cloudscape-design/components/space-between";
import Toggle from "@cloudscape-design/components/toggle";
import { useWords } from "../language.tsx";
import { useQueryValue } from "../location.ts";
import type { FilterToken } from "./filter-text.ts";
import ResourceTable from "./resource-table.tsx";
import type { Item, Shown } from "./resources.ts";

const CHANGES: Item = { changesOnly: true };
const ALL: Item = {};

type Props = { readonly audit: Shown; readonly always: readonly FilterToken[] };

export function History({ audit, always }: Props) {
  const { t } = useWords();
  const [changes, setChanges] = useQueryValue("changes");
  // The console itself reads a thing every few seconds while its page is open.
  const only = changes !== "false";
  return (
    <SpaceBetween size="m">
      <Toggle checked={only} onChange={({ detail }) => setChanges(detail.checked ? "" : "false")}>
        {t("changesOnly")}
      </Toggle>
      <ResourceTable shown={audit} always={always} fixed={only ? CHANGES : ALL} embedded />
    </SpaceBetween>
  );
}
