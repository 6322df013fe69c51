/** Who was invited chooses a password here. The token stands after "#": no server logs it. */
import Alert from "@cloudscape-design/components/alert";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Spinner from "@cloudscape-design/components/spinner";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { catalog } from "../../../src/catalog.ts";
import { call } from "../api/client.ts";
import { session } from "../api/session.ts";
import { useWords } from "../language.tsx";
import { navigate } from "../location.ts";
import { OperationForm } from "../resource/operation-form.tsx";
import { Failure } from "../shell/failure.tsx";

const { openInvitation, acceptInvitation } = catalog.iam.operations;

export default function InvitationPage() {
  const { t } = useWords();
  const client = useQueryClient();
  const [token] = useState(() => window.location.hash.slice(1));
  const invited = useQuery({
    queryKey: ["invitation", token],
    queryFn: () => call(openInvitation, { token }),
    retry: false,
    enabled: token.length >= 20,
  });
  const done = async (): Promise<void> => {
    // The session comes first, and then the page that adds a second factor.
    await client.invalidateQueries({ queryKey: session.queryKey });
    navigate("/own", { replace: true });
  };
  return (
    <main className="narrow">
      <Container
        header={<Header variant="h1">{`${t("product")} · ${t("invitationTitle")}`}</Header>}
      >
        {token.length < 20 ? <Alert type="warning">{t("invitationLinkCut")}</Alert> : null}
        {invited.isLoading ? <Spinner size="large" /> : null}
        {invited.isError ? (
          <SpaceBetween size="l">
            <Failure error={invited.error} />
            <Button onClick={() => navigate("/", { replace: true })}>{t("signInAgain")}</Button>
          </SpaceBetween>
        ) : null}
        {invited.data === undefined ? null : (
          <SpaceBetween size="l">
            <KeyValuePairs
              columns={2}
              items={[
                { label: t("invitationAccount"), value: invited.data.accountName },
                { label: t("invitationName"), value: invited.data.userName },
              ]}
            />
            <Alert>
              {t("invitationPassword", { length: String(invited.data.passwordLengthMin) })}
            </Alert>
            <OperationForm
              operation={acceptInvitation}
              fixed={{ token }}
              submitText={t("acceptInvitation")}
              done={() => void done()}
            />
          </SpaceBetween>
        )}
      </Container>
    </main>
  );
}
