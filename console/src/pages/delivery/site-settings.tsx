/** One concern of a site's delivery as a form: what was set, or the defaults. */
import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import Spinner from "@cloudscape-design/components/spinner";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { callAny } from "../../api/client.ts";
import { useWords } from "../../language.tsx";
import { OperationForm } from "../../resource/operation-form.tsx";
import { Failure } from "../../shell/failure.tsx";
import { useNotices } from "../../shell/notices.tsx";
import { type Concern, concerns } from "./concerns.ts";

export default function SiteSettings({ siteId, concern }: { siteId: string; concern: Concern }) {
  const { t, resourceTitle, about } = useWords();
  const { succeeded } = useNotices();
  const client = useQueryClient();
  const [get, set] = concerns[concern];
  const query = useQuery({
    queryKey: ["delivery", concern, siteId],
    queryFn: () => callAny(get, { siteId }),
  });
  const done = async (): Promise<void> => {
    await client.invalidateQueries();
    succeeded(t("saved"));
  };
  return (
    <Container
      header={
        <Header variant="h2" description={about(concern)}>
          {resourceTitle(concern)}
        </Header>
      }
    >
      {concern === "requestRecords" ? (
        <Box margin={{ bottom: "l" }}>
          <Alert type="warning">{t("requestRecordsWarning")}</Alert>
        </Box>
      ) : null}
      {query.isError ? <Failure error={query.error} /> : null}
      {query.isPending ? <Spinner /> : null}
      {query.data === undefined ? null : (
        <OperationForm
          // What another tab or person saved is not overwritten by what was read before it.
          key={JSON.stringify(query.data)}
          operation={set}
          fixed={{ siteId }}
          initial={query.data}
          submitText={t("save")}
          done={() => void done()}
        />
      )}
    </Container>
  );
}
