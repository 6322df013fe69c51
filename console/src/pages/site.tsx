/** One site: its mode and its story, its exclusions and sources, and the way to take it off. */
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import Link from "@cloudscape-design/components/link";
import SegmentedControl from "@cloudscape-design/components/segmented-control";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Spinner from "@cloudscape-design/components/spinner";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import { useQueryClient } from "@tanstack/react-query";
import { lazy, type ReactNode, Suspense } from "react";
import { catalog } from "../../../src/catalog.ts";
import { callAny } from "../api/client.ts";
import { useWords } from "../language.tsx";
import ResourceDetail, { type Part } from "../resource/resource-detail.tsx";
import ResourceTable from "../resource/resource-table.tsx";
import { type Item, listAddress, resourceAt } from "../resource/resources.ts";
import { useNotices } from "../shell/notices.tsx";
import type { Concern } from "./delivery/concerns.ts";
import { EventHistory } from "./event-history.tsx";
import { readRange } from "./range-text.ts";

const SiteRules = lazy(() => import("./waf/site-rules.tsx"));
const SiteSecLang = lazy(() => import("./waf/site-sec-lang.tsx"));
const SiteKeptReports = lazy(() => import("./appgateway/site-kept-reports.tsx"));
const SiteAccess = lazy(() => import("./appgateway/site-access.tsx"));
const SiteReport = lazy(() => import("./appgateway/site-report.tsx"));
const SiteProposals = lazy(() => import("./appgateway/site-proposals.tsx"));
const SiteCompliance = lazy(() => import("./appgateway/site-compliance.tsx"));
const SiteSettings = lazy(() => import("./delivery/site-settings.tsx"));

const MODES = ["off", "observe", "block"];
const REFRESH_MS = 2_000;

export default function SiteDetail({ siteId }: { siteId: string }) {
  const { t, resourceTitle } = useWords();
  const shown = resourceAt("sites");
  if (shown === undefined) return null;
  const ofSite = [{ field: "siteId", operator: "=" as const, value: siteId }];
  const table = (path: string, filtered = false): Part[] => {
    const of = resourceAt(path);
    if (of === undefined) return [];
    const asked = filtered ? { always: ofSite } : { fixed: { siteId } };
    const label = resourceTitle(of.resource.name);
    return [{ id: path, label, content: <ResourceTable shown={of} {...asked} embedded /> }];
  };
  const part = (id: string, content: ReactNode): Part => ({
    id,
    label: resourceTitle(id),
    content: (
      <Suspense key={id} fallback={<Spinner />}>
        {content}
      </Suspense>
    ),
  });
  const settings = (concern: Concern): Part =>
    part(concern, <SiteSettings siteId={siteId} concern={concern} />);
  const allSettings = (...names: readonly Concern[]): Part[] => names.map(settings);
  const proposals = part("proposal", <SiteProposals siteId={siteId} />);
  const tuning = [proposals, ...allSettings("learning", "requestRecords")];
  return (
    <ResourceDetail
      shown={shown}
      id={siteId}
      refreshMs={REFRESH_MS}
      above={(item) => <Above site={item} />}
      more={() => [
        ...table("incidents", true),
        {
          label: t("rulesOfSite"),
          parts: [
            part("customRule", <SiteRules siteId={siteId} />),
            part("secLang", <SiteSecLang siteId={siteId} />),
            ...table("routes"),
            ...table("exclusions"),
            ...table("list-entries"),
            settings("sitePolicy"),
          ],
        },
        { label: t("tuningOfSite"), parts: tuning },
        {
          label: t("usageOfSite"),
          parts: [
            part("siteUser", <SiteAccess path="site-users" siteId={siteId} />),
            part("report", <SiteReport siteId={siteId} />),
            part("keptReport", <SiteKeptReports siteId={siteId} />),
            settings("reportSchedule"),
            part("complianceCheck", <SiteCompliance siteId={siteId} />),
            settings("userAudit"),
          ],
        },
        {
          label: t("deliveryOfSite"),
          parts: [...table("upstream-states"), ...allSettings("upstreams", "tls", "protocols")],
        },
        {
          label: t("contentOfSite"),
          parts: [...allSettings("content", "leaks", "pages"), ...table("guarded-pages")],
        },
      ]}
    />
  );
}

function Above({ site }: { site: Item }) {
  const { t, valueText } = useWords();
  const client = useQueryClient();
  const { failed } = useNotices();
  const { siteId, mode, state, stateReason } = site;
  const setMode = async (next: string): Promise<void> => {
    try {
      await callAny(catalog.waf.operations.updateSite, { siteId, mode: next });
      await client.invalidateQueries();
    } catch (error) {
      failed(error);
    }
  };
  const { startTime } = readRange(new URLSearchParams(), Date.now());
  const filters = [{ name: "siteId", values: [String(siteId)], operator: "eq" }];
  const ofSite = [{ field: "siteId", operator: "=" as const, value: String(siteId) }];
  return (
    <SpaceBetween size="l">
      <Container
        header={
          <Header
            variant="h2"
            description={t("modeHelp")}
            actions={<Link href={`/explain?siteId=${String(siteId)}`}>{t("explain")}</Link>}
          >
            {t("mode")}
          </Header>
        }
      >
        <SpaceBetween size="s">
          <SegmentedControl
            label={t("mode")}
            selectedId={String(mode)}
            onChange={({ detail }) => void setMode(detail.selectedId)}
            options={MODES.map((id) => ({ id, text: valueText(id) }))}
          />
          {state === "failed" ? (
            <StatusIndicator type="error">{String(stateReason)}</StatusIndicator>
          ) : null}
        </SpaceBetween>
      </Container>
      <EventHistory search={{ startTime, filters }} href={listAddress("search", ofSite)} />
    </SpaceBetween>
  );
}
