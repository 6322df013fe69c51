/** Exclusions that a site's traffic suggests, with the evidence; one click decides. */
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import Link from "@cloudscape-design/components/link";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Spinner from "@cloudscape-design/components/spinner";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { catalog } from "../../../../src/catalog.ts";
import type { Proposal } from "../../../../src/services/appgateway/contract.ts";
import { call } from "../../api/client.ts";
import { useWords } from "../../language.tsx";
import { Rows } from "../../resource/rows.tsx";
import { Failure } from "../../shell/failure.tsx";
import { useNotices } from "../../shell/notices.tsx";

const { listProposals, listTuningDecisions, acceptProposal, rejectProposal } =
  catalog.appgateway.operations;
const { getLearning, setLearning } = catalog.appgateway.operations;
const COUNTS = [
  "requestCount",
  "networkCount",
  "sourceCount",
  "userCount",
  "suspectCount",
  "blockedCount",
] as const;

export default function SiteProposals({ siteId }: { siteId: string }) {
  const { t } = useWords();
  const query = useQuery({
    queryKey: ["appgateway", "proposals", siteId],
    queryFn: () => call(listProposals, { siteId, pageSize: 100 }),
  });
  if (query.isError) return <Failure error={query.error} />;
  if (query.data === undefined) return <Spinner />;
  const isEmpty = query.data.proposals.length === 0;
  return (
    <SpaceBetween size="l">
      {isEmpty ? <Empty siteId={siteId} /> : <Box>{t("proposalHelp")}</Box>}
      {query.data.proposals.map((proposal) => (
        <Suggested key={proposal.proposalId} proposal={proposal} />
      ))}
      <Decided siteId={siteId} />
    </SpaceBetween>
  );
}

/** Says whether the site learns at all, and what it waits for. */
function Empty({ siteId }: { siteId: string }) {
  const { t, about, numberText, operationTitle, resourceTitle, timeText } = useWords();
  const query = useQuery({
    queryKey: ["appgateway", "learning", siteId],
    queryFn: () => call(getLearning, { siteId }),
    retry: false,
  });
  const learning = query.data;
  const waiting =
    learning?.learning === true &&
    t("stillLearning", {
      since: timeText(learning.sinceTime ?? ""),
      requests: numberText(learning.requestsMin),
      networks: numberText(learning.networksMin),
      hours: numberText(learning.spanHoursMin),
    });
  return (
    <Container
      header={
        <Header
          variant="h2"
          actions={
            <Button href={`/sites/${siteId}?tab=learning`}>{operationTitle(setLearning)}</Button>
          }
        >
          {resourceTitle("proposal")}
        </Header>
      }
    >
      {waiting || about("proposal")}
    </Container>
  );
}

/** What was decided before; it does not come back. */
function Decided({ siteId }: { siteId: string }) {
  const { resourceTitle } = useWords();
  const query = useQuery({
    queryKey: ["appgateway", "decisions", siteId],
    queryFn: () => call(listTuningDecisions, { siteId, pageSize: 100 }),
  });
  const decisions = query.data?.tuningDecisions ?? [];
  if (decisions.length === 0) return null;
  return (
    <Rows
      title={resourceTitle("tuningDecision")}
      items={decisions}
      columns={["decideTime", "decision", "ruleId", "variable", "pathPrefix", "decidedBy", "note"]}
    />
  );
}

/** The same request with the exclusion that is proposed. */
const tryHref = ({ siteId, ruleId, variable, pathPrefix }: Proposal, event: string): string => {
  const draft = `${ruleId} ${variable} ${pathPrefix}`;
  return `/explain?${new URLSearchParams({ siteId, event, draft })}`;
};

/** What visitors sent, one a line: a space or a dot may be part of it. */
const Lines = ({ texts }: { texts: readonly string[] }) =>
  texts.map((text) => (
    <div key={text}>
      <Box variant="code">{text}</Box>
    </div>
  ));

function Suggested({ proposal }: { proposal: Proposal }) {
  const { t, label, numberText, timeText, operationTitle } = useWords();
  const { failed, succeeded } = useNotices();
  const client = useQueryClient();
  const { siteId, proposalId, ruleId, variable, pathPrefix, message } = proposal;
  const title = t("proposalTitle", { rule: ruleId, variable, path: pathPrefix });
  // The exclusion keeps why it was made, in the words of whoever makes it.
  const note = t("proposalNote", {
    requests: numberText(proposal.requestCount),
    networks: numberText(proposal.networkCount),
  });
  const decide = async (isAccepted: boolean) => {
    try {
      if (isAccepted) await call(acceptProposal, { siteId, proposalId, note });
      else await call(rejectProposal, { siteId, proposalId });
      await client.invalidateQueries();
      succeeded(t(isAccepted ? "proposalAccepted" : "proposalRejected"));
    } catch (error) {
      failed(error);
    }
  };
  const button = (operation: typeof acceptProposal | typeof rejectProposal) => (
    <Button
      variant={operation === acceptProposal ? "primary" : "normal"}
      ariaLabel={`${operationTitle(operation)}: ${title}`}
      onClick={() => void decide(operation === acceptProposal)}
    >
      {operationTitle(operation)}
    </Button>
  );
  const actions = (
    <SpaceBetween direction="horizontal" size="xs">
      {button(rejectProposal)}
      {button(acceptProposal)}
    </SpaceBetween>
  );
  return (
    <Container
      header={
        <Header variant="h2" actions={actions} description={message}>
          {title}
        </Header>
      }
    >
      <KeyValuePairs
        columns={4}
        items={[
          ...COUNTS.map((name) => ({ label: label(name), value: numberText(proposal[name]) })),
          { label: label("firstTime"), value: timeText(proposal.firstTime) },
          { label: label("lastTime"), value: timeText(proposal.lastTime) },
          { label: label("paths"), value: <Lines texts={proposal.paths} /> },
          { label: label("sampleValues"), value: <Lines texts={proposal.sampleValues} /> },
        ]}
      />
      <Box margin={{ top: "m" }}>
        <Box variant="awsui-key-label">{label("sampleUids")}</Box>
        {proposal.sampleUids.map((uid) => (
          <div key={uid}>
            <Link href={`/search/${uid}`}>{uid.slice(0, 8)}</Link>
            {" · "}
            <Link href={tryHref(proposal, uid)}>{t("tryWithout")}</Link>
          </div>
        ))}
      </Box>
    </Container>
  );
}
