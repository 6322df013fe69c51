/** Why an event ended as it did: the rules, the variable, the bytes, and what to do about it. */
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import type { Static } from "typebox";
import { catalog } from "../../../src/catalog.ts";
import type { EventRow } from "../../../src/services/events/contract.ts";
import type { RuleMatch } from "../../../src/services/waf/contract.ts";
import { call } from "../api/client.ts";
import { useWords } from "../language.tsx";
import { Fields } from "../resource/resource-detail.tsx";
import { useNotices } from "../shell/notices.tsx";
import { BlockSource } from "./block-source.tsx";

type Match = Static<typeof RuleMatch>;

/** Reads what a gateway reported; anything else is left out. */
export function matchesOf(values: unknown): Match[] {
  if (!Array.isArray(values)) return [];
  return values.filter(
    (value): value is Match => typeof value === "object" && value !== null && "ruleId" in value,
  );
}

export function EventReason({ row, matches }: { row: EventRow; matches: readonly Match[] }) {
  const { t } = useWords();
  return (
    <SpaceBetween size="l">
      <Header variant="h3" description={t("scoreOf", { score: row.score })}>
        {t("whyBlocked")}
      </Header>
      {matches.length === 0 ? <Box>{t("noMatches")}</Box> : null}
      {matches.map((match) => (
        <MatchView
          key={`${match.ruleId} ${match.variable} ${match.matchStart}`}
          {...{ row, match }}
        />
      ))}
      {row.sourceIp === "" ? null : <BlockSource cidr={row.sourceIp} />}
      <Fields item={row} />
    </SpaceBetween>
  );
}

function MatchView({ row, match }: { row: EventRow; match: Match }) {
  const { t } = useWords();
  const { succeeded, failed } = useNotices();
  const { ruleId, variable, value = "", matchStart, matchEnd } = match;
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
  return (
    <div>
      <strong>{ruleId}</strong> {match.message}
      <div>
        <code>{variable}</code>
      </div>
      <div className="bytes">
        {value.slice(0, matchStart)}
        <mark>{value.slice(matchStart, matchEnd)}</mark>
        {value.slice(matchEnd)}
      </div>
      {row.siteId === "" ? null : <Button onClick={() => void exclude()}>{t("exclude")}</Button>}
    </div>
  );
}
