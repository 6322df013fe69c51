/** The page about one of any resource, in tabs; the chosen tab stands in the address. */
import Alert from "@cloudscape-design/components/alert";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import Link from "@cloudscape-design/components/link";
import SegmentedControl from "@cloudscape-design/components/segmented-control";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Spinner from "@cloudscape-design/components/spinner";
import Tabs from "@cloudscape-design/components/tabs";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { callAny } from "../api/client.ts";
import { useWords, WordsOf } from "../language.tsx";
import { setQueryValues, useAddress } from "../location.ts";
import { Failure } from "../shell/failure.tsx";
import { useNotices } from "../shell/notices.tsx";
import { AsCode } from "./as-code.tsx";
import { Fields } from "./fields.tsx";
import type { FilterToken } from "./filter-text.ts";
import { History } from "./history.tsx";
import { ItemButtons } from "./item-buttons.tsx";
import { OperationForm } from "./operation-form.tsx";
import ResourceTable from "./resource-table.tsx";
import { type Item, nameOf, operationOf, resourceAt, type Shown } from "./resources.ts";

export type Part = { readonly id: string; readonly label: string; readonly content: ReactNode };
/** A tab, or several parts of one; the address names the part. */
export type Tab = Part | { readonly label: string; readonly parts: readonly Part[] };
type Props = {
  readonly shown: Shown;
  readonly id: string;
  /** Tabs of this resource alone; they stand behind the overview. */
  more?(item: Item, answer: Item): readonly Tab[];
  /** Stands above the fields on the overview. */
  above?(item: Item, answer: Item): ReactNode;
  /** The item in an answer that holds more than it. */
  itemOf?(answer: Item): Item;
  readonly refreshMs?: number;
};

export default function ResourceDetail(props: Props) {
  return (
    <WordsOf service={props.shown.contract.service}>
      <ItemDetail {...props} />
    </WordsOf>
  );
}

function ItemDetail(props: Props) {
  const { shown, id, more, above, itemOf = (answer) => answer, refreshMs } = props;
  const { t, told } = useWords();
  const { resource } = shown;
  const get = operationOf(shown, "get");
  const fixed = { [resource.idField]: id };
  const query = useQuery({
    queryKey: [resource.name, "one", id],
    queryFn: () => (get === undefined ? fixed : callAny(get, fixed)),
    refetchInterval: refreshMs ?? false,
  });
  if (query.isError && query.data === undefined) {
    return <Unread {...{ shown, id }} error={query.error} retry={() => void query.refetch()} />;
  }
  if (query.data === undefined) return <Spinner />;
  const item = itemOf(query.data);
  const tabs: Tab[] = [
    {
      id: "overview",
      label: t("overview"),
      content: (
        <SpaceBetween size="l">
          {above?.(item, query.data)}
          <Fields item={item} resource={resource.name} />
        </SpaceBetween>
      ),
    },
    ...(more?.(item, query.data) ?? []),
    ...commonTabs({ shown, id, item, t }),
  ];
  return (
    <SpaceBetween size="l">
      <Header variant="h1" actions={<DetailActions {...{ shown, item }} />}>
        <span className="long-name">{nameOf(shown, item, told)}</span>
      </Header>
      <AddressTabs tabs={tabs} />
    </SpaceBetween>
  );
}

type UnreadProps = {
  readonly shown: Shown;
  readonly id: string;
  readonly error: unknown;
  retry(): void;
};

/** The thing cannot be read: why, again, and the way back to its list. */
function Unread({ shown, id, error, retry }: UnreadProps) {
  const { t, resourceTitle } = useWords();
  return (
    <SpaceBetween size="l">
      <Header variant="h1">
        <span className="long-name">{id}</span>
      </Header>
      <Alert type="error" action={<Button onClick={retry}>{t("retry")}</Button>}>
        <Failure error={error} />
      </Alert>
      <Link href={`/${shown.path}`}>{resourceTitle(shown.resource.name)}</Link>
    </SpaceBetween>
  );
}

function DetailActions({ shown, item }: { shown: Shown; item: Item }) {
  const { t } = useWords();
  const client = useQueryClient();
  return (
    <SpaceBetween direction="horizontal" size="xs">
      <Button
        iconName="refresh"
        ariaLabel={t("refresh")}
        nativeButtonAttributes={{ "data-key": "r" }}
        onClick={() => void client.invalidateQueries()}
      />
      <ItemButtons shown={shown} item={item} without="delete" />
    </SpaceBetween>
  );
}

const partsOf = (tab: Tab): readonly Part[] => ("parts" in tab ? tab.parts : [tab]);
const idOf = (tab: Tab): string => partsOf(tab)[0]?.id ?? "";

/** Tabs whose choice is in the address; what a tab's own list keeps there goes when it is left. */
export function AddressTabs({ tabs }: { tabs: readonly Tab[] }) {
  const { t } = useWords();
  const chosen = useAddress().searchParams.get("tab") ?? "";
  const active = tabs.find((tab) => partsOf(tab).some(({ id }) => id === chosen)) ?? tabs[0];
  if (active === undefined) return null;
  const parts = partsOf(active);
  const part = parts.find(({ id }) => id === chosen) ?? parts[0];
  const change = (id: string) =>
    setQueryValues({
      tab: tabs[0] !== undefined && id === idOf(tabs[0]) ? "" : id,
      filter: "",
      page: "",
      sort: "",
      row: "",
      changes: "",
    });
  const content = (
    <SpaceBetween size="m">
      {parts.length === 1 ? null : (
        <SegmentedControl
          label={t("partsOf", { name: active.label })}
          selectedId={part?.id ?? null}
          onChange={({ detail }) => change(detail.selectedId)}
          options={parts.map(({ id, label }) => ({ id, text: label }))}
        />
      )}
      {part?.content}
    </SpaceBetween>
  );
  return (
    <Tabs
      activeTabId={idOf(active)}
      onChange={({ detail }) => change(detail.activeTabId)}
      tabs={tabs.map((tab) => ({
        id: idOf(tab),
        label: tab.label,
        content: tab === active ? content : null,
      }))}
    />
  );
}

type CommonProps = {
  readonly shown: Shown;
  readonly id: string;
  readonly item: Item;
  readonly t: ReturnType<typeof useWords>["t"];
};

/** The tabs that every resource has, as far as its contract and its fields go. */
function commonTabs({ shown, id, item, t }: CommonProps): Tab[] {
  const { resource, contract } = shown;
  const events = resourceAt("search");
  const audit = resourceAt("audit");
  const about: readonly FilterToken[] = [{ field: resource.idField, operator: "=", value: id }];
  const hasEvents = events?.filterable.includes(resource.idField) === true;
  const ofRecord: readonly FilterToken[] = [{ field: "resource", operator: ":", value: id }];
  const update = operationOf(shown, "update");
  const tabs: (Tab | undefined)[] = [
    update === undefined || item.managed === true
      ? undefined
      : {
          id: "settings",
          label: t("settings"),
          content: <Settings key={String(item.updateTime)} {...{ shown, id, item }} />,
        },
    events === undefined || !hasEvents
      ? undefined
      : {
          id: "events",
          label: t("events"),
          content: <ResourceTable shown={events} always={about} fixed={lastWeek()} embedded />,
        },
    contract.service === "audit" || audit === undefined
      ? undefined
      : {
          id: "history",
          label: t("history"),
          content: <History audit={audit} always={ofRecord} />,
        },
    { id: "code", label: t("asCode"), content: <AsCode {...{ shown, id, item }} /> },
    resource.delete === undefined
      ? undefined
      : { id: "danger", label: t("danger"), content: <Danger {...{ shown, item }} /> },
  ];
  return tabs.filter((tab) => tab !== undefined);
}

const WEEK_MS = 604_800_000;
/** To the minute, so that the same search is the same key for a while. */
function lastWeek(): Item {
  const minute = Math.floor(Date.now() / 60_000) * 60_000;
  return { startTime: new Date(minute - WEEK_MS).toISOString() };
}

function Settings({ shown, id, item }: { shown: Shown; id: string; item: Item }) {
  const { t } = useWords();
  const { succeeded } = useNotices();
  const client = useQueryClient();
  const update = operationOf(shown, "update");
  if (update === undefined) return null;
  const done = async (): Promise<void> => {
    await client.invalidateQueries();
    succeeded(t("saved"));
  };
  return (
    <Container>
      <OperationForm
        {...{ operation: update, fixed: { [shown.resource.idField]: id }, initial: item }}
        submitText={t("save")}
        done={() => void done()}
      />
    </Container>
  );
}

function Danger({ shown, item }: { shown: Shown; item: Item }) {
  const { t, operationTitle } = useWords();
  const remove = operationOf(shown, "delete");
  if (remove === undefined) return null;
  return (
    <Container header={<Header variant="h2">{operationTitle(remove)}</Header>}>
      <SpaceBetween size="m">
        <div>{t(remove.dangerous === true ? "dangerFinal" : "dangerPlain")}</div>
        <ItemButtons shown={shown} item={item} without="others" />
      </SpaceBetween>
    </Container>
  );
}
