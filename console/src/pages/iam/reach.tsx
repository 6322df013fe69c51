/** Who can reach a resource, and what is allowed and not used: the two questions of a review. */
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useQuery } from "@tanstack/react-query";
import { catalog } from "../../../../src/catalog.ts";
import type { Operation } from "../../../../src/kernel/operation.ts";
import { callAny } from "../../api/client.ts";
import { type UiKey, useWords } from "../../language.tsx";
import { setQueryValues, useAddress } from "../../location.ts";
import { OperationForm } from "../../resource/operation-form.tsx";
import { type Item, itemsOf } from "../../resource/resources.ts";
import { Rows } from "../../resource/rows.tsx";
import { Failure } from "../../shell/failure.tsx";

const PAGE = { pageNumber: 1, pageSize: 100 };

export default function Reach() {
  const { t } = useWords();
  return (
    <SpaceBetween size="l">
      <Header variant="h1" description={t("reachHelp")}>
        {t("reach")}
      </Header>
      <Question
        operation={catalog.iam.operations.listReachers}
        words={["reachWho", "reachWhoHelp", "reachNobody"]}
        fields={["action", "resource"]}
        columns={["principalName", "principalType", "principalId", "determiningPolicyIds"]}
      />
      <Question
        operation={catalog.iam.operations.listUnusedRights}
        words={["reachUnused", "reachUnusedHelp", "reachAllUsed"]}
        fields={["userId", "roleId"]}
        columns={["action", "determiningPolicyIds"]}
      />
    </SpaceBetween>
  );
}

type Props = {
  readonly operation: Operation;
  /** Title, what is asked, and what an empty answer says. */
  readonly words: readonly [UiKey, UiKey, UiKey];
  /** What is asked for; it stands in the address, so that a question can be sent to somebody. */
  readonly fields: readonly string[];
  readonly columns: readonly string[];
};

function Question({ operation, words: [title, help, empty], fields, columns }: Props) {
  const { t } = useWords();
  const { searchParams } = useAddress();
  const asked = fields.flatMap((name) => {
    const text = searchParams.get(name) ?? "";
    return text === "" ? [] : [[name, text] as const];
  });
  const input: Item = Object.fromEntries(asked);
  const query = useQuery({
    queryKey: ["reach", operation.name, input],
    queryFn: () => callAny(operation, { ...input, ...PAGE }),
    enabled: asked.length > 0,
    retry: false,
  });
  return (
    <Container
      header={
        <Header variant="h2" description={t(help)}>
          {t(title)}
        </Header>
      }
    >
      <SpaceBetween size="m">
        <OperationForm
          key={JSON.stringify(input)}
          operation={{ ...operation, input: only(operation.input, fields) }}
          initial={input}
          submitText={t("whyAskRun")}
          done={() => {}}
          send={async (given) => {
            const texts = fields.map((name) => [name, textOf(given[name])]);
            setQueryValues(Object.fromEntries(texts));
            return {};
          }}
        />
        {query.isError ? <Failure error={query.error} /> : null}
        {query.data === undefined ? null : (
          <Rows
            title={t("reachAnswer")}
            items={itemsOf(query.data)}
            columns={columns}
            empty={t(empty)}
          />
        )}
      </SpaceBetween>
    </Container>
  );
}

const textOf = (value: unknown): string => (value === undefined ? "" : String(value));

/** The schema with these fields alone: the page itself says which part of a list it wants. */
function only(input: Operation["input"], names: readonly string[]): Operation["input"] {
  const kept = Object.entries(input.properties).filter(([name]) => names.includes(name));
  return { ...input, properties: Object.fromEntries(kept) };
}
