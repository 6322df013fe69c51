/** The custom rules of a site in their order: moved, tried, switched on and off. */
import Badge from "@cloudscape-design/components/badge";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import Link from "@cloudscape-design/components/link";
import List from "@cloudscape-design/components/list";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Spinner from "@cloudscape-design/components/spinner";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { catalog } from "../../../../src/catalog.ts";
import type { CustomRule } from "../../../../src/services/waf/contract.ts";
import { call } from "../../api/client.ts";
import { useWords } from "../../language.tsx";
import { conditionText } from "../../resource/condition-text.ts";
import DryRunResult from "../../resource/dry-run-result.tsx";
import type { Item } from "../../resource/resources.ts";
import { Failure } from "../../shell/failure.tsx";
import { useNotices } from "../../shell/notices.tsx";

const { listCustomRules, orderCustomRules, updateCustomRule, createCustomRule, dryRunRule } =
  catalog.waf.operations;
const PAGE = 100;

export default function SiteRules({ siteId }: { siteId: string }) {
  const { t, about, operationTitle, resourceTitle } = useWords();
  const { failed } = useNotices();
  const client = useQueryClient();
  const [tried, setTried] = useState<{ readonly name: string; readonly result: Item }>();
  const key = ["waf", "rules", siteId];
  const query = useQuery({ queryKey: key, queryFn: () => rulesOf(siteId) });
  /** Does it, tells what went wrong, and shows what is there now. */
  const act = async (work: () => Promise<unknown>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      failed(error);
    }
    await client.invalidateQueries({ queryKey: key });
  };
  if (query.isError) return <Failure error={query.error} />;
  if (query.data === undefined) return <Spinner />;
  const order = (rules: readonly CustomRule[]) => {
    client.setQueryData(key, rules);
    const customRuleIds = rules.map(({ customRuleId }) => customRuleId);
    void act(() => call(orderCustomRules, { siteId, customRuleIds }));
  };
  const tryIt = ({ name, when, action }: CustomRule) =>
    void act(async () =>
      setTried({ name, result: await call(dryRunRule, { siteId, when, action }) }),
    );
  return (
    <SpaceBetween size="l">
      <Container
        header={
          <Header
            variant="h2"
            counter={`(${query.data.length})`}
            description={query.data.length < 2 ? about("customRule") : t("ruleOrder")}
            actions={
              <Button variant="primary" href={`/custom-rules/create?siteId=${siteId}`}>
                {operationTitle(createCustomRule)}
              </Button>
            }
          >
            {resourceTitle("customRule")}
          </Header>
        }
      >
        {query.data.length === 0 ? <Box>{t("noRules")}</Box> : null}
        <Order rules={query.data} {...{ order, act, tryIt }} />
      </Container>
      {tried === undefined ? null : (
        <Container header={<Header variant="h2">{tried.name}</Header>}>
          <DryRunResult result={tried.result} />
        </Container>
      )}
    </SpaceBetween>
  );
}

type Act = (work: () => Promise<unknown>) => Promise<void>;
type OrderProps = {
  readonly rules: readonly CustomRule[];
  readonly act: Act;
  order(rules: readonly CustomRule[]): void;
  tryIt(rule: CustomRule): void;
};

function Order({ rules, act, order, tryIt }: OrderProps) {
  const { t, resourceTitle } = useWords();
  return (
    <List
      sortable
      ariaLabel={resourceTitle("customRule")}
      items={rules}
      onSortingChange={({ detail }) => order(detail.items)}
      renderItem={(rule) => ({
        id: rule.customRuleId,
        announcementLabel: rule.name,
        content: <RuleName rule={rule} />,
        secondaryContent: <RuleText rule={rule} />,
        actions: (
          <SpaceBetween direction="horizontal" size="xs">
            <Button ariaLabel={`${t("tryOnLastHour")}: ${rule.name}`} onClick={() => tryIt(rule)}>
              {t("tryOnLastHour")}
            </Button>
            <Switch {...{ rule, act }} />
          </SpaceBetween>
        ),
      })}
    />
  );
}

/** All of them: an order is that of the whole. */
async function rulesOf(siteId: string): Promise<readonly CustomRule[]> {
  const rules: CustomRule[] = [];
  for (let pageNumber = 1; ; pageNumber++) {
    const page = await call(listCustomRules, { siteId, pageNumber, pageSize: PAGE });
    rules.push(...page.customRules);
    if (page.customRules.length < PAGE || rules.length >= page.totalCount) return rules;
  }
}

function RuleName({ rule: { customRuleId, name, enabled } }: { rule: CustomRule }) {
  const { t } = useWords();
  return (
    <SpaceBetween direction="horizontal" size="xs">
      <Link href={`/custom-rules/${customRuleId}`}>{name}</Link>
      <Badge color={enabled ? "green" : "grey"}>{t(enabled ? "ruleOn" : "ruleOff")}</Badge>
    </SpaceBetween>
  );
}

function RuleText({ rule: { when, action } }: { rule: CustomRule }) {
  const { t, valueText } = useWords();
  const words = { t, valueText };
  return (
    <span className="long-name">
      {when === null ? t("everyRequestShort") : conditionText(when, words)}
      {" → "}
      {valueText(action.kind)}
    </span>
  );
}

function Switch({ rule, act }: { rule: CustomRule; act: Act }) {
  const { t } = useWords();
  const { customRuleId, name, enabled } = rule;
  const text = t(enabled ? "switchOff" : "switchOn");
  return (
    <Button
      ariaLabel={`${text}: ${name}`}
      onClick={() => void act(() => call(updateCustomRule, { customRuleId, enabled: !enabled }))}
    >
      {text}
    </Button>
  );
}
