/** Asks before something is deleted; what is dangerous wants its name typed. */
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import Modal from "@cloudscape-design/components/modal";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { callAny } from "../api/client.ts";
import { useWords } from "../language.tsx";
import { navigate } from "../location.ts";
import { useNotices } from "../shell/notices.tsx";
import { type Item, operationOf, type Shown } from "./resources.ts";

type Props = { readonly shown: Shown; readonly item: Item; close(): void };

export function DeleteDialog({ shown, item, close }: Props) {
  const { t } = useWords();
  const { failed } = useNotices();
  const client = useQueryClient();
  const [typed, setTyped] = useState("");
  const { idField, titleField } = shown.resource;
  const operation = operationOf(shown, "delete");
  const title = item[titleField];
  const name = String(Array.isArray(title) ? title[0] : title);
  const ready = operation?.dangerous !== true || typed === name;
  const remove = async (): Promise<void> => {
    if (operation === undefined || !ready) return;
    try {
      await callAny(operation, { [idField]: item[idField] });
      await client.invalidateQueries();
      navigate(`/${shown.path}`);
    } catch (error) {
      failed(error);
    }
    close();
  };
  return (
    <Modal
      visible
      onDismiss={close}
      closeAriaLabel={t("close")}
      header={t("removeOf", { name })}
      footer={
        <Box float="right">
          <SpaceBetween direction="horizontal" size="xs">
            <Button variant="link" onClick={close}>
              {t("cancel")}
            </Button>
            <Button variant="primary" disabled={!ready} onClick={() => void remove()}>
              {t("remove")}
            </Button>
          </SpaceBetween>
        </Box>
      }
    >
      {operation?.dangerous === true ? (
        <FormField label={t("removeHint", { name })}>
          <Input value={typed} onChange={({ detail }) => setTyped(detail.value)} />
        </FormField>
      ) : null}
    </Modal>
  );
}
