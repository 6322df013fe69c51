/** A person's own factors, password and sessions. */
import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Table from "@cloudscape-design/components/table";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { catalog } from "../../../src/catalog.ts";
import { call, setCsrfToken } from "../api/client.ts";
import { makePasskey, passkeysWork } from "../api/webauthn.ts";
import { useWords } from "../language.tsx";
import { OperationForm } from "../resource/operation-form.tsx";
import { Failure } from "../shell/failure.tsx";

const own = catalog.iam.operations;
const SECURITY = ["own", "security"];
const SESSIONS = ["own", "sessions"];

/** Runs a change, shows what went wrong, and reads again. */
function useChange() {
  const client = useQueryClient();
  const [error, setError] = useState<unknown>();
  const run = async (work: () => Promise<unknown>): Promise<void> => {
    setError(undefined);
    try {
      await work();
    } catch (caught) {
      setError(caught);
    }
    await client.invalidateQueries({ queryKey: ["own"] });
  };
  return { error, run };
}

export default function OwnSecurity() {
  const { t } = useWords();
  const { error, run } = useChange();
  const [codes, setCodes] = useState<readonly string[]>([]);
  return (
    <SpaceBetween size="l">
      <Header variant="h1">{t("ownSecurity")}</Header>
      {error === undefined ? null : <Failure error={error} />}
      {codes.length === 0 ? null : (
        <Alert header={t("backupCodesOnce")} dismissible onDismiss={() => setCodes([])}>
          <Box variant="code">{codes.join("  ")}</Box>
        </Alert>
      )}
      <Factors run={run} showCodes={setCodes} />
      <PasswordChange />
      <Sessions run={run} />
    </SpaceBetween>
  );
}

type Change = {
  run(work: () => Promise<unknown>): Promise<void>;
  showCodes(codes: readonly string[]): void;
};

function Factors({ run, showCodes }: Change) {
  const { t } = useWords();
  const security = useQuery({ queryKey: SECURITY, queryFn: () => call(own.getOwnSecurity, {}) });
  const factors = security.data;
  if (security.isError) return <Failure error={security.error} />;
  if (factors === undefined) return null;
  const renew = () =>
    run(async () => showCodes((await call(own.renewOwnBackupCodes, {})).backupCodes));
  return (
    <Container
      header={
        <Header
          variant="h2"
          actions={<Button onClick={() => void renew()}>{t("renewBackupCodes")}</Button>}
        >
          {t("factors")}
        </Header>
      }
    >
      <SpaceBetween size="l">
        {factors.mfaDemanded && factors.mfaTime === null ? (
          <Alert type="warning">{t("factorDemanded")}</Alert>
        ) : null}
        <KeyValuePairs
          columns={2}
          items={[
            { label: t("authenticatorApp"), value: factors.totp ? t("yes") : t("no") },
            { label: t("backupCodesLeft"), value: String(factors.backupCodesLeft) },
          ]}
        />
        <App present={factors.totp} {...{ run, showCodes }} />
        <Table
          variant="embedded"
          header={<Header variant="h3">{t("passkeys")}</Header>}
          items={factors.passkeys}
          empty={t("empty")}
          columnDefinitions={[
            { id: "name", header: t("name"), cell: (key) => key.name },
            {
              id: "remove",
              header: "",
              cell: ({ passkeyId, name }) => (
                <Button
                  variant="inline-link"
                  ariaLabel={`${t("remove")} ${name}`}
                  onClick={() => void run(() => call(own.deleteOwnPasskey, { passkeyId }))}
                >
                  {t("remove")}
                </Button>
              ),
            },
          ]}
        />
        {passkeysWork() ? <AddPasskey {...{ run, showCodes }} /> : <Box>{t("passkeyHost")}</Box>}
      </SpaceBetween>
    </Container>
  );
}

function AddPasskey({ run, showCodes }: Change) {
  const { t } = useWords();
  const [name, setName] = useState("");
  const add = async (): Promise<void> => {
    const { token, options } = await call(own.beginOwnPasskey, {});
    const response = await makePasskey(options);
    const made = await call(own.completeOwnPasskey, { token, name: name || "passkey", response });
    setCsrfToken(made.csrfToken);
    showCodes(made.backupCodes);
    setName("");
  };
  return (
    <FormField label={t("passkeyName")}>
      <SpaceBetween size="s" direction="horizontal">
        <Input value={name} onChange={({ detail }) => setName(detail.value)} />
        <Button iconName="add-plus" onClick={() => void run(add)}>
          {t("addPasskey")}
        </Button>
      </SpaceBetween>
    </FormField>
  );
}

function App({ present, run, showCodes }: Change & { present: boolean }) {
  const { t } = useWords();
  const [secret, setSecret] = useState<{ secret: string; uri: string }>();
  const [code, setCode] = useState("");
  const confirm = async (): Promise<void> => {
    const made = await call(own.confirmOwnTotp, { totpCode: code.replaceAll(" ", "") });
    setCsrfToken(made.csrfToken);
    showCodes(made.backupCodes);
    setSecret(undefined);
    setCode("");
  };
  if (present) {
    return (
      <Button onClick={() => void run(() => call(own.deleteOwnTotp, {}))}>{t("removeApp")}</Button>
    );
  }
  if (secret === undefined) {
    const begin = async () => setSecret(await call(own.beginOwnTotp, {}));
    return <Button onClick={() => void run(begin)}>{t("addApp")}</Button>;
  }
  return (
    <SpaceBetween size="s">
      <FormField label={t("appSecret")} description={t("appSecretHelp")}>
        <Box variant="code">{secret.secret}</Box>
      </FormField>
      <Box variant="small">{secret.uri}</Box>
      <FormField label={t("factorCode")}>
        <SpaceBetween size="s" direction="horizontal">
          <Input value={code} onChange={({ detail }) => setCode(detail.value)} />
          <Button onClick={() => void run(confirm)}>{t("confirm")}</Button>
        </SpaceBetween>
      </FormField>
    </SpaceBetween>
  );
}

function PasswordChange() {
  const { t } = useWords();
  const [done, setDone] = useState(0);
  return (
    <Container header={<Header variant="h2">{t("changePassword")}</Header>}>
      <SpaceBetween size="l">
        {done > 0 ? <Alert type="success">{t("passwordChanged")}</Alert> : null}
        <OperationForm
          key={done}
          operation={own.changeOwnPassword}
          submitText={t("changePassword")}
          done={({ csrfToken }) => {
            setCsrfToken(String(csrfToken));
            setDone(done + 1);
          }}
        />
      </SpaceBetween>
    </Container>
  );
}

function Sessions({ run }: Pick<Change, "run">) {
  const { t, label, timeText, valueText } = useWords();
  const sessions = useQuery({
    queryKey: SESSIONS,
    queryFn: () => call(own.listOwnSessions, { pageSize: 100 }),
  });
  return (
    <Table
      wrapLines
      header={<Header variant="h2">{t("ownSessions")}</Header>}
      items={sessions.data?.sessions ?? []}
      empty={t("empty")}
      columnDefinitions={[
        { id: "ip", header: label("sourceIp"), cell: (one) => one.sourceIp },
        { id: "agent", header: label("userAgent"), cell: (one) => one.userAgent },
        { id: "method", header: label("method"), cell: (one) => valueText(one.method) },
        { id: "used", header: label("lastUseTime"), cell: (one) => timeText(one.lastUseTime) },
        {
          id: "end",
          header: "",
          cell: ({ sessionId, current }) =>
            current ? (
              label("current")
            ) : (
              <Button
                variant="inline-link"
                onClick={() => void run(() => call(own.revokeOwnSession, { sessionId }))}
              >
                {t("endSession")}
              </Button>
            ),
        },
      ]}
    />
  );
}
