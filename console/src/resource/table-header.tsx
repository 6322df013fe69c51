/** The head of a list: how many, how old, and what can be done. */
import Button from "@cloudscape-design/components/button";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { lazy, Suspense, useEffect, useState } from "react";
import { useWords } from "../language.tsx";
import { navigate } from "../location.ts";
import { ItemButtons } from "./item-buttons.tsx";
import { actionsWithoutItem } from "./resource-actions.ts";
import { type Item, operationOf, type Shown } from "./resources.ts";
import { SavedViews } from "./saved-views.tsx";

const ExportDialog = lazy(() => import("./export-dialog.tsx"));

/** Lists without a button that adds to them: they say where that is done, also when not empty. */
const CHANGED_ELSEWHERE = new Set(["virtualPatch", "guardedPage", "upstreamState"]);

type Props = {
  readonly shown: Shown;
  readonly total: number;
  readonly item: Item | undefined;
  readonly search: Item;
  readonly columns: readonly string[];
  readonly updatedAt: number;
  readonly embedded: boolean | "page";
  refresh(): void;
  cleared(): void;
};

export function TableHeader(props: Props) {
  const { shown, total, item, search, columns, updatedAt, embedded, refresh, cleared } = props;
  const { t, about, resourceTitle, numberText, operationTitle } = useWords();
  const [exporting, setExporting] = useState(false);
  const list = operationOf(shown, "list");
  const { resource } = shown;
  const hasCreate = operationOf(shown, "create") !== undefined;
  return (
    <>
      <Header
        variant={embedded === true ? "h2" : embedded === "page" ? "h1" : "awsui-h1-sticky"}
        counter={`(${numberText(total)})`}
        description={
          <>
            {CHANGED_ELSEWHERE.has(resource.name) ? <div>{about(resource.name)}</div> : null}
            <Age time={updatedAt} />
          </>
        }
        actions={
          <SpaceBetween direction="horizontal" size="xs">
            <Button
              iconName="refresh"
              ariaLabel={t("refresh")}
              nativeButtonAttributes={{ "data-key": "r" }}
              onClick={refresh}
            />
            {embedded === true ? null : <SavedViews name={resource.name} />}
            <Button disabled={total === 0} onClick={() => setExporting(true)}>
              {t("export")}
            </Button>
            <ItemButtons shown={shown} item={item} left={cleared} />
            {actionsWithoutItem(shown).map(({ operation, href }) => (
              <Button
                key={href}
                variant={href.endsWith("/create") || !hasCreate ? "primary" : "normal"}
                onClick={() => navigate(href)}
              >
                {operation.name.includes(".create") && hasCreate
                  ? t("create")
                  : operationTitle(operation)}
              </Button>
            ))}
          </SpaceBetween>
        }
      >
        {resourceTitle(resource.name)}
      </Header>
      {exporting && list !== undefined ? (
        <Suspense>
          <ExportDialog
            name={shown.path}
            {...{ list, search, columns, total }}
            close={() => setExporting(false)}
          />
        </Suspense>
      ) : null}
    </>
  );
}

const TICK_MS = 1_000;

/** How old what is shown is; grows by itself. */
export function Age({ time }: { time: number }) {
  const { t } = useWords();
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), TICK_MS);
    return () => clearInterval(timer);
  }, []);
  if (time === 0) return null;
  return <>{t("updatedAgo", { seconds: Math.max(0, Math.round((now - time) / 1000)) })}</>;
}
