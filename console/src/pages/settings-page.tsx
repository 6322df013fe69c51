/** A page for settings of which there is one: an operation reads them, another sets them. */
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Spinner from "@cloudscape-design/components/spinner";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import type { Operation } from "../../../src/kernel/operation.ts";
import { callAny } from "../api/client.ts";
import { useWords } from "../language.tsx";
import { OperationForm } from "../resource/operation-form.tsx";
import { Failure } from "../shell/failure.tsx";
import { useNotices } from "../shell/notices.tsx";

type Props = { readonly name: string; readonly get: Operation; readonly set: Operation };

export default function SettingsPage({ name, get, set }: Props) {
  const { t, resourceTitle, about } = useWords();
  const { succeeded } = useNotices();
  const client = useQueryClient();
  const query = useQuery({ queryKey: ["settings", name], queryFn: () => callAny(get, {}) });
  const done = async (): Promise<void> => {
    await client.invalidateQueries();
    succeeded(t("saved"));
  };
  return (
    <SpaceBetween size="l">
      <Header variant="h1" description={about(name)}>
        {resourceTitle(name)}
      </Header>
      <Container>
        {query.isError ? <Failure error={query.error} /> : null}
        {query.isPending ? <Spinner /> : null}
        {query.data === undefined ? null : (
          <OperationForm
            operation={set}
            initial={query.data}
            submitText={t("save")}
            done={() => void done()}
          />
        )}
      </Container>
    </SpaceBetween>
  );
}
