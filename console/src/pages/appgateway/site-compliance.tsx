/** How well a site answers: the chosen check, what failed first, and the way to mend it. */
import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import ExpandableSection from "@cloudscape-design/components/expandable-section";
import Header from "@cloudscape-design/components/header";
import Link from "@cloudscape-design/components/link";
import ProgressBar from "@cloudscape-design/components/progress-bar";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Spinner from "@cloudscape-design/components/spinner";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import Table from "@cloudscape-design/components/table";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { catalog } from "../../../../src/catalog.ts";
import type {
  ComplianceCheck,
  ComplianceResult,
} from "../../../../src/services/appgateway/contract.ts";
import { call } from "../../api/client.ts";
import { useWords } from "../../language.tsx";
import { complianceChinese, evidenceInChinese } from "../../messages/compliance.ts";
import { Value } from "../../resource/value.tsx";
import { Failure } from "../../shell/failure.tsx";
import { useNotices } from "../../shell/notices.tsx";
import { RemedyDialog } from "./remedy-dialog.tsx";

const { listComplianceChecks, runComplianceCheck } = catalog.appgateway.operations;
const RUNNING_MS = 1_000;
const SEVERITIES = ["high", "medium", "low"];
/** On a narrow page the table is moved sideways, so that no word is broken. */
const WIDTHS = {
  severity: { width: 110, minWidth: 110 },
  rule: { width: 260, minWidth: 180 },
  evidence: { width: 240, minWidth: 170 },
} as const;

export default function SiteCompliance({ siteId }: { siteId: string }) {
  const { t, about, operationTitle, resourceTitle } = useWords();
  const { failed } = useNotices();
  const client = useQueryClient();
  const [chosen, setChosen] = useState("");
  const query = useQuery({
    queryKey: ["appgateway", "compliance", siteId],
    queryFn: () => call(listComplianceChecks, { siteId, pageSize: 20 }),
    refetchInterval: ({ state }) =>
      state.data?.complianceChecks.some((one) => one.state === "running") ? RUNNING_MS : false,
  });
  const run = async (): Promise<void> => {
    try {
      await call(runComplianceCheck, { siteId });
      setChosen("");
      await client.invalidateQueries({ queryKey: ["appgateway", "compliance", siteId] });
    } catch (error) {
      failed(error);
    }
  };
  if (query.isError) return <Failure error={query.error} />;
  if (query.data === undefined) return <Spinner />;
  const { complianceChecks } = query.data;
  const shown = complianceChecks.find(({ checkId }) => checkId === chosen) ?? complianceChecks[0];
  const isRunning = complianceChecks.some(({ state }) => state === "running");
  return (
    <SpaceBetween size="l">
      <Container
        header={
          <Header
            variant="h2"
            description={about("complianceCheck")}
            actions={
              <Button variant="primary" loading={isRunning} onClick={() => void run()}>
                {operationTitle(runComplianceCheck)}
              </Button>
            }
          >
            {resourceTitle("complianceCheck")}
          </Header>
        }
      >
        {shown === undefined ? <Box>{t("noChecks")}</Box> : <Summary check={shown} />}
      </Container>
      {shown?.state === "done" ? <Results check={shown} /> : null}
      {complianceChecks.length < 2 ? null : (
        <History checks={complianceChecks} shown={shown} choose={setChosen} />
      )}
    </SpaceBetween>
  );
}

function Summary({ check }: { check: ComplianceCheck }) {
  const { t, timeText, label } = useWords();
  if (check.state === "running")
    return <StatusIndicator type="in-progress">{t("checkRuns")}</StatusIndicator>;
  if (check.state === "failed" || check.score === null) {
    return (
      <Alert type="error" header={t("checkFailed")}>
        {check.failure}
      </Alert>
    );
  }
  const { score, failCount, results, createTime, createdBy } = check;
  return (
    <ProgressBar
      value={score}
      label={label("score")}
      description={`${timeText(createTime)} · ${createdBy}`}
      additionalInfo={t("checkCounts", { failed: failCount, all: results.length })}
    />
  );
}

function Results({ check }: { check: ComplianceCheck }) {
  const { valueText } = useWords();
  const of = (outcome: ComplianceResult["outcome"]) =>
    check.results
      .filter((one) => one.outcome === outcome)
      .toSorted((a, b) => SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity));
  return (
    <SpaceBetween size="l">
      <ResultTable check={check} outcome="fail" results={of("fail")} />
      {(["notChecked", "pass"] as const).map((outcome) =>
        of(outcome).length === 0 ? null : (
          <ExpandableSection
            key={outcome}
            headerText={`${valueText(outcome)} (${of(outcome).length})`}
          >
            <ResultTable check={check} outcome={outcome} results={of(outcome)} />
          </ExpandableSection>
        ),
      )}
    </SpaceBetween>
  );
}

type ResultsShown = {
  readonly check: ComplianceCheck;
  readonly outcome: ComplianceResult["outcome"];
  readonly results: readonly ComplianceResult[];
};

function ResultTable({ check, outcome, results }: ResultsShown) {
  const { t, label, language, valueText } = useWords();
  const [mended, setMended] = useState<ComplianceResult>();
  const textOf = ({ rule, title, fix }: ComplianceResult) =>
    (language === "zh-CN" ? complianceChinese[rule] : undefined) ?? [title, fix];
  const isFail = outcome === "fail";
  const severity = {
    id: "severity",
    header: label("severity"),
    ...WIDTHS.severity,
    cell: (one: ComplianceResult) => <Value field="severity" value={one.severity} />,
  };
  const rule = {
    id: "rule",
    header: label("rule"),
    ...WIDTHS.rule,
    cell: (one: ComplianceResult) => textOf(one)[0],
  };
  const seen = {
    id: "evidence",
    header: label("evidence"),
    ...WIDTHS.evidence,
    cell: ({ evidence }: ComplianceResult) => <Seen evidence={evidence} />,
  };
  const fix = {
    id: "fix",
    header: label("fix"),
    minWidth: 260,
    cell: (one: ComplianceResult) => (
      <SpaceBetween size="xs">
        <div>{textOf(one)[1]}</div>
        {one.remedy === null ? null : (
          <Button iconName="settings" onClick={() => setMended(one)}>
            {t("mendHere")}
          </Button>
        )}
      </SpaceBetween>
    ),
  };
  return (
    <>
      <Table
        wrapLines
        variant={isFail ? "container" : "embedded"}
        ariaLabels={{ tableLabel: valueText(outcome) }}
        header={
          isFail ? (
            <Header variant="h2" counter={`(${results.length})`}>
              {valueText(outcome)}
            </Header>
          ) : null
        }
        items={results}
        trackBy="rule"
        columnDefinitions={isFail ? [severity, rule, seen, fix] : [severity, rule, seen]}
        empty={<StatusIndicator type="success">{t("nothingFailed")}</StatusIndicator>}
      />
      {mended?.remedy ? (
        <RemedyDialog
          siteId={check.siteId}
          remedy={mended.remedy}
          title={textOf(mended)[0]}
          close={() => setMended(undefined)}
        />
      ) : null}
    </>
  );
}

function Seen({ evidence }: { evidence: string }) {
  const { language } = useWords();
  const text = language === "zh-CN" ? evidenceInChinese(evidence) : evidence;
  return <span className="long-name">{text}</span>;
}

type Told = {
  readonly checks: readonly ComplianceCheck[];
  readonly shown: ComplianceCheck | undefined;
  choose(checkId: string): void;
};

function History({ checks, shown, choose }: Told) {
  const { t, label, timeText } = useWords();
  return (
    <Table
      variant="container"
      ariaLabels={{ tableLabel: t("earlierChecks") }}
      header={
        <Header variant="h2" counter={`(${checks.length})`}>
          {t("earlierChecks")}
        </Header>
      }
      items={checks}
      trackBy="checkId"
      columnDefinitions={[
        {
          id: "createTime",
          header: label("createTime"),
          cell: ({ checkId, createTime }) =>
            checkId === shown?.checkId ? (
              <Box fontWeight="bold">{timeText(createTime)}</Box>
            ) : (
              <Link
                href="#"
                onFollow={(event) => {
                  event.preventDefault();
                  choose(checkId);
                }}
              >
                {timeText(createTime)}
              </Link>
            ),
        },
        {
          id: "state",
          header: label("state"),
          cell: ({ state }) => <Value field="state" value={state} />,
        },
        {
          id: "score",
          header: label("score"),
          cell: ({ score }) => <Value field="score" value={score} />,
        },
        {
          id: "failCount",
          header: label("failCount"),
          cell: ({ failCount }) => <Value field="failCount" value={failCount} />,
        },
        { id: "createdBy", header: label("createdBy"), cell: ({ createdBy }) => createdBy },
      ]}
    />
  );
}
