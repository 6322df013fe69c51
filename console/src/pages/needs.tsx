/** What waits for a person, worst first: incidents, and everything that stopped doing its work. */
import type { StatusIndicatorProps } from "@cloudscape-design/components/status-indicator";
import { catalog } from "../../../src/catalog.ts";
import type { Operation } from "../../../src/kernel/operation.ts";
import { type UiKey, useWords } from "../language.tsx";
import type { FilterToken } from "../resource/filter-text.ts";
import { type Item, itemsOf, listAddress } from "../resource/resources.ts";
import { type Figure, Figures } from "./figures.tsx";
import { useAnswer, useCount } from "./home-data.ts";

const OPEN: FilterToken = { field: "status", operator: "=", value: "open" };
const LISTED_MAX = 100;
const WORST_FIRST: readonly StatusIndicatorProps.Type[] = ["error", "warning"];

/** Good when there is none. */
function typeOf(count: number | undefined, bad: StatusIndicatorProps.Type) {
  return count === 0 ? ("success" as const) : bad;
}

const tokensOf = (field: string, values: readonly string[]): FilterToken[] =>
  values.map((value) => ({ field, operator: "=", value }));

function useIncidentFigure(severities: readonly [string, ...string[]]) {
  const { listIncidents } = catalog.incident.operations;
  const filters = [
    { name: "status", values: ["open"], operator: "eq" },
    { name: "severity", values: severities, operator: "eq" },
  ];
  const { answer, denied } = useAnswer(listIncidents, { filters, pageSize: 1 });
  return {
    denied,
    value: answer === undefined ? undefined : Number(answer.totalCount),
    href: listAddress("incidents", [OPEN, ...tokensOf("severity", severities)]),
  };
}

type Counted = {
  readonly label: UiKey;
  readonly list: Operation;
  readonly path: string;
  readonly field: string;
  readonly values: readonly [string, ...string[]];
  readonly bad: StatusIndicatorProps.Type;
};

/** Lists of which some states need somebody. */
const COUNTED = {
  sites: {
    label: "failedSites",
    list: catalog.waf.operations.listSites,
    path: "sites",
    field: "state",
    values: ["failed"],
    bad: "error",
  },
  upstreams: {
    label: "badUpstreams",
    list: catalog.delivery.operations.listUpstreamStates,
    path: "upstream-states",
    field: "state",
    values: ["down", "ejected"],
    bad: "error",
  },
  pages: {
    label: "changedPages",
    list: catalog.delivery.operations.listGuardedPages,
    path: "guarded-pages",
    field: "state",
    values: ["changed"],
    bad: "error",
  },
  certificates: {
    label: "endingCertificates",
    list: catalog.certificates.operations.listCertificates,
    path: "certificates",
    field: "state",
    values: ["expiring", "expired", "revoked"],
    bad: "warning",
  },
  channels: {
    label: "failingChannels",
    list: catalog.notify.operations.listChannels,
    path: "channels",
    field: "lastState",
    values: ["failed"],
    bad: "error",
  },
} as const satisfies Readonly<Record<string, Counted>>;

function useCounted({ label, list, path, field, values, bad }: Counted): Figure | undefined {
  const { t } = useWords();
  const { count, denied } = useCount(list, [field, ...values]);
  if (denied) return undefined;
  return {
    label: t(label),
    value: count,
    href: listAddress(path, tokensOf(field, values)),
    type: typeOf(count, bad),
  };
}

/** Nodes that lag, and the last backup: the operator's to look after. */
function useOperatorFigures(operator: boolean): Figure[] {
  const { t, agoText } = useWords();
  const nodes = useAnswer(catalog.fleet.operations.listNodes, { pageSize: LISTED_MAX }, operator);
  const status = useAnswer(catalog.backup.operations.getStatus, {}, operator);
  const backup = status.answer;
  if (!operator) return [];
  const listed = nodes.answer === undefined ? undefined : itemsOf(nodes.answer);
  const lagging = listed?.filter((node: Item) => node.state !== "current").length;
  const last = backup?.lastSuccessTime;
  const overdue = typeof backup?.alarm === "string";
  return [
    {
      label: t("laggingNodes"),
      value: lagging,
      href: listAddress("nodes", [{ field: "state", operator: "!=", value: "current" }]),
      type: typeOf(lagging, "warning"),
      denied: nodes.denied,
    },
    {
      label: t("lastBackup"),
      value:
        backup === undefined ? undefined : typeof last === "string" ? agoText(last) : t("never"),
      href: "/backup",
      type: overdue ? "error" : typeof last === "string" ? "success" : "warning",
      hint: overdue || typeof last === "string" ? "" : t("backUpNext"),
      denied: status.denied,
    },
  ];
}

export function Needs({ operator }: { operator: boolean }) {
  const { t } = useWords();
  const grave = useIncidentFigure(["critical", "high"]);
  const other = useIncidentFigure(["medium", "low"]);
  const counted = [
    useCounted(COUNTED.sites),
    useCounted(COUNTED.upstreams),
    useCounted(COUNTED.pages),
    useCounted(COUNTED.certificates),
    useCounted(COUNTED.channels),
  ];
  const figures = [
    { label: t("graveIncidents"), ...grave, type: typeOf(grave.value, "error") },
    { label: t("otherIncidents"), ...other, type: typeOf(other.value, "warning") },
    ...counted.filter((figure) => figure !== undefined),
    ...useOperatorFigures(operator),
  ];
  const rank = ({ type }: Figure) => (WORST_FIRST.indexOf(type) + 3) % 3;
  return <Figures figures={figures.toSorted((left, right) => rank(left) - rank(right))} />;
}
