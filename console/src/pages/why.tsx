/** Why a call was allowed or denied: from its request id, or for a question of one's own. */
import Alert from "@cloudscape-design/components/alert";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { catalog } from "../../../src/catalog.ts";
import type { AuditEntry } from "../../../src/services/audit/contract.ts";
import { call } from "../api/client.ts";
import { useWords } from "../language.tsx";
import { useAddress, useQueryValue } from "../location.ts";
import { Fields } from "../resource/fields.tsx";
import { OperationForm } from "../resource/operation-form.tsx";
import type { Item } from "../resource/resources.ts";
import { Failure } from "../shell/failure.tsx";

export default function Why() {
  const { t } = useWords();
  const { searchParams } = useAddress();
  const [requestId, setRequestId] = useQueryValue("request");
  const [typed, setTyped] = useState(requestId);
  const found = useQuery({
    queryKey: ["why", requestId],
    enabled: requestId !== "",
    queryFn: async () => {
      const filters = [{ name: "requestId", values: [requestId] }];
      const answer = await call(catalog.audit.operations.listEntries, { filters, pageSize: 1 });
      return answer.entries[0] ?? null;
    },
  });
  const entry = found.data ?? undefined;
  const given: Item = {
    action: entry?.action ?? searchParams.get("action") ?? "",
    resource: entry?.resource ?? searchParams.get("resource") ?? "",
    userId: entry?.principalType === "user" ? entry.principalId : "",
  };
  return (
    <SpaceBetween size="l">
      <Header variant="h1" description={t("whyHelp")}>
        {t("whyDenied")}
      </Header>
      <Container header={<Header variant="h2">{t("whyByRequest")}</Header>}>
        <form
          onSubmit={(event) => {
            event.preventDefault();
            setRequestId(typed.trim());
          }}
        >
          <SpaceBetween direction="horizontal" size="xs" alignItems="end">
            <FormField label={t("requestIdLabel")}>
              <Input
                value={typed}
                placeholder={"req-…"}
                onChange={({ detail }) => setTyped(detail.value)}
              />
            </FormField>
            <Button>{t("lookUp")}</Button>
          </SpaceBetween>
        </form>
      </Container>
      {found.isError ? <Failure error={found.error} /> : null}
      {found.data === null ? <Alert type="warning">{t("whyUnknown")}</Alert> : null}
      {entry === undefined ? null : <Decision entry={entry} />}
      <Ask key={`${requestId} ${String(given.action)}`} given={given} />
    </SpaceBetween>
  );
}

function Decision({ entry }: { entry: AuditEntry }) {
  const { t, valueText } = useWords();
  const { index, time, principalName, operation, action, resource, sourceIp } = entry;
  const { decision, determiningPolicyIds, code, reason } = entry;
  const shown = { time, principalName, operation, action, resource, sourceIp };
  return (
    <SpaceBetween size="m">
      <Alert type={decision === "deny" ? "error" : "info"}>
        {t("whyDecision", { decision: valueText(decision) })}{" "}
        {determiningPolicyIds.length === 0 ? t("whyNoPolicy") : null}
      </Alert>
      <Fields item={{ ...shown, decision, determiningPolicyIds, code, reason, index }} />
    </SpaceBetween>
  );
}

function Ask({ given }: { given: Item }) {
  const { t } = useWords();
  const [answer, setAnswer] = useState<Item>();
  return (
    <Container
      header={
        <Header variant="h2" description={t("whyAskHelp")}>
          {t("whyAsk")}
        </Header>
      }
    >
      <SpaceBetween size="m">
        <OperationForm
          operation={catalog.iam.operations.simulatePolicy}
          initial={given}
          submitText={t("whyAskRun")}
          done={setAnswer}
        />
        {answer === undefined ? null : <Fields item={answer} />}
      </SpaceBetween>
    </Container>
  );
}
