/** Rows as CSV or JSON text. */
type Row = Readonly<Record<string, unknown>>;

/**
 * A cell that begins so is run as a formula by spreadsheets (OWASP: CSV injection), also behind
 * leading space or a quote; what an attacker sent must never be.
 */
const FORMULA = /^[\s"']*[=+\-@|%\uFF1D\uFF0B\uFF0D\uFF20]|^[\t\r\n]/;
const PLAIN_NUMBER = /^-?\d+(?:\.\d+)?$/;

function cellText(value: unknown): string {
  if (value === null || value === undefined) return "";
  if (Array.isArray(value) && value.every((item) => typeof item !== "object")) {
    return value.map(String).join("; ");
  }
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

/** One cell: guarded against formulas, quoted where RFC 4180 wants it. */
export function csvCell(value: unknown): string {
  const text = cellText(value);
  const guarded = FORMULA.test(text) && !PLAIN_NUMBER.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(guarded) ? `"${guarded.replaceAll('"', '""')}"` : guarded;
}

/** RFC 4180 with a byte order mark, so that spreadsheets read it as UTF-8. */
export function csvOf(columns: readonly string[], rows: readonly Row[]): string {
  const lines = [columns, ...rows.map((row) => columns.map((column) => row[column]))];
  return `\uFEFF${lines.map((cells) => cells.map(csvCell).join(",")).join("\r\n")}\r\n`;
}

export const jsonOf = (rows: readonly Row[]): string => `${JSON.stringify(rows, null, 2)}\n`;
