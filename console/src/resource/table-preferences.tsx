/** Which columns a list shows, in which order, and how many rows: kept in this browser. */
import CollectionPreferences from "@cloudscape-design/components/collection-preferences";
import type { Resource } from "../../../src/kernel/operation.ts";
import { useWords } from "../language.tsx";
import { useStored } from "../preferences.ts";

const PAGE_SIZES = [20, 50, 100];
type Column = { readonly id: string; readonly visible: boolean };
type Preferences = {
  readonly pageSize: number;
  readonly columns: readonly Column[];
  readonly wrapLines: boolean;
};

function isPreferences(value: unknown): value is Preferences {
  if (typeof value !== "object" || value === null) return false;
  if (!("pageSize" in value) || !("columns" in value)) return false;
  return PAGE_SIZES.includes(Number(value.pageSize)) && Array.isArray(value.columns);
}

/** What was chosen for a resource; columns that came with a newer Cordon are added at the end. */
export function useTablePreferences({ name, columns }: Resource) {
  const otherwise: Preferences = {
    pageSize: PAGE_SIZES[0] ?? 20,
    columns: columns.map((id) => ({ id, visible: true })),
    wrapLines: false,
  };
  const [stored, set] = useStored(`table.${name}`, { otherwise, isValid: isPreferences });
  const known = stored.columns.filter(({ id }) => columns.includes(id));
  const added = columns.filter((id) => !known.some((column) => column.id === id));
  const shown = [...known, ...added.map((id) => ({ id, visible: true }))];
  return [{ ...stored, columns: shown }, set] as const;
}

type Props = {
  readonly preferences: Preferences;
  setPreferences(preferences: Preferences): void;
  readonly titleField: string;
};

export function TablePreferences({ preferences, setPreferences, titleField }: Props) {
  const { t, label } = useWords();
  const { pageSize, columns, wrapLines } = preferences;
  return (
    <CollectionPreferences
      title={t("preferences")}
      confirmLabel={t("save")}
      cancelLabel={t("cancel")}
      preferences={{ pageSize, wrapLines, contentDisplay: columns }}
      pageSizePreference={{
        title: t("pageSize"),
        options: PAGE_SIZES.map((value) => ({ value, label: t("rows", { count: value }) })),
      }}
      wrapLinesPreference={{ label: t("wrapLines"), description: t("wrapLinesHelp") }}
      contentDisplayPreference={{
        title: t("columns"),
        options: columns.map(({ id }) => ({
          id,
          label: label(id),
          alwaysVisible: id === titleField,
        })),
      }}
      onConfirm={({ detail }) =>
        setPreferences({
          pageSize: detail.pageSize ?? pageSize,
          wrapLines: detail.wrapLines ?? wrapLines,
          columns: detail.contentDisplay ?? columns,
        })
      }
    />
  );
}
