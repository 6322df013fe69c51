/** Runs a request, typed or recorded, through a site's rules and shows every rule it meets. */
import Alert from "@cloudscape-design/components/alert";
import Container from "@cloudscape-design/components/container";
import ExpandableSection from "@cloudscape-design/components/expandable-section";
import Header from "@cloudscape-design/components/header";
import Link from "@cloudscape-design/components/link";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Spinner from "@cloudscape-design/components/spinner";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { catalog } from "../../../src/catalog.ts";
import { call } from "../api/client.ts";
import { useWords } from "../language.tsx";
import { useAddress } from "../location.ts";
import { OperationForm } from "../resource/operation-form.tsx";
import type { Item } from "../resource/resources.ts";
import { Rows } from "../resource/rows.tsx";
import { Failure } from "../shell/failure.tsx";
import { matchesOf } from "./event-reason.tsx";
import { MatchedBytes } from "./matched-bytes.tsx";
import { isRecorded, requestOfEvent } from "./stored-request.ts";

export default function Explain() {
  const { t } = useWords();
  const { searchParams } = useAddress();
  const uid = searchParams.get("event") ?? "";
  const [result, setResult] = useState<Item>();
  const stored = useQuery({
    queryKey: ["event", uid],
    queryFn: () => call(catalog.events.operations.getEvent, { uid }),
    enabled: uid !== "",
  });
  const { row, event } = stored.data ?? {};
  const isWhole = isRecorded(event);
  const fromEvent =
    row === undefined
      ? {}
      : isWhole
        ? { siteId: row.siteId, event: uid }
        : requestOfEvent(row, event);
  const initial = {
    siteId: searchParams.get("siteId") ?? "",
    ...fromEvent,
    draftExclusions: searchParams.getAll("draft"),
  };
  return (
    <SpaceBetween size="l">
      <Header variant="h1" description={t("explainHelp")}>
        {t("explain")}
      </Header>
      {stored.isError ? <Failure error={stored.error} /> : null}
      {row === undefined ? null : (
        <Alert type="info">
          {t(isWhole ? "explainRecorded" : "explainStored")}{" "}
          <Link href={`/search/${uid}`}>{uid}</Link>
        </Alert>
      )}
      <Container>
        {uid !== "" && stored.isPending ? (
          <Spinner />
        ) : (
          <OperationForm
            key={uid}
            operation={catalog.waf.operations.explainRequest}
            initial={initial}
            submitText={t("explainRun")}
            done={setResult}
          />
        )}
      </Container>
      {result === undefined ? null : <Explained result={result} />}
    </SpaceBetween>
  );
}

/** What of a stored request was not run as it came. */
function Replayed({ replayed }: { replayed: unknown }) {
  const { t, valueText } = useWords();
  if (typeof replayed !== "object" || replayed === null || !("lacks" in replayed)) return null;
  const lacks = Array.isArray(replayed.lacks) ? replayed.lacks.map(String) : [];
  if (lacks.length === 0) return <Alert type="success">{t("replayedWhole")}</Alert>;
  return (
    <Alert type="info">
      {t("replayedPartly")}
      <ul>
        {lacks.map((code) => (
          <li key={code}>{valueText(code)}</li>
        ))}
      </ul>
    </Alert>
  );
}

function Explained({ result }: { result: Item }) {
  const { t, label } = useWords();
  const matches = matchesOf(result.matches);
  const trace: Item[] = Array.isArray(result.trace) ? result.trace : [];
  const score = { score: String(result.score), threshold: String(result.threshold) };
  return (
    <SpaceBetween size="l">
      <Alert type={result.wouldBlock === true ? "error" : "success"}>
        {t(result.wouldBlock === true ? "explainBlocked" : "explainPassed", score)}
      </Alert>
      <Replayed replayed={result.replayed} />
      <Container
        header={
          <Header variant="h2" counter={`(${matches.length})`}>
            {label("matches")}
          </Header>
        }
      >
        <SpaceBetween size="m">
          {matches.length === 0 ? t("noMatches") : null}
          {matches.map((match) => (
            <MatchedBytes
              key={`${match.ruleId} ${match.variable} ${match.matchStart}`}
              match={match}
            />
          ))}
        </SpaceBetween>
      </Container>
      <ExpandableSection headerText={`${label("trace")} (${trace.length})`}>
        <Rows
          title={label("trace")}
          items={trace}
          columns={["ruleId", "phase", "outcome", "message"]}
        />
      </ExpandableSection>
    </SpaceBetween>
  );
}
