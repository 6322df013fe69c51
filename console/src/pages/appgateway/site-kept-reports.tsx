/** Reports of a site that were made by themselves, each as a file. */
import Header from "@cloudscape-design/components/header";
import Spinner from "@cloudscape-design/components/spinner";
import Table from "@cloudscape-design/components/table";
import { useQuery } from "@tanstack/react-query";
import { catalog } from "../../../../src/catalog.ts";
import type { KeptReport } from "../../../../src/services/appgateway/contract.ts";
import { call } from "../../api/client.ts";
import { useWords } from "../../language.tsx";
import { Value } from "../../resource/value.tsx";
import { Failure } from "../../shell/failure.tsx";
import { FileButtons } from "./file-buttons.tsx";

const { listKeptReports, exportKeptReport } = catalog.appgateway.operations;
const COLUMNS = ["startTime", "endTime", "requestCount", "blockedCount"] as const;

export default function SiteKeptReports({ siteId }: { siteId: string }) {
  const { t, about, label, language, resourceTitle } = useWords();
  const query = useQuery({
    queryKey: ["appgateway", "kept", siteId],
    queryFn: () => call(listKeptReports, { siteId, pageSize: 100 }),
  });
  if (query.isError) return <Failure error={query.error} />;
  if (query.data === undefined) return <Spinner />;
  const { keptReports, totalCount } = query.data;
  const columns = COLUMNS.map((id) => ({
    id,
    header: label(id),
    cell: (report: KeptReport) => <Value field={id} value={report[id]} />,
  }));
  const files = {
    id: "files",
    header: t("saveAs"),
    cell: ({ reportId }: KeptReport) => (
      <FileButtons
        get={(format) => call(exportKeptReport, { siteId, reportId, format, language })}
      />
    ),
  };
  return (
    <Table
      wrapLines
      ariaLabels={{ tableLabel: resourceTitle("keptReport") }}
      header={
        <Header variant="h2" counter={`(${totalCount})`}>
          {resourceTitle("keptReport")}
        </Header>
      }
      items={keptReports}
      trackBy="reportId"
      columnDefinitions={[...columns, files]}
      empty={about("keptReport")}
    />
  );
}
