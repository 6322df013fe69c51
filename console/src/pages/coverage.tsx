/** Whether what should guard does: sites by mode, nodes and what they run, events and their age. */
import { catalog } from "../../../src/catalog.ts";
import { useWords } from "../language.tsx";
import { type Item, itemsOf, listAddress } from "../resource/resources.ts";
import { type Figure, Figures } from "./figures.tsx";
import { useAnswer, useCount } from "./home-data.ts";

const LISTED_MAX = 100;
const ONE: Item = { pageSize: 1 };

function useSiteFigures(): Figure[] {
  const { t } = useWords();
  const { listSites } = catalog.waf.operations;
  const blocking = useCount(listSites, ["mode", "block"]);
  const open = useCount(listSites, ["mode", "observe", "off"]);
  const of = (...modes: string[]) =>
    listAddress(
      "sites",
      modes.map((value) => ({ field: "mode", operator: "=" as const, value })),
    );
  return [
    { label: t("sitesBlocking"), value: blocking, href: of("block"), type: "success" },
    {
      label: t("sitesNotBlocking"),
      value: open,
      href: of("observe", "off"),
      type: open === 0 ? "success" : "warning",
    },
  ];
}

function useNodeFigures(operator: boolean): Figure[] {
  const { t } = useWords();
  const { answer } = useAnswer(
    catalog.fleet.operations.listNodes,
    { pageSize: LISTED_MAX },
    operator,
  );
  if (!operator) return [];
  const nodes = answer === undefined ? undefined : itemsOf(answer);
  const current = nodes?.filter(({ state }) => state === "current") ?? [];
  const gateways = current.filter(({ plane }) => plane === "gateway").length;
  const versions = [...new Set(current.map(({ runningVersion }) => String(runningVersion)))];
  return [
    {
      label: t("nodesCurrent"),
      value: nodes === undefined ? undefined : `${current.length} / ${nodes.length}`,
      href: "/nodes",
      type: nodes !== undefined && current.length === nodes.length ? "success" : "warning",
      hint: t("nodesHint", { gateways, version: versions.join(", ") || "–" }),
    },
  ];
}

export function Coverage({ operator }: { operator: boolean }) {
  const { t, valueText, numberText } = useWords();
  const sites = useSiteFigures();
  const nodes = useNodeFigures(operator);
  const rules = useAnswer(catalog.waf.operations.listRules, ONE).answer;
  const events = useAnswer(catalog.events.operations.searchEvents, ONE).answer;
  const automatic = useAnswer(catalog.incident.operations.getAutomaticResponse, {}).answer;
  const active = useCount(catalog.incident.operations.listResponses, ["state", "active"]);
  const age = events?.newestAgeSeconds;
  const seconds = typeof age === "number" ? Math.round(age) : undefined;
  const count = rules === undefined ? undefined : Number(rules.totalCount);
  const others: Figure[] = [
    {
      label: t("rulesInstalled"),
      value: count,
      href: "/rules",
      type: count === 0 ? "error" : "success",
    },
    {
      label: t("newestEvent"),
      value:
        events === undefined
          ? undefined
          : seconds === undefined
            ? t("none")
            : t("secondsAgo", { seconds: numberText(seconds) }),
      href: "/search",
      type: seconds === undefined ? "stopped" : "success",
      hint:
        events === undefined
          ? ""
          : t("eventsToday", { count: numberText(Number(events.totalCount)) }),
    },
    {
      label: t("activeBlocks"),
      value: active,
      href: listAddress("responses", [{ field: "state", operator: "=", value: "active" }]),
      type: "info",
    },
    {
      label: t("automaticBlocks"),
      value:
        automatic === undefined
          ? undefined
          : automatic.enabled === true
            ? t("on")
            : valueText("off"),
      href: "/automatic-response",
      type: automatic?.enabled === true ? "success" : "stopped",
    },
  ];
  return <Figures figures={[...sites, ...nodes, ...others]} />;
}
