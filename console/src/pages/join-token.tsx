/** A one-time token with which a new node joins, and what to do with it there. */
import Box from "@cloudscape-design/components/box";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";
import { catalog } from "../../../src/catalog.ts";
import { useWords } from "../language.tsx";
import { navigate } from "../location.ts";
import { OperationForm } from "../resource/operation-form.tsx";
import type { Item } from "../resource/resources.ts";
import { SecretOnce } from "../resource/secret-once.tsx";
import { Value } from "../resource/value.tsx";

export default function JoinToken() {
  const { t, label, resourceTitle, about } = useWords();
  const [made, setMade] = useState<Item>();
  return (
    <SpaceBetween size="l">
      <Header variant="h1" description={about("joinToken")}>
        {resourceTitle("joinToken")}
      </Header>
      <Container>
        {made === undefined ? (
          <OperationForm
            operation={catalog.fleet.operations.createJoinToken}
            initial={{ plane: "gateway" }}
            submitText={t("makeToken")}
            cancel={() => navigate("/nodes")}
            done={setMade}
          />
        ) : (
          <SpaceBetween size="m">
            <KeyValuePairs
              items={[
                {
                  label: label("expireTime"),
                  value: <Value field="expireTime" value={made.expireTime} />,
                },
              ]}
            />
            <Box>{t("joinHelp")}</Box>
            <SecretOnce secret={String(made.token)} done={() => navigate("/nodes")} />
          </SpaceBetween>
        )}
      </Container>
    </SpaceBetween>
  );
}
