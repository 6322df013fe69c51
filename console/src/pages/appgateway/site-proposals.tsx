/** Exclusions that a site's traffic suggests, with the evidence; one click decides. */
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

const { listProposals, listTuningDecisions, acceptProposal, rejectProposal, setLearning } =
  catalog.appgateway.operations;
const COUNTS = [
  "requestCount",
  "networkCount",
  "sourceCount",
  "userCount",
  "suspectCount",
  "blockedCount",
] as const;

export default function SiteProposals({ siteId }: { siteId: string }) {
  const { about, operationTitle, resourceTitle } = useWords();
  const query = useQuery({
    queryKey: ["appgateway", "proposals", siteId],
    queryFn: () => call(listProposals, { siteId, pageSize: 100 }),
  });
  if (query.isError) return <Failure error={query.error} />;
  if (query.data === undefined) return <Spinner />;
  return (
    <SpaceBetween size="l">
      {query.data.proposals.length > 0 ? null : (
        <Container
          header={
            <Header
              variant="h2"
              actions={
                <Button href={`/sites/${siteId}?tab=learning`}>
                  {operationTitle(setLearning)}
                </Button>
              }
            >
              {resourceTitle("proposal")}
            </Header>
          }
        >
          {about("proposal")}
        </Container>
      )}
      {query.data.proposals.map((proposal) => (
        <Suggested key={proposal.proposalId} proposal={proposal} />
      ))}
      <Decided siteId={siteId} />
    </SpaceBetween>
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

function Suggested({ proposal }: { proposal: Proposal }) {
  const { t, label, numberText, timeText, operationTitle } = useWords();
  const { failed, succeeded } = useNotices();
  const client = useQueryClient();
  const { siteId, proposalId, ruleId, variable, pathPrefix, message } = proposal;
  const decide = async (operation: typeof acceptProposal | typeof rejectProposal) => {
    try {
      await call(operation, { siteId, proposalId });
      await client.invalidateQueries();
      succeeded(t(operation === acceptProposal ? "proposalAccepted" : "proposalRejected"));
    } catch (error) {
      failed(error);
    }
  };
  const actions = (
    <SpaceBetween direction="horizontal" size="xs">
      <Button onClick={() => void decide(rejectProposal)}>{operationTitle(rejectProposal)}</Button>
      <Button variant="primary" onClick={() => void decide(acceptProposal)}>
        {operationTitle(acceptProposal)}
      </Button>
    </SpaceBetween>
  );
  return (
    <Container
      header={
        <Header variant="h2" actions={actions} description={message}>
          {`${ruleId} ${variable} ${pathPrefix}`}
        </Header>
      }
    >
      <KeyValuePairs
        columns={4}
        items={[
          ...COUNTS.map((name) => ({ label: label(name), value: numberText(proposal[name]) })),
          { label: label("firstTime"), value: timeText(proposal.firstTime) },
          { label: label("lastTime"), value: timeText(proposal.lastTime) },
          { label: label("paths"), value: proposal.paths.join(" ") },
          { label: label("sampleValues"), value: proposal.sampleValues.join(" · ") },
          {
            label: label("sampleUids"),
            value: proposal.sampleUids.map((uid) => (
              <div key={uid}>
                <Link href={`/search/${uid}`}>{uid.slice(0, 8)}</Link>
                {" · "}
                <Link href={tryHref(proposal, uid)}>{t("tryWithout")}</Link>
              </div>
            )),
          },
        ]}
      />
    </Container>
  );
}
