/** The page about one of any resource: its fields, how to change it and how to delete it. */
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Spinner from "@cloudscape-design/components/spinner";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { callAny } from "../api/client.ts";
import { useWords } from "../language.tsx";
import { Failure } from "../shell/failure.tsx";
import { useNotices } from "../shell/notices.tsx";
import { DeleteDialog } from "./delete-dialog.tsx";
import { OperationForm } from "./operation-form.tsx";
import { type Item, operationOf, type Shown } from "./resources.ts";
import { Value } from "./value.tsx";

export default function ResourceDetail({ shown, id }: { shown: Shown; id: string }) {
  const { t } = useWords();
  const { resource } = shown;
  const { succeeded } = useNotices();
  const client = useQueryClient();
  const [asking, setAsking] = useState(false);
  const get = operationOf(shown, "get");
  const update = operationOf(shown, "update");
  const fixed = { [resource.idField]: id };
  const query = useQuery({
    queryKey: [resource.name, id],
    queryFn: () => (get === undefined ? fixed : callAny(get, fixed)),
  });
  if (query.isError) return <Failure error={query.error} />;
  if (query.data === undefined) return <Spinner />;
  const item = query.data;
  const done = async (): Promise<void> => {
    await client.invalidateQueries();
    succeeded(t("done"));
  };
  return (
    <SpaceBetween size="l">
      <Header
        variant="h1"
        actions={
          resource.delete === undefined ? null : (
            <Button onClick={() => setAsking(true)}>{t("remove")}</Button>
          )
        }
      >
        {String(item[resource.titleField])}
      </Header>
      <Fields item={item} />
      {update === undefined || item.managed === true ? null : (
        <Container>
          <OperationForm
            {...{ operation: update, fixed, initial: item }}
            submitText={t("save")}
            done={() => void done()}
          />
        </Container>
      )}
      {asking ? <DeleteDialog {...{ shown, item }} close={() => setAsking(false)} /> : null}
    </SpaceBetween>
  );
}

/** Every field of an item with its label. */
export function Fields({ item }: { item: Item }) {
  const { t, label } = useWords();
  return (
    <Container header={<Header variant="h2">{t("details")}</Header>}>
      <KeyValuePairs
        columns={3}
        items={Object.entries(item).map(([field, value]) => ({
          label: label(field),
          value: <Value field={field} value={value} />,
        }))}
      />
    </Container>
  );
}
