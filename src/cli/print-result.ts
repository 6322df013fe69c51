/** Prints an operation's result: a table for people, or JSON that stays the same for programs. */
import type { GeneratedCommand } from "./generated-command.ts";
import { table } from "./table.ts";

const CELL_MAX = 48;

export function printResult(
  command: GeneratedCommand,
  result: unknown,
  output: "json" | "table",
): void {
  const text =
    output === "json" ? `${JSON.stringify(result, undefined, 2)}\n` : textOf(command, result);
  process.stdout.write(text);
}

function textOf({ contract, operation }: GeneratedCommand, result: unknown): string {
  const fields = typeof result === "object" && result !== null ? Object.entries(result) : [];
  const list = fields.find(([, value]) => Array.isArray(value))?.[1];
  const declared = "properties" in operation.output ? operation.output.properties : {};
  const isList = typeof declared === "object" && declared !== null && "totalCount" in declared;
  if (isList && Array.isArray(list)) {
    const resource = contract.resources.find(
      (one) => one.list !== undefined && contract.operations[one.list] === operation,
    );
    const [first] = list;
    const columns = resource?.columns ?? Object.keys(typeof first === "object" ? { ...first } : {});
    if (list.length === 0) return "(none)\n";
    return table([
      [...columns],
      ...list.map((item) => columns.map((column) => cell(item, column))),
    ]);
  }
  return fields.length === 0
    ? "done\n"
    : table(fields.map(([name, value]) => [name, shown(value, Number.MAX_SAFE_INTEGER)]));
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
