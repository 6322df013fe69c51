/** Prints an operation's result: a table for people, or JSON that stays the same for programs. */
import type { GeneratedCommand } from "./generated-command.ts";
import { table } from "./table.ts";

const CELL_MAX = 48;
const ITEMS_MAX = 20;

export function printResult(
  command: GeneratedCommand,
  result: unknown,
  output: "json" | "table",
): void {
  const text =
    output === "json" ? `${JSON.stringify(result, undefined, 2)}\n` : textOf(command, result);
  process.stdout.write(text);
}

/** What a person is shown of a result. */
export function textOf({ contract, operation }: GeneratedCommand, result: unknown): string {
  const fields = typeof result === "object" && result !== null ? Object.entries(result) : [];
  const list = fields.find(([, value]) => Array.isArray(value))?.[1];
  const declared = "properties" in operation.output ? operation.output.properties : {};
  const isList = typeof declared === "object" && declared !== null && "totalCount" in declared;
  if (isList && Array.isArray(list)) {
    const resource = contract.resources.find(
      (one) => one.list !== undefined && contract.operations[one.list] === operation,
    );
    const [first] = list;
    // Other commands ask for the id.
    const columns =
      resource === undefined
        ? Object.keys(typeof first === "object" ? { ...first } : {})
        : [...new Set([resource.idField, ...resource.columns])];
    if (list.length === 0) return "(none)\n";
    return itemTable(columns, list);
  }
  if (fields.length === 0) return "done\n";
  const parts = fields.filter(([, value]) => isItems(value));
  const plain = fields.filter(([, value]) => !isItems(value));
  const texts = [
    table(plain.map(([name, value]) => [name, shown(value, Number.MAX_SAFE_INTEGER)])),
    ...parts.map(([name, value]) => (isItems(value) ? itemsText(name, value) : "")),
  ];
  return texts.filter((text) => text.trim() !== "").join("\n");
}

const isItems = (value: unknown): value is readonly object[] =>
  Array.isArray(value) && value.length > 0 && value.every((one) => typeof one === "object");

/** A list within a result, such as the rules that a request met: its beginning as a table. */
function itemsText(name: string, items: readonly object[]): string {
  const rows = items.slice(0, ITEMS_MAX);
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row ?? {})))];
  const more = items.length > rows.length ? `… ${items.length - rows.length} more` : "";
  const rest = more === "" ? "" : `${more}: --output json has all\n`;
  return `${name} (${items.length})\n${itemTable(columns, rows)}${rest}`;
}

function itemTable(columns: readonly string[], items: readonly unknown[]): string {
  return table([[...columns], ...items.map((item) => columns.map((column) => cell(item, column)))]);
}

function cell(item: unknown, column: string): string {
  const value = typeof item === "object" && item !== null ? Reflect.get(item, column) : undefined;
  return shown(value, CELL_MAX);
}

function shown(value: unknown, lengthMax: number): string {
  const plain =
    typeof value === "string" || typeof value === "number" || typeof value === "boolean";
  const text =
    value === null || value === undefined
      ? "-"
      : plain
        ? String(value)
        : Array.isArray(value) && value.every((one) => typeof one !== "object")
          ? value.join(", ")
          : JSON.stringify(value);
  // Values come from attackers: nothing of them may move the terminal's cursor.
  const safe = text.replace(/[\p{Cc}\p{Cf}]/gu, "\u00b7");
  return safe.length > lengthMax ? `${safe.slice(0, lengthMax - 1)}…` : safe;
}
