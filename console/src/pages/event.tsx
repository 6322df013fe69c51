/** One recorded event whole. */
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Spinner from "@cloudscape-design/components/spinner";
import { useQuery } from "@tanstack/react-query";
import { catalog } from "../../../src/catalog.ts";
import { call } from "../api/client.ts";
import { useWords } from "../language.tsx";
import { Value } from "../resource/value.tsx";
import { Failure } from "../shell/failure.tsx";
import { EventReason, matchesOf } from "./event-reason.tsx";
import { RequestRecord } from "./request-record.tsx";
import { isRecorded } from "./stored-request.ts";

/** Finds the reported rules wherever the source put them in its OCSF event. */
function findMatches(value: unknown, depth = 0): unknown {
  if (typeof value !== "object" || value === null || depth > 4) return undefined;
  for (const [key, child] of Object.entries(value)) {
    const found = key === "matches" ? child : findMatches(child, depth + 1);
    if (found !== undefined) return found;
  }
  return undefined;
}

export default function EventDetail({ uid }: { uid: string }) {
  const { t } = useWords();
  const query = useQuery({
    queryKey: ["event", uid],
    queryFn: () => call(catalog.events.operations.getEvent, { uid }),
  });
  if (query.isError) return <Failure error={query.error} />;
  if (query.data === undefined) return <Spinner />;
  const { row, event } = query.data;
  return (
    <SpaceBetween size="l">
      <Header variant="h1">{t("event")}</Header>
      <EventReason row={row} matches={matchesOf(findMatches(event))} />
      {isRecorded(event) && row.siteId !== "" ? (
        <RequestRecord siteId={row.siteId} uid={uid} />
      ) : null}
      <Container>
        <Value field="input" value={event} />
      </Container>
    </SpaceBetween>
  );
}
