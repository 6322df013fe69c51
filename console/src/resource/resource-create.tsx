/** The create page of any resource; a secret in the answer is shown once. */
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useWords } from "../language.tsx";
import { navigate, useAddress } from "../location.ts";
import { OperationForm } from "./operation-form.tsx";
import { type Item, operationOf, type Shown } from "./resources.ts";
import { SecretOnce } from "./secret-once.tsx";

const STARTS: Readonly<Record<string, Item>> = {
  site: { mode: "block" },
  policy: {
    document: {
      version: "1",
      statement: [{ effect: "allow", action: ["waf:List*"], resource: ["*"] }],
    },
  },
};

export default function ResourceCreate({ shown }: { shown: Shown }) {
  const { t, operationTitle, about } = useWords();
  const client = useQueryClient();
  const [secret, setSecret] = useState("");
  const given = Object.fromEntries(useAddress().searchParams);
  const { resource, path } = shown;
  const operation = operationOf(shown, "create");
  const leave = () => navigate(`/${path}`);
  if (operation === undefined) return t("notFound");
  const done = async (result: Item): Promise<void> => {
    await client.invalidateQueries();
    const [name] = operation.secretOutput ?? [];
    if (name !== undefined) return setSecret(String(result[name]));
    const id = result[resource.idField];
    const opens = resource.get !== undefined && typeof id === "string";
    navigate(opens ? `/${path}/${id}` : `/${path}`);
  };
  return (
    <Container
      header={
        <Header variant="h1" description={about(resource.name)}>
          {operationTitle(operation)}
        </Header>
      }
    >
      {secret === "" ? (
        <OperationForm
          operation={operation}
          initial={{ ...STARTS[resource.name], ...given }}
          submitText={t("create")}
          cancel={leave}
          done={(result) => void done(result)}
        />
      ) : (
        <SecretOnce secret={secret} done={leave} />
      )}
    </Container>
  );
}
