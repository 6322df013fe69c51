import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { mutated, randomOf, runParsers } from "./parsers.ts";

const RUNS = Number(process.env.CORDON_FUZZ_RUNS ?? "3000");
const corpus = readFileSync(join(import.meta.dirname, "corpus", "parsers.txt"), "latin1")
  .split("\n")
  .filter((line) => line !== "")
  .map((line) => Buffer.from(line, "base64").toString("latin1"));

test("every kept input keeps the promises of the parsers", () => {
  const random = randomOf(1);
  expect(corpus.length).toBeGreaterThan(50);
  for (const input of corpus) expect(() => runParsers(input, random)).not.toThrow();
});

test("neighbors of the kept inputs keep them, too", () => {
  const seed = Date.now() % 1_000_000;
  const random = randomOf(seed);
  const pick = () => corpus[random(corpus.length)] ?? "";
  for (let run = 0; run < RUNS; run++) {
    const input = mutated(pick(), pick(), random);
    const text = `seed ${seed}, input ${Buffer.from(input, "latin1").toString("base64")}`;
    expect(() => runParsers(input, random), text).not.toThrow();
  }
});
