/** A key: what is generated, and how programs use it. A key nobody has used begins with that. */
import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import Link from "@cloudscape-design/components/link";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useWords } from "../../language.tsx";
import { setQueryValues } from "../../location.ts";
import { CopyableText } from "../../resource/copyable-text.tsx";
import type { FilterToken } from "../../resource/filter-text.ts";
import ResourceDetail from "../../resource/resource-detail.tsx";
import ResourceTable from "../../resource/resource-table.tsx";
import { type Item, resourceAt, type Shown } from "../../resource/resources.ts";
import { type KeyUse, keyCommands, preparation } from "./key-commands.ts";
import { KeyPolicy } from "./key-policy.tsx";
import { KeyVersions } from "./key-versions.tsx";

const TAB = "use";

function keyUse(item: Item): KeyUse {
  const algorithms = Array.isArray(item.algorithms) ? item.algorithms.map(String) : [];
  const { origin } = window.location;
  const { keyId, usage, spec } = item;
  const texts = { keyId: String(keyId), usage: String(usage), spec: String(spec) };
  return { ...texts, algorithms, origin };
}

export default function KeyDetail({ shown, keyId }: { shown: Shown; keyId: string }) {
  const { t, label, resourceTitle } = useWords();
  const grants = resourceAt("grants");
  const ofKey: readonly FilterToken[] = [{ field: "keyId", operator: "=", value: keyId }];
  return (
    <ResourceDetail
      shown={shown}
      id={keyId}
      above={(item) => (isNew(item) ? <FirstUse /> : null)}
      more={(item) => [
        ...(keyCommands(keyUse(item)) === undefined
          ? []
          : [{ id: TAB, label: t("keyUse"), content: <Commands item={item} /> }]),
        {
          id: "versions",
          label: resourceTitle("keyVersion"),
          content: <KeyVersions keyId={keyId} />,
        },
        { id: "policy", label: label("policy"), content: <KeyPolicy keyId={keyId} /> },
        ...(grants === undefined
          ? []
          : [
              {
                id: "grants",
                label: resourceTitle("grant"),
                content: <ResourceTable shown={grants} always={ofKey} embedded />,
              },
            ]),
      ]}
    />
  );
}

/** Usable, and never used. */
function isNew(item: Item): boolean {
  const unused = item.lastUseTime === null || item.lastUseTime === undefined;
  return item.state === "enabled" && unused && keyCommands(keyUse(item)) !== undefined;
}

function FirstUse() {
  const { t } = useWords();
  return (
    <Alert
      type="info"
      header={t("keyUnused")}
      action={<Button onClick={() => setQueryValues({ tab: TAB })}>{t("keyUse")}</Button>}
    >
      {t("keyUnusedHelp")}
    </Alert>
  );
}

function Commands({ item }: { item: Item }) {
  const { t } = useWords();
  const use = keyUse(item);
  const commands = keyCommands(use);
  if (commands === undefined) return null;
  const first = preparation(use);
  return (
    <SpaceBetween size="l">
      <Box>{t("keyUseHelp")}</Box>
      <Container header={<Header variant="h2">{t("asCurl")}</Header>}>
        <SpaceBetween size="m">
          <Box>
            {t("keyUseBearer")} <Link href="/bearer-keys/create">{t("keyUseMakeBearer")}</Link>
          </Box>
          <CopyableText text={first.curl} />
          <CopyableText text={commands.curl} />
        </SpaceBetween>
      </Container>
      <Container header={<Header variant="h2">{t("keyUseSdk")}</Header>}>
        <SpaceBetween size="m">
          <Box>
            {t("keyUseAccess")} <Link href="/access-keys/create">{t("keyUseMakeAccess")}</Link>
          </Box>
          <CopyableText text={first.sdk} />
          <CopyableText text={commands.sdk} />
        </SpaceBetween>
      </Container>
    </SpaceBetween>
  );
}
