/** Commands of a documentation page, and the output that it shows of them. */

export type Block = { readonly commands: string; readonly shown: readonly string[] };

/** Fenced `sh` blocks in order, each with the `text` block that follows it, if one does. */
export function blocksOf(page: string): Block[] {
  const fences = [...page.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)];
  return fences.flatMap(([, kind, commands = ""], at) => {
    if (kind !== "sh") return [];
    const next = fences[at + 1];
    const shown = next?.[1] === "text" ? (next[2] ?? "").trim().split("\n") : [];
    return [{ commands, shown }];
  });
}

/** Lines of the page that the output lacks; `…` stands for any text, lines come in order. */
export function missingLines(shown: readonly string[], output: string): string[] {
  const lines = output.split("\n").map((line) => line.replace(/\s+/g, " ").trim());
  let from = 0;
  return shown.filter((wanted) => {
    const parts = wanted.replace(/\s+/g, " ").trim().split("…");
    const pattern = new RegExp(
      `^${parts.map((part) => part.replace(/[^\w\s]/g, "\\$&")).join(".*")}$`,
    );
    const found = lines.findIndex((line, at) => at >= from && pattern.test(line));
    if (found >= 0) from = found + 1;
    return found < 0;
  });
}
