/** Names of what ids name: each list is asked for once, and shared with the fields of forms. */
import { useQuery } from "@tanstack/react-query";
import { callAny } from "../api/client.ts";
import { useWords } from "../language.tsx";
import { resourceOfField, resourceOfId } from "./id-field-of.ts";
import { type Item, itemsOf, nameOf, operationOf, type Shown } from "./resources.ts";

const LISTED_MAX = 100;
const STALE_MS = 60_000;

/** The items of a resource that one can choose from or that have a name here. */
export function useNamed(shown: Shown | undefined) {
  const list = shown === undefined ? undefined : operationOf(shown, "list");
  return useQuery({
    queryKey: [shown?.resource.name ?? "", "options"],
    queryFn: async (): Promise<readonly Item[]> =>
      list === undefined ? [] : itemsOf(await callAny(list, { pageSize: LISTED_MAX })),
    retry: false,
    staleTime: STALE_MS,
    enabled: list !== undefined,
  });
}

/** The name of what a field's id names; undefined while it is not known, or to this caller. */
export function useNameOf(field: string, id: string): string | undefined {
  const { told } = useWords();
  const shown = resourceOfField(field) ?? resourceOfId(id);
  const { data = [] } = useNamed(shown);
  const item = shown && data.find((one) => String(one[shown.resource.idField]) === id);
  return shown === undefined || item === undefined ? undefined : nameOf(shown, item, told);
}
