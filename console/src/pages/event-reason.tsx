/** Why an event ended as it did: the rules, the variable, the bytes, and what to do about it. */
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Header from "@cloudscape-design/components/header";
import Link from "@cloudscape-design/components/link";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { catalog } from "../../../src/catalog.ts";
import type { EventRow } from "../../../src/services/events/contract.ts";
import type { RuleMatch } from "../../../src/services/waf/contract.ts";
import { call } from "../api/client.ts";
import { useWords } from "../language.tsx";
import { Fields } from "../resource/fields.tsx";
import { useNotices } from "../shell/notices.tsx";
import { BlockSource } from "./block-source.tsx";
import { MatchedBytes } from "./matched-bytes.tsx";

/** Reads what a gateway reported; anything else is left out. */
export function matchesOf(values: unknown): RuleMatch[] {
  if (!Array.isArray(values)) return [];
  return values.filter(
    (value): value is RuleMatch => typeof value === "object" && value !== null && "ruleId" in value,
  );
}

export function EventReason({ row, matches }: { row: EventRow; matches: readonly RuleMatch[] }) {
  const { t } = useWords();
  return (
    <SpaceBetween size="l">
      <Header variant="h3" description={t("scoreOf", { score: row.score })}>
        {t("whyBlocked")}
      </Header>
      {matches.length === 0 ? <Box>{t("noMatches")}</Box> : null}
      {matches.map((match) => (
        <SpaceBetween size="xs" key={`${match.ruleId} ${match.variable} ${match.matchStart}`}>
          <MatchedBytes match={match} />
          {row.siteId === "" ? null : <Exclude {...{ row, match }} />}
        </SpaceBetween>
      ))}
      {row.siteId === "" ? null : (
        <Link href={`/explain?event=${encodeURIComponent(row.uid)}`}>{t("explainThis")}</Link>
      )}
      {row.sourceIp === "" ? null : <BlockSource cidr={row.sourceIp} />}
      <Fields item={row} columns={2} />
    </SpaceBetween>
  );
}

function Exclude({ row, match }: { row: EventRow; match: RuleMatch }) {
  const { t } = useWords();
  const { succeeded, failed } = useNotices();
  const { ruleId, variable } = match;
  const exclude = async (): Promise<void> => {
    try {
      const { siteId, path } = row;
      const pathPrefix = path.split("?")[0] || "/";
      await call(catalog.waf.operations.createExclusion, { siteId, pathPrefix, ruleId, variable });
      succeeded(t("excluded", { rule: ruleId }));
    } catch (error) {
      failed(error);
    }
  };
  return <Button onClick={() => void exclude()}>{t("exclude")}</Button>;
}
