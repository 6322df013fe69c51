/** One incident: what happened in order, what shows it, and what to do. */
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Textarea from "@cloudscape-design/components/textarea";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { catalog } from "../../../src/catalog.ts";
import { call } from "../api/client.ts";
import { useWords } from "../language.tsx";
import ResourceDetail, { type Tab } from "../resource/resource-detail.tsx";
import ResourceTable from "../resource/resource-table.tsx";
import { type Item, resourceAt } from "../resource/resources.ts";
import { Rows } from "../resource/rows.tsx";
import { useNotices } from "../shell/notices.tsx";
import { BlockSource } from "./block-source.tsx";

const REFRESH_MS = 3_000;

function itemsIn(answer: Item, name: string): readonly Item[] {
  const value = answer[name];
  return Array.isArray(value) ? value : [];
}

/** The incident in the operation's answer, which holds its story too. */
function incidentIn(answer: Item): Item {
  const { incident } = answer;
  return typeof incident === "object" && incident !== null ? { ...incident } : {};
}

/** Leaks and changed pages are the site's own: nobody is there to be blocked. */
const hasSource = (incident: Item): boolean => incident.sourceIp !== "";

export default function IncidentDetail({ incidentId }: { incidentId: string }) {
  const { t, resourceTitle } = useWords();
  const shown = resourceAt("incidents");
  if (shown === undefined) return null;
  const more = (_item: Item, answer: Item): Tab[] => [
    {
      id: "findings",
      label: `${t("findings")} (${itemsIn(answer, "findings").length})`,
      content: <Findings items={itemsIn(answer, "findings")} />,
    },
    {
      id: "responses",
      label: `${resourceTitle("response")} (${itemsIn(answer, "responses").length})`,
      content: <Responses incidentId={incidentId} />,
    },
    ...(hasSource(incidentIn(answer))
      ? [
          {
            id: "attack",
            label: t("eventsOfAttack"),
            content: <AttackEvents incident={incidentIn(answer)} />,
          },
        ]
      : []),
  ];
  return (
    <ResourceDetail
      shown={shown}
      id={incidentId}
      refreshMs={REFRESH_MS}
      itemOf={incidentIn}
      above={(incident, answer) => (
        <SpaceBetween size="l">
          {hasSource(incident) ? (
            <Container>
              <BlockSource cidr={String(incident.sourceIp)} incidentId={incidentId} />
            </Container>
          ) : null}
          <Timeline entries={itemsIn(answer, "timeline")} />
          <Note incidentId={incidentId} />
        </SpaceBetween>
      )}
      more={more}
    />
  );
}

function Timeline({ entries }: { entries: readonly Item[] }) {
  const { t } = useWords();
  return (
    <Rows
      title={t("timeline")}
      items={entries.toReversed()}
      columns={["time", "kind", "title", "detail", "actor"]}
    />
  );
}

function Findings({ items }: { items: readonly Item[] }) {
  const { t } = useWords();
  return (
    <Rows
      {...{ title: t("findings"), items, resource: "finding" }}
      columns={["severity", "title", "ruleIds", "eventCount", "scoreMax", "lastTime", "eventUids"]}
    />
  );
}

function Responses({ incidentId }: { incidentId: string }) {
  const shown = resourceAt("responses");
  if (shown === undefined) return null;
  const of = [{ field: "incidentId", operator: "=" as const, value: incidentId }];
  return <ResourceTable shown={shown} always={of} embedded />;
}

/** Every event of this source on this site while it went on. */
function AttackEvents({ incident }: { incident: Item }) {
  const shown = resourceAt("search");
  const { sourceIp, siteId, firstTime, lastTime } = incident;
  if (shown === undefined) return null;
  const startTime = new Date(Date.parse(String(firstTime)) - 1_000).toISOString();
  const endTime = new Date(Date.parse(String(lastTime)) + 1_000).toISOString();
  return (
    <ResourceTable
      shown={shown}
      fixed={{ startTime, endTime }}
      always={[
        { field: "sourceIp", operator: "=", value: String(sourceIp) },
        { field: "siteId", operator: "=", value: String(siteId) },
      ]}
      embedded
    />
  );
}

function Note({ incidentId }: { incidentId: string }) {
  const { t } = useWords();
  const { failed } = useNotices();
  const client = useQueryClient();
  const [note, setNote] = useState("");
  const add = async (): Promise<void> => {
    try {
      await call(catalog.incident.operations.updateIncident, { incidentId, note });
      setNote("");
      await client.invalidateQueries();
    } catch (error) {
      failed(error);
    }
  };
  return (
    <Container header={<Header variant="h2">{t("note")}</Header>}>
      <SpaceBetween size="m">
        <FormField label={t("noteText")} stretch>
          <Textarea rows={2} value={note} onChange={({ detail }) => setNote(detail.value)} />
        </FormField>
        <Button disabled={note.trim() === ""} onClick={() => void add()}>
          {t("addNote")}
        </Button>
      </SpaceBetween>
    </Container>
  );
}
