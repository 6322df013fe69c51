/** Plain text tables: columns as wide as their widest cell, no lines, no color. */

const GAP = "  ";

export function table(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [index, cell] of row.entries()) {
      widths[index] = Math.max(widths[index] ?? 0, cell.length);
    }
  }
  const line = (row: readonly string[]) =>
    row
      .map((cell, index) => cell.padEnd(widths[index] ?? 0))
      .join(GAP)
      .trimEnd();
  return `${rows.map(line).join("\n")}\n`;
}

/** True for `--output json`, false for a table. @throws RangeError naming what is not known. */
export function wantsJson(args: readonly string[]): boolean {
  const text = args.join(" ").replace("--output=", "--output ");
  if (text === "" || text === "--output table") return false;
  if (text === "--output json") return true;
  throw new RangeError(`Cannot read "${text}": wanted --output json or --output table`);
}
