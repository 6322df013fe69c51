/** The one-time set-up: the token comes behind # so that it enters no log. */
import Box from "@cloudscape-design/components/box";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import Link from "@cloudscape-design/components/link";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { catalog } from "../../../src/catalog.ts";
import { call } from "../api/client.ts";
import { useWords } from "../language.tsx";
import { navigate } from "../location.ts";
import { OperationForm } from "../resource/operation-form.tsx";

export default function SetupPage() {
  const { t } = useWords();
  const client = useQueryClient();
  const [token] = useState(() => window.location.hash.slice(1));
  const setup = useQuery({
    queryKey: ["setup"],
    queryFn: () => call(catalog.account.operations.getSetup, {}),
  });
  const done = async (): Promise<void> => {
    await client.invalidateQueries();
    navigate("/", { replace: true });
  };
  return (
    <main className="narrow">
      <Container header={<Header variant="h1">{t("setup")}</Header>}>
        {setup.data?.pending === false ? (
          <Box>
            {t("setupDone")} <Link href="/">{t("signIn")}</Link>
          </Box>
        ) : (
          <>
            <Box padding={{ bottom: "l" }}>{t("setupIntro")}</Box>
            <OperationForm
              operation={catalog.account.operations.completeSetup}
              fixed={token === "" ? {} : { token }}
              initial={{ accountName: "main", userName: "admin" }}
              submitText={t("finishSetup")}
              done={() => void done()}
            />
          </>
        )}
      </Container>
    </main>
  );
}
