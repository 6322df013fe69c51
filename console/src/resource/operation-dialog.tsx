/** Runs one operation on one item: asks for what it needs, and for the name when it is final. */
import Alert from "@cloudscape-design/components/alert";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import Modal from "@cloudscape-design/components/modal";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import type { Operation } from "../../../src/kernel/operation.ts";
import { useWords } from "../language.tsx";
import { useNotices } from "../shell/notices.tsx";
import { FilesOnce, madeFilesOf } from "./files-once.tsx";
import { OperationForm } from "./operation-form.tsx";
import type { Item } from "./resources.ts";
import { SecretOnce } from "./secret-once.tsx";

type Props = {
  readonly operation: Operation;
  readonly fixed: Item;
  readonly initial?: Item;
  /** What has to be typed when the operation cannot be undone. */
  readonly name: string;
  readonly header?: string;
  close(): void;
  done?(result: Item): void;
};

export default function OperationDialog(props: Props) {
  const { operation, fixed, initial = {}, name, header, close, done } = props;
  const { t, operationTitle } = useWords();
  const { succeeded } = useNotices();
  const client = useQueryClient();
  const [typed, setTyped] = useState("");
  const [secretField, setSecretField] = useState("");
  const [made, setMade] = useState<Item>({});
  const final = operation.dangerous === true;
  const title = operationTitle(operation);
  const finished = async (result: Item): Promise<void> => {
    await client.invalidateQueries();
    const [field] = operation.secretOutput ?? [];
    if (field !== undefined) {
      setMade(result);
      return setSecretField(field);
    }
    succeeded(t("doneOf", { name: title }));
    done?.(result);
    close();
  };
  return (
    <Modal
      visible
      size="large"
      onDismiss={close}
      closeAriaLabel={t("close")}
      header={header ?? `${title}: ${name}`}
    >
      {secretField === "" ? (
        <SpaceBetween size="m">
          {final ? (
            <>
              <Alert type="warning">{t("cannotUndo")}</Alert>
              <FormField label={t("removeHint", { name })}>
                <Input value={typed} onChange={({ detail }) => setTyped(detail.value)} />
              </FormField>
            </>
          ) : null}
          <OperationForm
            {...{ operation, fixed, initial }}
            submitText={title}
            disabled={final && typed !== name}
            cancel={close}
            done={(result) => void finished(result)}
          />
        </SpaceBetween>
      ) : (
        <MadeOnce made={made} field={secretField} close={close} />
      )}
    </Modal>
  );
}

/** What the answer shows once: files to save, or a text to copy. */
function MadeOnce({ made, field, close }: { made: Item; field: string; close(): void }) {
  const files = madeFilesOf(made[field]);
  if (files === undefined) return <SecretOnce secret={String(made[field])} done={close} />;
  const note = typeof made.configuration === "string" ? made.configuration : "";
  return <FilesOnce files={files} note={note} done={close} />;
}
