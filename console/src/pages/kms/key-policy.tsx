/** The policy of a key: who may use it beside the policies of the account. */
import Box from "@cloudscape-design/components/box";
import Container from "@cloudscape-design/components/container";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Spinner from "@cloudscape-design/components/spinner";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { catalog } from "../../../../src/catalog.ts";
import { call } from "../../api/client.ts";
import { useWords } from "../../language.tsx";
import { OperationForm } from "../../resource/operation-form.tsx";
import { Failure } from "../../shell/failure.tsx";
import { useNotices } from "../../shell/notices.tsx";

const { getKeyPolicy, setKeyPolicy } = catalog.kms.operations;

export function KeyPolicy({ keyId }: { keyId: string }) {
  const { t } = useWords();
  const { succeeded } = useNotices();
  const client = useQueryClient();
  const query = useQuery({
    queryKey: ["keyPolicy", keyId],
    queryFn: () => call(getKeyPolicy, { keyId }),
  });
  const done = async (): Promise<void> => {
    await client.invalidateQueries();
    succeeded(t("saved"));
  };
  if (query.isError) return <Failure error={query.error} />;
  if (query.data === undefined) return <Spinner />;
  const { document } = query.data;
  return (
    <Container>
      <SpaceBetween size="m">
        <Box>{t("keyPolicyHelp")}</Box>
        <OperationForm
          operation={setKeyPolicy}
          fixed={{ keyId }}
          initial={{ document }}
          submitText={t("save")}
          done={() => void done()}
        />
      </SpaceBetween>
    </Container>
  );
}
