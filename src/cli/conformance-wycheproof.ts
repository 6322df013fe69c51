/**
 * `cordon conformance wycheproof`: Project Wycheproof's vectors, asked of the running Cordon's key
 * management API: keys are imported, then they decrypt, verify and agree.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { readConfig } from "../kernel/config.ts";
import { send, storedKey } from "./api-client.ts";
import type { VectorFile } from "./conformance-wycheproof-cases.ts";
import { newScore, runFile, type WycheproofScore } from "./conformance-wycheproof-run.ts";
import { CommandError, EXIT, type ExitStatus } from "./exit.ts";
import { table } from "./table.ts";

type Options = { readonly vectors: string; readonly json: boolean };

/** Reads `--vectors DIR [--output json|table]`; exit status 1 when a test fails. */
export async function conformanceWycheproof(args: readonly string[]): Promise<ExitStatus> {
  const { vectors, json } = readOptions(args);
  const config = readConfig(process.env);
  const key = storedKey(config);
  if (key === undefined) {
    throw new CommandError("The command line has no key for this Cordon", {
      fix: "run ./cordon setup (first start) or ./cordon sign-in, or set CORDON_TOKEN",
      status: EXIT.denied,
    });
  }
  const headers = { authorization: `Bearer ${key}` };
  const ask = async (request: Parameters<typeof send>[1]) =>
    (await send(config, { ...request, headers })).answer;
  const score = newScore();
  for (const name of readdirSync(vectors)
    .filter((one) => one.endsWith(".json"))
    .sort()) {
    process.stderr.write(`${name}\n`);
    await runFile(ask, score, { name, content: readVectors(join(vectors, name)) });
  }
  process.stdout.write(json ? jsonOf(score) : tableOf(score));
  return score.failed === 0 ? EXIT.ok : EXIT.problem;
}

function readVectors(path: string): VectorFile {
  const parsed: unknown = JSON.parse(readFileSync(path, "utf8"));
  const isFile = typeof parsed === "object" && parsed !== null && "testGroups" in parsed;
  if (isFile && Array.isArray(parsed.testGroups)) return parsed as VectorFile;
  throw new CommandError(`"${path}" is no file of vectors`, { status: EXIT.usage });
}

function jsonOf({ files, ...score }: WycheproofScore): string {
  const byFile = Object.fromEntries(files);
  return `${JSON.stringify({ ...score, files: byFile }, undefined, 2)}\n`;
}

function tableOf(score: WycheproofScore): string {
  const { passed, failed, skipped, invalidAccepted, failures, notApplicable, files } = score;
  const rows = [...files].map(([file, one]) => [
    file,
    String(one.passed),
    String(one.failed),
    String(one.skipped),
  ]);
  const reasons = notApplicable.map(({ file, reason, tests }) => [file, String(tests), reason]);
  return [
    table([["FILE", "PASSED", "FAILED", "NOT APPLICABLE"], ...rows]),
    reasons.length === 0 ? "" : table([["FILE", "NOT APPLICABLE", "REASON"], ...reasons]),
    failures.length === 0
      ? ""
      : table([["FAILURE", "REASON"], ...failures.map(({ test, reason }) => [test, reason])]),
    `${passed} passed, ${failed} failed, ${skipped} not applicable; ` +
      `${invalidAccepted} invalid accepted\n`,
  ]
    .filter((part) => part !== "")
    .join("\n");
}

function readOptions(args: readonly string[]): Options {
  let vectors = "";
  let json = false;
  for (let at = 0; at < args.length; at += 2) {
    const [flag = "", value] = args.slice(at, at + 2);
    if (flag === "--vectors" && value !== undefined) vectors = folder(value);
    else if (flag === "--output" && (value === "json" || value === "table"))
      json = value === "json";
    else throw usage(`Cannot read "${flag}"`);
  }
  if (vectors === "") throw usage("--vectors is missing");
  return { vectors, json };
}

function folder(path: string): string {
  if (!existsSync(path)) throw usage(`--vectors: there is no folder "${path}"`);
  return resolve(path);
}

function usage(message: string): CommandError {
  const fix = "take --vectors DIR [--output json|table]";
  return new CommandError(message, { fix, status: EXIT.usage });
}
