/** Metrics as Prometheus reads them: text exposition format 0.0.4. */
import type { Family, Labels } from "./metrics.ts";

export const PROMETHEUS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** The whole text, one family after the other. */
export function prometheusText(families: readonly Family[]): string {
  return families
    .filter(({ samples }) => samples.length > 0)
    .map((family) => {
      const head = `# HELP ${family.name} ${escapeHelp(family.help)}\n# TYPE ${family.name} ${family.kind}`;
      return `${head}\n${linesOf(family).join("\n")}\n`;
    })
    .join("");
}

function linesOf(family: Family): string[] {
  const { name } = family;
  if (family.kind !== "histogram") {
    return family.samples.map(({ labels, value }) => line(name, labels, value));
  }
  return family.samples.flatMap(({ labels, counts, sum }) => {
    let total = 0;
    const buckets = counts.map((count, at) => {
      total += count;
      return line(`${name}_bucket`, { ...labels, le: String(family.bounds[at] ?? "+Inf") }, total);
    });
    return [...buckets, line(`${name}_sum`, labels, sum), line(`${name}_count`, labels, total)];
  });
}

function line(name: string, labels: Labels, value: number): string {
  const pairs = Object.entries(labels).map(([key, text]) => `${key}="${escapeLabel(text)}"`);
  return `${name}${pairs.length === 0 ? "" : `{${pairs.join(",")}}`} ${value}`;
}

const escapeHelp = (text: string) => text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
const escapeLabel = (text: string) => escapeHelp(text).replaceAll('"', '\\"');
