/** What an operation answered and no page shows: secrets once, texts to copy, figures, rows. */
import Alert from "@cloudscape-design/components/alert";
import Button from "@cloudscape-design/components/button";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import SpaceBetween from "@cloudscape-design/components/space-between";
import type { Operation } from "../../../src/kernel/operation.ts";
import { useWords } from "../language.tsx";
import { CopyableText } from "./copyable-text.tsx";
import { FilesOnce, madeFilesOf } from "./files-once.tsx";
import type { Item } from "./resources.ts";
import { isEnumField } from "./schema-fields.ts";
import { Value } from "./value.tsx";

type Props = { readonly operation: Operation; readonly answer: Item; done(): void };

export function Answer({ operation: { secretOutput = [] }, answer, done }: Props) {
  const { t, label } = useWords();
  const [secret = ""] = secretOutput;
  const files = madeFilesOf(answer[secret]);
  if (files !== undefined) {
    const note = typeof answer.configuration === "string" ? answer.configuration : "";
    return <FilesOnce files={files} note={note} done={done} />;
  }
  return (
    <SpaceBetween size="m">
      {secret === "" ? null : <Alert type="warning">{t("secretOnce")}</Alert>}
      <KeyValuePairs
        columns={1}
        items={Object.entries(answer).map(([field, value]) => ({
          label: label(field),
          value: <Part field={field} value={value} />,
        }))}
      />
      <Button onClick={done}>{t("done")}</Button>
    </SpaceBetween>
  );
}

const isPlain = (value: unknown): value is string | number =>
  typeof value === "string" || typeof value === "number";

/** A text that somebody needs elsewhere can be copied. */
function Part({ field, value }: { field: string; value: unknown }) {
  const lines = Array.isArray(value) ? value : [value];
  const isText = lines.length > 0 && lines.every(isPlain) && typeof value !== "number";
  if (!isText || isEnumField(field) || /[tT]ime$/.test(field)) {
    return <Value field={field} value={value} />;
  }
  return <CopyableText text={lines.join("\n")} />;
}
