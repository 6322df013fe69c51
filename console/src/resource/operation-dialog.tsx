/** Runs one operation on one item: asks for what it needs, and for the name when it is final. */
import Alert from "@cloudscape-design/components/alert";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import Modal from "@cloudscape-design/components/modal";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import type { Operation } from "../../../src/kernel/operation.ts";
import { useWords, WordsOf } from "../language.tsx";
import { useNotices } from "../shell/notices.tsx";
import { Answer } from "./answer.tsx";
import { unseenOf } from "./answer-fields.ts";
import { OperationForm } from "./operation-form.tsx";
import type { Item } from "./resources.ts";

type Props = {
  readonly operation: Operation;
  readonly fixed: Item;
  readonly initial?: Item;
  /** What has to be typed when the operation cannot be undone. */
  readonly name: string;
  readonly header?: string;
  /** Fields that a page shows anyway; without it only an answer with a secret is shown. */
  readonly known?: ReadonlySet<string>;
  close(): void;
  done?(result: Item): void;
};

export default function OperationDialog(props: Props) {
  return (
    <WordsOf service={props.operation.name.split(".")[0] ?? ""}>
      <Dialog {...props} />
    </WordsOf>
  );
}

function Dialog(props: Props) {
  const { operation, fixed, initial = {}, name, header, known, close, done } = props;
  const { t, operationTitle } = useWords();
  const { succeeded } = useNotices();
  const client = useQueryClient();
  const [typed, setTyped] = useState("");
  const [answer, setAnswer] = useState<Item>();
  const final = operation.dangerous === true;
  const title = operationTitle(operation);
  const finished = async (result: Item): Promise<void> => {
    await client.invalidateQueries();
    const unseen = known === undefined ? {} : unseenOf(result, known);
    const hasSecret = operation.secretOutput !== undefined;
    if (hasSecret || Object.keys(unseen).length > 0) {
      return setAnswer(known === undefined ? result : unseen);
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
      {answer === undefined ? (
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
        <Answer {...{ operation, answer }} done={close} />
      )}
    </Modal>
  );
}
