/**
 * Whether what should guard does: sites by mode, nodes and what they run, events and their age,
 * who is told, backups, second factors, keys that rotate. What is not good says what to do next.
 */
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
  const { count: blocking, denied } = useCount(listSites, ["mode", "block"]);
  const { count: open } = useCount(listSites, ["mode", "observe", "off"]);
  if (denied) return [];
  const of = (...modes: string[]) =>
    listAddress(
      "sites",
      modes.map((value) => ({ field: "mode", operator: "=" as const, value })),
    );
  return [
    {
      label: t("sitesBlocking"),
      value: blocking,
      href: blocking === 0 ? "/sites" : of("block"),
      type: blocking === 0 ? "warning" : "success",
      hint: blocking === 0 ? t("blockNext") : "",
    },
    {
      label: t("sitesNotBlocking"),
      value: open,
      href: of("observe", "off"),
      type: open === 0 ? "success" : "warning",
      hint: open === 0 ? "" : t("observeNext"),
    },
  ];
}

const ENABLED: Item = { name: "enabled", values: ["true"], operator: "eq" };
const PERSON: Item = { name: "kind", values: ["person"], operator: "eq" };

/** Whether somebody is told of what happens. */
function useNotified(): Figure[] {
  const { t } = useWords();
  const { listRoutes, listChannels } = catalog.notify.operations;
  const routes = useCount(listRoutes, ["enabled", "true"]);
  const channels = useCount(listChannels, ["enabled", "true"]);
  if (routes.denied || channels.denied) return [];
  const told = routes.count !== 0 && channels.count !== 0;
  const next = channels.count === 0 ? "/channels/create" : "/notification-routes/create";
  return [
    {
      label: t("notificationsConfigured"),
      value: routes.count,
      href: told ? "/notification-routes" : next,
      type: told ? "success" : "warning",
      hint: told ? "" : t(channels.count === 0 ? "channelNext" : "routeNext"),
    },
  ];
}

/** People who sign in with a password alone. */
function usePeople(): Figure[] {
  const { t } = useWords();
  const { count, denied } = useCount(
    catalog.iam.operations.listUsers,
    ["mfaEnrolled", "false"],
    [ENABLED, PERSON],
  );
  if (denied) return [];
  const tokens = [
    { field: "mfaEnrolled", operator: "=" as const, value: "false" },
    { field: "enabled", operator: "=" as const, value: "true" },
    { field: "kind", operator: "=" as const, value: "person" },
  ];
  return [
    {
      label: t("withoutFactor"),
      value: count,
      href: listAddress("users", tokens),
      type: count === 0 ? "success" : "warning",
      hint: count === 0 ? "" : t("factorNext"),
    },
  ];
}

/** Symmetric keys made here that are in use, and how many of them rotate by themselves. */
function useKeyRotation(): Figure[] {
  const { t } = useWords();
  const filters = [
    { name: "state", values: ["enabled"], operator: "eq" },
    { name: "origin", values: ["CORDON"], operator: "eq" },
    { name: "usage", values: ["ENCRYPT_DECRYPT"], operator: "eq" },
  ];
  const { answer, denied } = useAnswer(catalog.kms.operations.listKeys, {
    filters,
    pageSize: LISTED_MAX,
  });
  if (denied) return [];
  const keys = answer === undefined ? undefined : itemsOf(answer);
  const rotating = keys?.filter(({ rotationPeriodDays }) => rotationPeriodDays !== null).length;
  const all = rotating === keys?.length;
  return [
    {
      label: t("keysRotating"),
      value: keys === undefined ? undefined : `${rotating} / ${keys.length}`,
      href: listAddress("keys", [
        { field: "state", operator: "=", value: "enabled" },
        { field: "usage", operator: "=", value: "ENCRYPT_DECRYPT" },
      ]),
      type: all ? "success" : "warning",
      hint: all ? "" : t("rotationNext"),
    },
  ];
}

/** How often backups are made by themselves. */
function useBackups(operator: boolean): Figure[] {
  const { t, numberText } = useWords();
  const { answer, denied } = useAnswer(catalog.backup.operations.getStatus, {}, operator);
  if (!operator || denied) return [];
  const hours = everyHoursOf(answer?.schedule);
  return [
    {
      label: t("backupsScheduled"),
      value:
        answer === undefined
          ? undefined
          : hours === 0
            ? t("never")
            : t("everyHours", { hours: numberText(hours) }),
      href: "/backup",
      type: hours === 0 ? "warning" : "success",
      hint: hours === 0 ? t("scheduleNext") : "",
    },
  ];
}

function everyHoursOf(schedule: unknown): number {
  if (typeof schedule !== "object" || schedule === null || !("everyHours" in schedule)) return 0;
  return Number(schedule.everyHours);
}

function useNodeFigures(operator: boolean): Figure[] {
  const { t } = useWords();
  const { answer, denied } = useAnswer(
    catalog.fleet.operations.listNodes,
    { pageSize: LISTED_MAX },
    operator,
  );
  if (!operator || denied) return [];
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
  const listed = useAnswer(catalog.waf.operations.listRules, ONE);
  const found = useAnswer(catalog.events.operations.searchEvents, ONE);
  const response = useAnswer(catalog.incident.operations.getAutomaticResponse, {});
  const blocks = useCount(catalog.incident.operations.listResponses, ["state", "active"]);
  const [rules, events, automatic] = [listed.answer, found.answer, response.answer];
  const age = events?.newestAgeSeconds;
  const seconds = typeof age === "number" ? Math.round(age) : undefined;
  const count = rules === undefined ? undefined : Number(rules.totalCount);
  const others: Figure[] = [
    {
      label: t("rulesInstalled"),
      value: count,
      href: "/rules",
      type: count === 0 ? "error" : "success",
      denied: listed.denied,
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
      denied: found.denied,
    },
    {
      label: t("activeBlocks"),
      value: blocks.count,
      href: listAddress("responses", [{ field: "state", operator: "=", value: "active" }]),
      type: "info",
      denied: blocks.denied,
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
      denied: response.denied,
    },
  ];
  const people = usePeople();
  const keys = useKeyRotation();
  const backups = useBackups(operator);
  const notified = useNotified();
  return (
    <Figures
      figures={[...sites, ...nodes, ...others, ...notified, ...backups, ...people, ...keys]}
    />
  );
}
