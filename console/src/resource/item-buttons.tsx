/** Buttons for the chosen item: its states, the contract's actions on it, and its end. */
import Button from "@cloudscape-design/components/button";
import ButtonDropdown from "@cloudscape-design/components/button-dropdown";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useQueryClient } from "@tanstack/react-query";
import { lazy, Suspense, useState } from "react";
import type { Operation } from "../../../src/kernel/operation.ts";
import { callAny } from "../api/client.ts";
import { useWords } from "../language.tsx";
import { navigate } from "../location.ts";
import { useNotices } from "../shell/notices.tsx";
import { shownFields } from "./answer-fields.ts";
import { itemActions, statusChoices } from "./resource-actions.ts";
import { type Item, nameOf, operationOf, type Shown } from "./resources.ts";

const OperationDialog = lazy(() => import("./operation-dialog.tsx"));
type Props = {
  readonly shown: Shown;
  readonly item: Item | undefined;
  /** Leaves out what stands elsewhere on the page: the end, or everything but the end. */
  readonly without?: "delete" | "others";
  left?(): void;
};

/** More actions than these stand in a menu. */
const BUTTONS_MAX = 3;

/** States that an operation leaves nothing to do in. */
const FINAL_STATES = ["expired", "revoked", "deleted"];

/** Operations that do something only to some items. */
const USABLE: Readonly<Record<string, (item: Item) => boolean>> = {
  "notify.retryDelivery": ({ state }) => state === "failed",
  "waf.restoreGeoDatabase": ({ inForce }) => inForce === false,
  "waf.rollBackRuleSet": ({ previousRuleSetId }) => previousRuleSetId !== null,
};

function usable({ name }: Operation, item: Item): boolean {
  if (name.includes(".revoke")) return !FINAL_STATES.includes(String(item.state));
  return USABLE[name]?.(item) ?? true;
}

export function ItemButtons({ shown, item, without, left }: Props) {
  const { t, told, operationTitle } = useWords();
  const [asked, ask] = useState<Operation>();
  const remove = without === "delete" ? undefined : operationOf(shown, "delete");
  const { idField, get } = shown.resource;
  // What has no page with a form of its own is changed here.
  const update = get === undefined ? operationOf(shown, "update") : undefined;
  const changes = update === undefined ? [] : [update];
  const actions = without === "others" ? [] : [...changes, ...itemActions(shown)];
  const finished = (): void => {
    if (asked === remove) left?.();
    if (asked === remove) navigate(`/${shown.path}`);
  };
  return (
    <SpaceBetween direction="horizontal" size="xs">
      {without === "others" ? null : <StatusButtons {...{ shown, item }} />}
      {actions.length <= BUTTONS_MAX ? null : (
        <ButtonDropdown
          disabled={item === undefined}
          items={actions.map((operation) => ({
            id: operation.name,
            text: operationTitle(operation),
            disabled: item === undefined || !usable(operation, item),
          }))}
          onItemClick={({ detail }) => ask(actions.find(({ name }) => name === detail.id))}
        >
          {t("actions")}
        </ButtonDropdown>
      )}
      {(actions.length > BUTTONS_MAX ? [] : actions).map((operation) => (
        <Button
          key={operation.name}
          disabled={item === undefined || !usable(operation, item)}
          onClick={() => ask(operation)}
        >
          {operationTitle(operation)}
        </Button>
      ))}
      {remove === undefined ? null : (
        <Button disabled={item === undefined || item.managed === true} onClick={() => ask(remove)}>
          {t("remove")}
        </Button>
      )}
      {asked === undefined || item === undefined ? null : (
        <Suspense>
          <OperationDialog
            operation={asked}
            fixed={{ [idField]: item[idField] }}
            initial={asked === update ? item : {}}
            name={nameOf(shown, item, told)}
            known={shownFields(shown)}
            close={() => ask(undefined)}
            done={finished}
          />
        </Suspense>
      )}
    </SpaceBetween>
  );
}

/** One click for each state that the contract lets a person set. */
function StatusButtons({ shown, item }: Pick<Props, "shown" | "item">) {
  const { t, valueText } = useWords();
  const { failed } = useNotices();
  const client = useQueryClient();
  const update = operationOf(shown, "update");
  const statuses = statusChoices(shown);
  const { idField } = shown.resource;
  const setStatus = async (status: string): Promise<void> => {
    if (update === undefined || item === undefined) return;
    try {
      await callAny(update, { [idField]: item[idField], status });
      await client.invalidateQueries();
    } catch (error) {
      failed(error);
    }
  };
  return (
    <SpaceBetween direction="horizontal" size="xs">
      {statuses.length === 0 ? null : (
        <ButtonDropdown
          disabled={item === undefined}
          items={statuses.map((id) => ({
            id,
            text: valueText(id),
            disabled: item?.status === id,
          }))}
          onItemClick={({ detail }) => void setStatus(detail.id)}
        >
          {t("setStatus")}
        </ButtonDropdown>
      )}
      {statuses.includes("acknowledged") && item?.status === "open" ? (
        <Button
          nativeButtonAttributes={{ "data-key": "e" }}
          onClick={() => void setStatus("acknowledged")}
        >
          {t("acknowledge")}
        </Button>
      ) : null}
    </SpaceBetween>
  );
}
