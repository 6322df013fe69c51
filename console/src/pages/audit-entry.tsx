/** One entry of the record, with the proof that it is in the log. */
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Spinner from "@cloudscape-design/components/spinner";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { catalog } from "../../../src/catalog.ts";
import { call } from "../api/client.ts";
import { useWords } from "../language.tsx";
import { Fields } from "../resource/fields.tsx";
import { Failure } from "../shell/failure.tsx";
import { type Checked, checkInclusion, type InclusionProof } from "./inclusion.ts";

export default function AuditEntry({ entryId }: { entryId: string }) {
  const { label } = useWords();
  const query = useQuery({
    queryKey: ["entry", entryId],
    queryFn: () => call(catalog.audit.operations.getEntry, { entryId }),
    staleTime: Infinity,
  });
  if (query.isError) return <Failure error={query.error} />;
  if (query.data === undefined) return <Spinner />;
  const { entry, proof } = query.data;
  return (
    <SpaceBetween size="l">
      <Header variant="h1">{`${label("index")} ${entry.index}`}</Header>
      <Fields item={entry} />
      <Proof proof={proof} index={entry.index} checkpoint={proof.checkpoint} />
    </SpaceBetween>
  );
}

type ProofProps = {
  readonly proof: InclusionProof;
  readonly index: number;
  readonly checkpoint: string;
};

function Proof({ proof, index, checkpoint }: ProofProps) {
  const { t } = useWords();
  const [checked, setChecked] = useState<Checked>();
  const verify = () => void checkInclusion(proof, index).then(setChecked);
  return (
    <Container
      header={
        <Header variant="h2" actions={<Button onClick={verify}>{t("verify")}</Button>}>
          {t("proof")}
        </Header>
      }
    >
      <SpaceBetween size="s">
        {checked?.steps.map(({ kind, number, hash }) => (
          <div key={number}>
            {kind === "leaf" ? t("stepLeaf") : t("stepNode", { number })}
            <pre className="json">{hash}</pre>
          </div>
        ))}
        {checked === undefined ? null : (
          <StatusIndicator type={checked.valid ? "success" : "error"}>
            {checked.valid ? `${t("stepRoot")} · ${t("verified")}` : t("notVerified")}
          </StatusIndicator>
        )}
        <strong>{t("checkpoint")}</strong>
        <pre className="json">{checkpoint}</pre>
      </SpaceBetween>
    </Container>
  );
}
