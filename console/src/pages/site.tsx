/** One site: its settings, what is let through, and the way to take it off. */
import Header from "@cloudscape-design/components/header";
import SegmentedControl from "@cloudscape-design/components/segmented-control";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Spinner from "@cloudscape-design/components/spinner";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { catalog } from "../../../src/catalog.ts";
import { call, callAny } from "../api/client.ts";
import { useWords } from "../language.tsx";
import ResourceDetail from "../resource/resource-detail.tsx";
import ResourceTable from "../resource/resource-table.tsx";
import { resourceAt } from "../resource/resources.ts";
import { Failure } from "../shell/failure.tsx";
import { useNotices } from "../shell/notices.tsx";

export default function SiteDetail({ siteId }: { siteId: string }) {
  const { t, valueText } = useWords();
  const client = useQueryClient();
  const { failed } = useNotices();
  const { getSite, updateSite } = catalog.waf.operations;
  const site = useQuery({
    queryKey: ["site", siteId, "mode"],
    queryFn: () => call(getSite, { siteId }),
    refetchInterval: 2_000,
  });
  const shown = resourceAt("sites");
  const exclusions = resourceAt("exclusions");
  if (site.isError) return <Failure error={site.error} />;
  if (site.data === undefined || shown === undefined) return <Spinner />;
  const setMode = async (mode: string): Promise<void> => {
    try {
      await callAny(updateSite, { siteId, mode });
      await client.invalidateQueries();
    } catch (error) {
      failed(error);
    }
  };
  return (
    <SpaceBetween size="l">
      <Header variant="h2" description={t("modeHelp")}>
        {t("mode")}
      </Header>
      <SegmentedControl
        label={t("mode")}
        selectedId={site.data.mode}
        onChange={({ detail }) => void setMode(detail.selectedId)}
        options={["off", "observe", "block"].map((id) => ({ id, text: valueText(id) }))}
      />
      <ResourceDetail
        key={`${site.data.updateTime} ${site.data.state}`}
        shown={shown}
        id={siteId}
      />
      {exclusions === undefined ? null : <ResourceTable shown={exclusions} fixed={{ siteId }} />}
    </SpaceBetween>
  );
}
