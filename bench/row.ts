/** What a measurement prints: one row per figure, as text or (`--output json`) as JSON. */

export type BenchRow = {
  /** Name of the measurement, as in `cordon bench NAME`. */
  readonly bench: string;
  /** What was measured, in words. */
  readonly what: string;
  readonly value: number;
  readonly unit: string;
  /** The figure of the program it is compared with, in the same unit, and how many times over. */
  readonly peer?: { readonly name: string; readonly value: number };
  readonly ratio?: number;
  /** What the README promises, in words. */
  readonly goal?: string;
  /** Of a request that two proxies were measured with. */
  readonly case?: string;
  readonly cordonCpuMicros?: number;
  readonly peerCpuMicros?: number;
};

const json = process.env.CORDON_BENCH_OUTPUT === "json";

/** Prints one row. */
export function printRow(row: BenchRow): void {
  if (json) {
    process.stdout.write(`${JSON.stringify(row)}\n`);
    return;
  }
  const { bench, what, value, unit, peer, ratio, goal } = row;
  const parts = [`${bench} ${what}: ${text(value)} ${unit}`];
  if (peer !== undefined) parts.push(`${peer.name} ${text(peer.value)} ${unit}`);
  if (ratio !== undefined) parts.push(`ratio ${ratio.toFixed(2)}`);
  if (goal !== undefined) parts.push(`goal ${goal}`);
  process.stdout.write(`${parts.join(", ")}\n`);
}

/** Prints that a measurement cannot be made here, and why. */
export function printSkip(bench: string, why: string): void {
  const line = json ? JSON.stringify({ bench, skipped: why }) : `${bench} skipped: ${why}`;
  process.stdout.write(`${line}\n`);
}

function text(value: number): string {
  return value >= 100 ? String(Math.round(value)) : value.toPrecision(3);
}
