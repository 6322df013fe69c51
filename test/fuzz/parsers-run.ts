/**
 * Fuzzes the parsers for so many seconds of CPU and keeps every input with new behavior:
 * `node test/fuzz/parsers-run.ts SECONDS [SEED [CORPUS-FILE]]`. An input that breaks a promise, or
 * takes too long, is printed, and the run ends with 1.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { mutated, randomOf, runParsers } from "./parsers.ts";

const own = join(import.meta.dirname, "corpus", "parsers.txt");
const CORPUS_MAX = 1_000;
const SLOW_SECONDS = 0.25;
const BATCH = 500;

const seconds = Number(process.argv[2] ?? "10");
const seed = Number(process.argv[3] ?? Date.now() % 1_000_000);
const file = process.argv[4] ?? own;
const random = randomOf(seed);
const corpus = readFileSync(own, "latin1")
  .split("\n")
  .filter((line) => line !== "")
  .map((line) => Buffer.from(line, "base64").toString("latin1"));
const known = new Set(corpus.flatMap((input) => runParsers(input, random)));
const pick = (): string => corpus[random(corpus.length)] ?? "";
const cpuSeconds = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000_000;
};

const save = (): void => {
  const lines = corpus.map((input) => Buffer.from(input, "latin1").toString("base64"));
  writeFileSync(file, `${lines.join("\n")}\n`);
};

/** Runs one input; false when it broke a promise or took too long. */
function isWell(input: string): boolean {
  const start = cpuSeconds();
  try {
    const behavior = runParsers(input, random);
    if (behavior.some((part) => !known.has(part)) && corpus.length < CORPUS_MAX) {
      for (const part of behavior) known.add(part);
      corpus.push(input);
    }
    const took = cpuSeconds() - start;
    if (took < SLOW_SECONDS) return true;
    process.stdout.write(`slow: ${took.toFixed(3)} s of CPU\n`);
  } catch (error) {
    process.stdout.write(`broken: ${error instanceof Error ? error.message : error}\n`);
  }
  process.stdout.write(`${Buffer.from(input, "latin1").toString("base64")}\n`);
  return false;
}

let runs = 0;
let faults = 0;
while (cpuSeconds() < seconds && faults < 20) {
  for (let at = 0; at < BATCH; at++) {
    runs++;
    if (!isWell(mutated(pick(), pick(), random))) faults++;
  }
}
save();
process.stdout.write(
  `seed ${seed}: ${runs} inputs in ${cpuSeconds().toFixed(0)} CPU seconds, ` +
    `${corpus.length} kept, ${faults} faults\n`,
);
process.exitCode = faults === 0 ? 0 : 1;
