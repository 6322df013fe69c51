import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import { useQueryClient } from "@tanstack/react-query";
import { catalog } from "../../../src/catalog.ts";
import { session } from "../api/session.ts";
import { useWords } from "../language.tsx";
import { OperationForm } from "../resource/operation-form.tsx";

export default function SignInPage() {
  const { t } = useWords();
  const client = useQueryClient();
  return (
    <main className="narrow">
      <Container header={<Header variant="h1">{`${t("product")} · ${t("signIn")}`}</Header>}>
        <OperationForm
          operation={catalog.iam.operations.signIn}
          submitText={t("signIn")}
          done={() => void client.invalidateQueries({ queryKey: session.queryKey })}
        />
      </Container>
    </main>
  );
}
