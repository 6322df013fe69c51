/** What a dry run says: its figures, and its samples as tables. */
import Alert from "@cloudscape-design/components/alert";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useWords } from "../language.tsx";
import type { Item } from "./resources.ts";
import { Rows } from "./rows.tsx";
import { Value } from "./value.tsx";

const isItem = (value: unknown): value is Item =>
  typeof value === "object" && value !== null && !Array.isArray(value);

export default function DryRunResult({ result }: { result: Item }) {
  const { t, label } = useWords();
  const entries = Object.entries(result);
  const plain = entries.filter(([, value]) => typeof value !== "object" || value === null);
  const others = entries.filter(([, value]) => typeof value === "object" && value !== null);
  return (
    <SpaceBetween size="m">
      <Alert header={t("dryRunResult")}>
        <KeyValuePairs
          columns={4}
          minColumnWidth={150}
          items={plain.map(([name, value]) => ({
            label: label(name),
            value: <Value field={name} value={value} />,
          }))}
        />
      </Alert>
      {others.map(([name, value]) => {
        const rows = Array.isArray(value) ? value.filter(isItem) : [];
        const [first] = rows;
        if (first === undefined) return null;
        return <Rows key={name} title={label(name)} items={rows} columns={Object.keys(first)} />;
      })}
    </SpaceBetween>
  );
}
