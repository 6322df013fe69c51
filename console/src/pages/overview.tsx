/** Three questions in order: what needs me now, what changed, are we covered. */
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import Link from "@cloudscape-design/components/link";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Table from "@cloudscape-design/components/table";
import { useQuery } from "@tanstack/react-query";
import { catalog } from "../../../src/catalog.ts";
import type { Operation } from "../../../src/kernel/operation.ts";
import { callAny } from "../api/client.ts";
import { useWords } from "../language.tsx";
import { navigate } from "../location.ts";
import { type Item, itemsOf } from "../resource/resources.ts";
import { Value } from "../resource/value.tsx";
import { Failure } from "../shell/failure.tsx";

const OPEN = { filters: [{ name: "status", values: ["open"], operator: "eq" }] };

export default function Overview() {
  const { t } = useWords();
  return (
    <SpaceBetween size="l">
      <Header variant="h1">{t("overview")}</Header>
      <Short
        {...{ title: t("needsMe"), operation: catalog.incident.operations.listIncidents }}
        columns={["severity", "title", "sourceIp", "eventCount", "lastTime"]}
        {...{ input: OPEN, path: "incidents", idField: "incidentId", linked: "title" }}
        empty={<Box>{t("noOpenIncidents")}</Box>}
      />
      <Short
        {...{ title: t("covered"), operation: catalog.waf.operations.listSites }}
        columns={["domains", "mode", "state", "upstreams"]}
        {...{ input: {}, path: "sites", idField: "siteId", linked: "domains" }}
        empty={
          <SpaceBetween size="s">
            <Box>{t("noSites")}</Box>
            <Button variant="primary" onClick={() => navigate("/sites/create")}>
              {t("protectSite")}
            </Button>
          </SpaceBetween>
        }
      />
      <Short
        {...{ title: t("whatChanged"), operation: catalog.audit.operations.listEntries }}
        columns={["time", "principalName", "operation", "decision", "code"]}
        {...{ input: {}, path: "audit", idField: "index", linked: "time" }}
        empty={<Box>{t("empty")}</Box>}
      />
    </SpaceBetween>
  );
}

type ShortProps = {
  readonly title: string;
  readonly operation: Operation;
  readonly input: Item;
  readonly columns: readonly string[];
  readonly path: string;
  readonly idField: string;
  readonly linked: string;
  readonly empty: React.ReactNode;
};

function Short({ title, operation, input, columns, path, idField, linked, empty }: ShortProps) {
  const { t, label } = useWords();
  const query = useQuery({
    queryKey: ["overview", operation.name],
    queryFn: () => callAny(operation, { ...input, pageSize: 8 }),
    refetchInterval: 5_000,
  });
  const cell = (field: string) => (item: Item) => {
    const value = <Value field={field} value={item[field]} />;
    return field === linked ? (
      <Link href={`/${path}/${String(item[idField])}`}>{value}</Link>
    ) : (
      value
    );
  };
  return (
    <Container
      disableContentPaddings
      header={
        <Header
          variant="h2"
          counter={`(${String(query.data?.totalCount ?? 0)})`}
          actions={<Link href={`/${path}`}>{t("details")}</Link>}
        >
          {title}
        </Header>
      }
    >
      <Table
        variant="embedded"
        enableKeyboardNavigation
        items={query.data === undefined ? [] : itemsOf(query.data)}
        loading={query.isPending}
        loadingText={t("loading")}
        columnDefinitions={columns.map((id) => ({ id, header: label(id), cell: cell(id) }))}
        empty={query.isError ? <Failure error={query.error} /> : empty}
      />
    </Container>
  );
}
