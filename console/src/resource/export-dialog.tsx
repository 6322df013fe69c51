/** Takes the filtered set out of the console: a file, or the call that gives it. */
import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import ExpandableSection from "@cloudscape-design/components/expandable-section";
import Modal from "@cloudscape-design/components/modal";
import ProgressBar from "@cloudscape-design/components/progress-bar";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useEffect, useRef, useState } from "react";
import type { Operation } from "../../../src/kernel/operation.ts";
import { useWords } from "../language.tsx";
import { Failure } from "../shell/failure.tsx";
import CallText from "./call-text.tsx";
import { csvOf, jsonOf } from "./export-file.ts";
import { fetchAll, limits } from "./fetch-all.ts";
import type { Item } from "./resources.ts";

type Props = {
  readonly name: string;
  readonly list: Operation;
  readonly search: Item;
  readonly columns: readonly string[];
  readonly total: number;
  close(): void;
};

/** Hands a text to the browser as a file. */
function download(fileName: string, type: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = document.createElement("a");
  link.href = url;
  link.download = fileName;
  link.click();
  // The browser reads the address after this turn.
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

function useExport({ name, list, search, columns, close }: Props) {
  const [progress, setProgress] = useState<{ count: number; total: number }>();
  const [error, setError] = useState<unknown>();
  const aborted = useRef<AbortController>(undefined);
  useEffect(() => () => aborted.current?.abort(), []);
  const start = async (kind: "csv" | "json"): Promise<void> => {
    const controller = new AbortController();
    aborted.current = controller;
    setError(undefined);
    setProgress({ count: 0, total: 0 });
    try {
      const { rows } = await fetchAll(list, search, {
        signal: controller.signal,
        progress: (count, total) => setProgress({ count, total }),
      });
      const stamp = new Date().toISOString().slice(0, 19).replaceAll(":", "-");
      if (kind === "csv") download(`${name}-${stamp}.csv`, "text/csv", csvOf(columns, rows));
      else download(`${name}-${stamp}.json`, "application/json", jsonOf(rows));
      close();
    } catch (caught) {
      if (controller.signal.aborted) return;
      setProgress(undefined);
      setError(caught);
    }
  };
  return { progress, error, start };
}

export default function ExportDialog(props: Props) {
  const { t, numberText } = useWords();
  const { list, search, total, close } = props;
  const { progress, error, start } = useExport(props);
  const rows = Math.min(total, limits.rowsMax);
  return (
    <Modal
      visible
      size="large"
      onDismiss={close}
      closeAriaLabel={t("close")}
      header={t("exportRows", { count: numberText(rows) })}
      footer={
        <Box float="right">
          <SpaceBetween direction="horizontal" size="xs">
            <Button variant="link" onClick={close}>
              {t("cancel")}
            </Button>
            <Button disabled={progress !== undefined} onClick={() => void start("json")}>
              {t("asJson")}
            </Button>
            <Button
              variant="primary"
              disabled={progress !== undefined}
              onClick={() => void start("csv")}
            >
              {t("asCsv")}
            </Button>
          </SpaceBetween>
        </Box>
      }
    >
      <SpaceBetween size="m">
        <Box>{t("exportHelp")}</Box>
        {total > limits.rowsMax ? (
          <Alert type="info">{t("exportLimit", { count: numberText(limits.rowsMax) })}</Alert>
        ) : null}
        {progress === undefined ? null : (
          <ProgressBar
            label={t("exporting")}
            value={progress.total === 0 ? 0 : (100 * progress.count) / Math.max(1, rows)}
          />
        )}
        {error === undefined ? null : (
          <Alert type="error">
            <Failure error={error} />
          </Alert>
        )}
        <ExpandableSection headerText={t("showAs")}>
          <CallText operation={list} input={{ ...search, pageSize: limits.pageSize }} />
        </ExpandableSection>
      </SpaceBetween>
    </Modal>
  );
}
