/** How old the last backup is, when the next one comes, how one is made and put back. */
import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import ColumnLayout from "@cloudscape-design/components/column-layout";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { catalog } from "../../../../src/catalog.ts";
import { callAny } from "../../api/client.ts";
import { useWords } from "../../language.tsx";
import { navigate } from "../../location.ts";
import { OperationForm } from "../../resource/operation-form.tsx";
import type { Item } from "../../resource/resources.ts";
import { Value } from "../../resource/value.tsx";
import { Failure } from "../../shell/failure.tsx";

const { getStatus, createBackup, updateSchedule } = catalog.backup.operations;
const REFRESH_MS = 5_000;
const KEY = ["backup", "status"];
/** The newest file's name stands in the list; the commands are run on the machine. */
const RESTORE = "./cordon backup verify FILE\n./cordon down\n./cordon backup restore FILE";

export default function BackupStatus() {
  const { t, about } = useWords();
  const client = useQueryClient();
  const query = useQuery({
    queryKey: KEY,
    queryFn: () => callAny(getStatus, {}),
    refetchInterval: REFRESH_MS,
  });
  const [error, setError] = useState<unknown>();
  const [begun, setBegun] = useState(false);
  const make = async (): Promise<void> => {
    setError(undefined);
    try {
      await callAny(createBackup, {});
      setBegun(true);
      await client.invalidateQueries({ queryKey: KEY });
    } catch (failure) {
      setError(failure);
    }
  };
  const actions = (
    <SpaceBetween direction="horizontal" size="xs">
      <Button onClick={() => navigate("/backups")}>{t("backupFiles")}</Button>
      <Button variant="primary" onClick={() => void make()}>
        {t("backupNow")}
      </Button>
    </SpaceBetween>
  );
  return (
    <SpaceBetween size="l">
      <Header variant="h1" description={about("backup")} actions={actions}>
        {t("backupWatch")}
      </Header>
      {error !== undefined && <Failure error={error} />}
      {query.error !== null && <Failure error={query.error} />}
      {begun && error === undefined && (
        <Alert type="success" dismissible onDismiss={() => setBegun(false)}>
          {t("backupBegun")}
        </Alert>
      )}
      {query.data !== undefined && <Status status={query.data} />}
      <Container header={<Header variant="h2">{t("backupRestore")}</Header>}>
        <SpaceBetween size="s">
          <Box>{t("backupRestoreHelp")}</Box>
          <Box variant="code">
            <pre className="json">{RESTORE}</pre>
          </Box>
        </SpaceBetween>
      </Container>
    </SpaceBetween>
  );
}

function Status({ status }: { status: Item }) {
  const { t, told, label } = useWords();
  const ways = Array.isArray(status.opensWith) ? status.opensWith : [];
  const bad = typeof status.alarm === "string";
  const value = (field: string) => ({
    label: label(field),
    value: <Value field={field} value={status[field]} />,
  });
  return (
    <>
      {bad && <Alert type="error">{String(told(status, "alarm"))}</Alert>}
      {ways.length === 0 && <Alert type="warning">{t("backupNoLock")}</Alert>}
      {typeof status.lastFailure === "string" && !bad && (
        <Alert type="warning">{status.lastFailure}</Alert>
      )}
      <ColumnLayout columns={2}>
        <Container
          header={
            <Header variant="h2">
              <StatusIndicator type={bad ? "error" : "success"}>
                {t(bad ? "backupsFail" : "backupsWork")}
              </StatusIndicator>
            </Header>
          }
        >
          <KeyValuePairs
            items={[
              "lastSuccessTime",
              "nextBackupTime",
              "lastFailureTime",
              "opensWith",
              "folder",
            ].map(value)}
          />
        </Container>
        <Container header={<Header variant="h2">{t("backupSchedule")}</Header>}>
          <Schedule schedule={status.schedule} />
        </Container>
      </ColumnLayout>
    </>
  );
}

function Schedule({ schedule }: { schedule: unknown }) {
  const { t } = useWords();
  const client = useQueryClient();
  // The contract's answer; the form shows what it holds.
  const initial = schedule as Item;
  return (
    <OperationForm
      key={JSON.stringify(schedule)}
      operation={updateSchedule}
      initial={initial}
      submitText={t("save")}
      done={() => void client.invalidateQueries({ queryKey: KEY })}
    />
  );
}
