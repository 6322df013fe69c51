/** What a list says when it shows nothing: an error, no match, or what this is and what to do. */
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useWords } from "../language.tsx";
import { navigate } from "../location.ts";
import { Failure } from "../shell/failure.tsx";
import { actionsWithoutItem } from "./resource-actions.ts";
import type { Shown } from "./resources.ts";

type Props = {
  readonly shown: Shown;
  readonly error: unknown;
  readonly filtered: boolean;
  clearFilter(): void;
  retry(): void;
};

export function ResourceEmpty({ shown, error, filtered, clearFilter, retry }: Props) {
  const { t, about, operationTitle } = useWords();
  if (error !== null && error !== undefined) {
    return (
      <SpaceBetween size="s">
        <Failure error={error} />
        <Button onClick={retry}>{t("retry")}</Button>
      </SpaceBetween>
    );
  }
  if (filtered) {
    return (
      <SpaceBetween size="s">
        <Box>{t("noMatch")}</Box>
        <Button onClick={clearFilter}>{t("clearFilter")}</Button>
      </SpaceBetween>
    );
  }
  return (
    <SpaceBetween size="s">
      <Box variant="strong">{t("empty")}</Box>
      <Box color="text-body-secondary">{about(shown.resource.name) || shown.contract.summary}</Box>
      {actionsWithoutItem(shown).map(({ operation, href }) => (
        <Button key={operation.name} onClick={() => navigate(href)}>
          {operationTitle(operation)}
        </Button>
      ))}
    </SpaceBetween>
  );
}
