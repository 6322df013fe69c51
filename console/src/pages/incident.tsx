/** One incident: what happened in order, what shows it, and what to do. */
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import SegmentedControl from "@cloudscape-design/components/segmented-control";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Spinner from "@cloudscape-design/components/spinner";
import Table from "@cloudscape-design/components/table";
import Textarea from "@cloudscape-design/components/textarea";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { catalog } from "../../../src/catalog.ts";
import { call, callAny } from "../api/client.ts";
import { useWords } from "../language.tsx";
import { Fields } from "../resource/resource-detail.tsx";
import type { Item } from "../resource/resources.ts";
import { Value } from "../resource/value.tsx";
import { Failure } from "../shell/failure.tsx";
import { useNotices } from "../shell/notices.tsx";
import { BlockSource } from "./block-source.tsx";

const { getIncident, updateIncident, revokeResponse } = catalog.incident.operations;
const STATUSES = ["open", "acknowledged", "resolved", "falsePositive"];

export default function IncidentDetail({ incidentId }: { incidentId: string }) {
  const { t } = useWords();
  const query = useQuery({
    queryKey: ["incident", incidentId],
    queryFn: () => call(getIncident, { incidentId }),
    refetchInterval: 3_000,
  });
  if (query.isError) return <Failure error={query.error} />;
  if (query.data === undefined) return <Spinner />;
  const { incident, findings, timeline, responses } = query.data;
  return (
    <SpaceBetween size="l">
      <Header
        variant="h1"
        actions={<BlockSource cidr={incident.sourceIp} incidentId={incidentId} />}
      >
        {incident.title}
      </Header>
      <Fields item={incident} />
      <StatusAndNote {...{ incidentId }} status={incident.status} />
      <Responses responses={responses} />
      <Rows
        {...{ title: t("timeline"), items: timeline }}
        columns={["time", "kind", "title", "detail", "actor"]}
      />
      <Rows
        {...{ title: t("findings"), items: findings }}
        columns={[
          "severity",
          "title",
          "ruleIds",
          "eventCount",
          "scoreMax",
          "lastTime",
          "eventUids",
        ]}
      />
    </SpaceBetween>
  );
}

function useChange() {
  const { failed } = useNotices();
  const client = useQueryClient();
  return async (work: Promise<unknown>): Promise<void> => {
    try {
      await work;
      await client.invalidateQueries();
    } catch (error) {
      failed(error);
    }
  };
}

function StatusAndNote({ incidentId, status }: { incidentId: string; status: string }) {
  const { t, valueText } = useWords();
  const change = useChange();
  const [note, setNote] = useState("");
  const addNote = async (): Promise<void> => {
    await change(call(updateIncident, { incidentId, note }));
    setNote("");
  };
  return (
    <Container>
      <SpaceBetween size="m">
        <SegmentedControl
          label={t("status")}
          selectedId={status}
          options={STATUSES.map((id) => ({ id, text: valueText(id) }))}
          onChange={({ detail }) =>
            void change(callAny(updateIncident, { incidentId, status: detail.selectedId }))
          }
        />
        <FormField label={t("note")} description={t("noteText")} stretch>
          <Textarea rows={2} value={note} onChange={({ detail }) => setNote(detail.value)} />
        </FormField>
        <Button disabled={note.trim() === ""} onClick={() => void addNote()}>
          {t("addNote")}
        </Button>
      </SpaceBetween>
    </Container>
  );
}

function Responses({ responses }: { responses: readonly Item[] }) {
  const { t, resourceTitle } = useWords();
  const change = useChange();
  return (
    <Rows
      title={resourceTitle("response")}
      items={responses}
      columns={["cidr", "state", "expireTime", "createdBy"]}
      action={(item) =>
        item.state === "active" ? (
          <Button
            onClick={() => void change(callAny(revokeResponse, { responseId: item.responseId }))}
          >
            {t("undo")}
          </Button>
        ) : null
      }
    />
  );
}

type RowsProps = {
  readonly title: string;
  readonly items: readonly Item[];
  readonly columns: readonly string[];
  action?(item: Item): React.ReactNode;
};

function Rows({ title, items, columns, action }: RowsProps) {
  const { t, label } = useWords();
  const definitions = columns.map((id) => ({
    id,
    header: label(id),
    cell: (item: Item): React.ReactNode => <Value field={id} value={item[id]} />,
  }));
  if (action !== undefined)
    definitions.push({ id: "action", header: label("action"), cell: action });
  return (
    <Table
      wrapLines
      header={<Header variant="h2">{title}</Header>}
      items={items}
      columnDefinitions={definitions}
      empty={t("empty")}
    />
  );
}
