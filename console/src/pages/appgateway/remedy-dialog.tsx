/** Mends what a compliance rule found: shows what would change, and changes only that. */
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import Modal from "@cloudscape-design/components/modal";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { catalog } from "../../../../src/catalog.ts";
import type { Operation } from "../../../../src/kernel/operation.ts";
import type { ComplianceResult } from "../../../../src/services/appgateway/contract.ts";
import { callAny } from "../../api/client.ts";
import { useWords } from "../../language.tsx";
import type { Item } from "../../resource/resources.ts";
import { Value } from "../../resource/value.tsx";
import { Failure } from "../../shell/failure.tsx";
import { useNotices } from "../../shell/notices.tsx";

const { getTls, setTls, getLeaks, setLeaks } = catalog.delivery.operations;
const { updateSite } = catalog.waf.operations;

/** What reads the whole that a setting replaces; none where a part can be changed. */
const settings: readonly { readonly set: Operation; readonly get?: Operation }[] = [
  { set: setTls, get: getTls },
  { set: setLeaks, get: getLeaks },
  { set: updateSite },
];

type Props = {
  readonly siteId: string;
  readonly remedy: NonNullable<ComplianceResult["remedy"]>;
  readonly title: string;
  close(): void;
};

export function RemedyDialog({ siteId, remedy, title, close }: Props) {
  const { t, label, operationTitle } = useWords();
  const { succeeded } = useNotices();
  const client = useQueryClient();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const setting = settings.find(({ set }) => set.name === remedy.operation);
  const changes: Item = JSON.parse(remedy.changesJson);
  const mend = async ({ set, get }: (typeof settings)[number]): Promise<void> => {
    setBusy(true);
    try {
      const now = get === undefined ? {} : await callAny(get, { siteId });
      const taken = Object.entries(now).filter(([name]) =>
        Object.hasOwn(set.input.properties, name),
      );
      await callAny(set, { ...Object.fromEntries(taken), ...changes, siteId });
      await client.invalidateQueries();
      succeeded(t("mended"));
      close();
    } catch (caught) {
      setError(caught);
      setBusy(false);
    }
  };
  if (setting === undefined) return null;
  return (
    <Modal
      visible
      onDismiss={close}
      closeAriaLabel={t("close")}
      header={title}
      footer={
        <Box float="right">
          <SpaceBetween direction="horizontal" size="xs">
            <Button variant="link" onClick={close}>
              {t("cancel")}
            </Button>
            <Button variant="primary" loading={busy} onClick={() => void mend(setting)}>
              {operationTitle(setting.set)}
            </Button>
          </SpaceBetween>
        </Box>
      }
    >
      <SpaceBetween size="m">
        <Box>{t("mendHelp")}</Box>
        <KeyValuePairs
          items={Object.entries(changes).map(([name, value]) => ({
            label: label(name),
            value: <Value field={name} value={value} />,
          }))}
        />
        {error === undefined ? null : <Failure error={error} />}
      </SpaceBetween>
    </Modal>
  );
}
