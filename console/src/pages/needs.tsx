/** What waits for a person: open incidents by weight, failed sites, nodes that lag. */
import type { StatusIndicatorProps } from "@cloudscape-design/components/status-indicator";
import { catalog } from "../../../src/catalog.ts";
import { useWords } from "../language.tsx";
import type { FilterToken } from "../resource/filter-text.ts";
import { type Item, itemsOf, listAddress } from "../resource/resources.ts";
import { type Figure, Figures } from "./figures.tsx";
import { useAnswer, useCount } from "./home-data.ts";

const OPEN: FilterToken = { field: "status", operator: "=", value: "open" };
const LISTED_MAX = 100;

/** Good when there is none. */
function typeOf(count: number | undefined, bad: StatusIndicatorProps.Type) {
  return count === 0 ? ("success" as const) : bad;
}

function useIncidentFigure(severities: readonly [string, ...string[]]) {
  const { listIncidents } = catalog.incident.operations;
  const filters = [
    { name: "status", values: ["open"], operator: "eq" },
    { name: "severity", values: severities, operator: "eq" },
  ];
  const { answer } = useAnswer(listIncidents, { filters, pageSize: 1 });
  const tokens = severities.map(
    (value): FilterToken => ({ field: "severity", operator: "=", value }),
  );
  return {
    value: answer === undefined ? undefined : Number(answer.totalCount),
    href: listAddress("incidents", [OPEN, ...tokens]),
  };
}

export function Needs({ operator }: { operator: boolean }) {
  const { t } = useWords();
  const grave = useIncidentFigure(["critical", "high"]);
  const other = useIncidentFigure(["medium", "low"]);
  const failed = useCount(catalog.waf.operations.listSites, ["state", "failed"]);
  const nodes = useAnswer(catalog.fleet.operations.listNodes, { pageSize: LISTED_MAX }, operator);
  const lagging =
    nodes.answer === undefined
      ? undefined
      : itemsOf(nodes.answer).filter((node: Item) => node.state !== "current").length;
  const figures: Figure[] = [
    { label: t("graveIncidents"), ...grave, type: typeOf(grave.value, "error") },
    { label: t("otherIncidents"), ...other, type: typeOf(other.value, "warning") },
    {
      label: t("failedSites"),
      value: failed,
      href: listAddress("sites", [{ field: "state", operator: "=", value: "failed" }]),
      type: typeOf(failed, "error"),
    },
  ];
  if (operator) {
    figures.push({
      label: t("laggingNodes"),
      value: lagging,
      href: listAddress("nodes", [{ field: "state", operator: "!=", value: "current" }]),
      type: typeOf(lagging, "warning"),
    });
  }
  return <Figures figures={figures} />;
}
