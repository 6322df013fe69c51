/** The create page of any resource; a secret in the answer is shown once. */
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { session } from "../api/session.ts";
import { useWords } from "../language.tsx";
import { navigate, useAddress } from "../location.ts";
import { Answer } from "./answer.tsx";
import { OperationForm } from "./operation-form.tsx";
import { type Item, operationOf, type Shown } from "./resources.ts";
import { sendGeoDatabase } from "./send-geo-database.ts";

const document = (...statement: readonly Item[]): Item => ({ version: "1", statement });
const every = { effect: "allow", action: ["*"], resource: ["*"] };

/** What a form begins with: where JSON is asked for, valid at once, to be changed. */
const startsOf = (accountId: string): Readonly<Record<string, Item>> => {
  const principal = { account: accountId };
  return {
    site: { mode: "block" },
    policy: { document: document({ ...every, action: ["waf:List*"] }) },
    resourcePolicy: {
      resource: `crn:waf::${accountId}:site/*`,
      document: document({ ...every, principal, action: ["waf:Get*", "waf:List*"] }),
    },
    role: { trust: document({ effect: "allow", principal, action: ["sts:AssumeRole"] }) },
    guardrail: {
      document: document(every, { ...every, effect: "deny", action: ["waf:DeleteSite"] }),
    },
  };
};

/** What is not sent by one call of its operation. */
const SENT_BY: Readonly<Record<string, (input: Item) => Promise<Item>>> = {
  "waf.importGeoDatabase": sendGeoDatabase,
};

/** The id of what was made, which programs give together with its secret. */
function idIn(result: Item, idField: string): Item {
  const found = [result, ...Object.values(result)].find(
    (one): one is Item => typeof one === "object" && one !== null && idField in one,
  );
  return found === undefined ? {} : { [idField]: found[idField] };
}

export default function ResourceCreate({ shown }: { shown: Shown }) {
  const { t, operationTitle, about } = useWords();
  const client = useQueryClient();
  const [answer, setAnswer] = useState<Item>();
  const accountId = useQuery(session).data?.accountId ?? "";
  const given = Object.fromEntries(useAddress().searchParams);
  const { resource, path } = shown;
  const operation = operationOf(shown, "create");
  const leave = () => navigate(`/${path}`);
  if (operation === undefined) return t("notFound");
  const send = SENT_BY[operation.name];
  const done = async (result: Item): Promise<void> => {
    await client.invalidateQueries();
    const { secretOutput = [] } = operation;
    if (secretOutput.length > 0) {
      const secrets = Object.entries(result).filter(([name]) => secretOutput.includes(name));
      return setAnswer({ ...idIn(result, resource.idField), ...Object.fromEntries(secrets) });
    }
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
      {answer === undefined ? (
        <OperationForm
          operation={operation}
          {...(send === undefined ? {} : { send })}
          initial={{ ...startsOf(accountId)[resource.name], ...given }}
          submitText={operation.name.includes(".create") ? t("create") : operationTitle(operation)}
          cancel={leave}
          done={(result) => void done(result)}
        />
      ) : (
        <Answer {...{ operation, answer }} done={leave} />
      )}
    </Container>
  );
}
