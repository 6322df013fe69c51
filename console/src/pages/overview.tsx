/** Three questions in order: what needs me now, what changed, are we covered. */
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Header from "@cloudscape-design/components/header";
import Link from "@cloudscape-design/components/link";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Table from "@cloudscape-design/components/table";
import { useQuery } from "@tanstack/react-query";
import { catalog } from "../../../src/catalog.ts";
import { session } from "../api/session.ts";
import { useAfterFirst } from "../idle.ts";
import { useWords } from "../language.tsx";
import { navigate } from "../location.ts";
import { countHref } from "../resource/counts.ts";
import { type Item, itemsOf, listAddress } from "../resource/resources.ts";
import { Value } from "../resource/value.tsx";
import { Asked } from "../resource/value-menu.tsx";
import { Failure } from "../shell/failure.tsx";
import { Alarms } from "./alarms.tsx";
import { Coverage } from "./coverage.tsx";
import { EventHistory } from "./event-history.tsx";
import { type Asked as Answer, useAnswer } from "./home-data.ts";
import { Needs } from "./needs.tsx";
import { readRange } from "./range-text.ts";

const ROWS_MAX = 8;
/** Narrower columns break the words in them. */
const WIDE_COLUMNS = ["operation", "time", "title"];
const OPEN: Item = {
  filters: [{ name: "status", values: ["open"], operator: "eq" }],
  pageSize: ROWS_MAX,
};
const CHANGES: Item = { changesOnly: true, pageSize: ROWS_MAX };

export function Overview() {
  const { t } = useWords();
  const operator = useQuery(session).data?.operator === true;
  const incidents = useAnswer(catalog.incident.operations.listIncidents, OPEN);
  const below = useAfterFirst();
  return (
    <SpaceBetween size="xl">
      <Header variant="h1">{t("overview")}</Header>
      <section aria-labelledby="needs">
        <SpaceBetween size="m">
          <Question id="needs" text={t("needsMe")} />
          <Alarms />
          <Needs operator={operator} />
          <Short
            title={t("openIncidents")}
            asked={incidents}
            columns={["severity", "title", "sourceIp", "eventCount", "lastTime"]}
            {...{ resource: "incident", idField: "incidentId", linked: "title" }}
            href={listAddress("incidents", [{ field: "status", operator: "=", value: "open" }])}
            empty={<Box>{t("noOpenIncidents")}</Box>}
          />
        </SpaceBetween>
      </section>
      {below ? <Changed /> : null}
      {below ? <Covered operator={operator} /> : null}
    </SpaceBetween>
  );
}

function Changed() {
  const { t } = useWords();
  const changes = useAnswer(catalog.audit.operations.listEntries, CHANGES);
  const { startTime } = readRange(new URLSearchParams(), Date.now());
  return (
    <section aria-labelledby="changed">
      <SpaceBetween size="m">
        <Question id="changed" text={t("whatChanged")} />
        <EventHistory search={{ startTime }} href="/search" />
        <Short
          title={t("changesMade")}
          asked={changes}
          columns={["time", "principalName", "operation", "resource", "code"]}
          {...{ resource: "entry", idField: "entryId", linked: "time" }}
          href="/audit?changes=true"
          empty={<Box>{t("noChanges")}</Box>}
        />
      </SpaceBetween>
    </section>
  );
}

function Covered({ operator }: { operator: boolean }) {
  const { t } = useWords();
  return (
    <section aria-labelledby="covered">
      <SpaceBetween size="m">
        <Question id="covered" text={t("covered")} />
        <Coverage operator={operator} />
        <Sites />
      </SpaceBetween>
    </section>
  );
}

function Question({ id, text }: { id: string; text: string }) {
  return (
    <h2 id={id} className="question">
      {text}
    </h2>
  );
}

function Sites() {
  const { t } = useWords();
  const sites = useAnswer(catalog.waf.operations.listSites, { pageSize: ROWS_MAX });
  return (
    <Short
      title={t("protectedSites")}
      asked={sites}
      columns={["domains", "mode", "state", "upstreams"]}
      {...{ resource: "site", idField: "siteId", linked: "domains", href: "/sites" }}
      empty={
        <SpaceBetween size="s">
          <Box>{t("noSites")}</Box>
          <Button variant="primary" onClick={() => navigate("/sites/create")}>
            {t("protectSite")}
          </Button>
        </SpaceBetween>
      }
    />
  );
}

type ShortProps = {
  readonly title: string;
  readonly asked: Answer;
  readonly columns: readonly string[];
  readonly resource: string;
  readonly idField: string;
  readonly linked: string;
  /** The whole list. */
  readonly href: string;
  readonly empty: React.ReactNode;
};

/** The first few of a list. */
function Short({ title, asked, columns, resource, idField, linked, href, empty }: ShortProps) {
  const { t, label, told } = useWords();
  const { answer, error } = asked;
  const path = href.split("?")[0];
  const cell = (field: string) => (item: Item) => {
    const value = <Value field={field} value={told(item, field)} />;
    const to =
      field === linked ? `${path}/${String(item[idField])}` : countHref({ resource, field, item });
    return (
      <Asked field={field} value={item[field]} told={told(item, field)}>
        {to === undefined ? value : <Link href={to}>{value}</Link>}
      </Asked>
    );
  };
  return (
    <Table
      variant="container"
      enableKeyboardNavigation
      wrapLines
      ariaLabels={{ tableLabel: title }}
      header={
        <Header
          variant="h3"
          counter={answer === undefined ? "" : `(${String(answer.totalCount)})`}
          actions={<Link href={href}>{t("seeAll")}</Link>}
        >
          {title}
        </Header>
      }
      items={answer === undefined ? [] : itemsOf(answer)}
      loading={answer === undefined && error === null}
      loadingText={t("loading")}
      columnDefinitions={columns.map((id) => ({
        id,
        header: label(id),
        minWidth: WIDE_COLUMNS.includes(id) ? 220 : 140,
        cell: cell(id),
      }))}
      empty={error === null ? empty : <Failure error={error} />}
    />
  );
}
