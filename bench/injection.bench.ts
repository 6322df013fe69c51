/**
 * SQL-injection and script recognition against libinjection: attacks found, and ordinary texts
 * blamed. Texts are this repository's own and its packages': English of their READMEs, Chinese of
 * the console and of READMEs, lines of TypeScript.
 *
 * CORDON_INJECTION_ATTACKS: a folder of `sqli-*.txt` and `xss-*.txt`, one URL-encoded attack a line
 * (libinjection's `data`). CORDON_LIBINJECTION: a program that answers each line of hexadecimal
 * bytes with `SQLI XSS`, each 0 or 1.
 */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { detectSqli } from "../src/engines/injection/sqli.ts";
import { detectXss } from "../src/engines/injection/xss.ts";
import { transformations } from "../src/engines/seclang/transformations.ts";
import { programFolder } from "../src/kernel/config.ts";
import { printRow, printSkip } from "./row.ts";

const limits = { filesMax: 3_000, lineMin: 8, lineMax: 400 } as const;

function filesBelow(folder: string, wanted: RegExp): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => wanted.test(name))
    .slice(0, limits.filesMax)
    .map((name) => join(folder, name));
}

/** The different lines of ordinary length, as bytes. */
function linesOf(files: readonly string[], keep: (line: string) => boolean): string[] {
  const lines = files.flatMap((file) => readFileSync(file, "utf8").split("\n"));
  const kept = lines
    .map((line) => line.trim())
    .filter((line) => line.length >= limits.lineMin && line.length <= limits.lineMax && keep(line));
  return [...new Set(kept)].map((line) => Buffer.from(line, "utf8").toString("latin1"));
}

function attacks(folder: string, wanted: RegExp): string[] {
  const names = readdirSync(folder).filter((name) => wanted.test(name));
  const lines = names.flatMap((name) => readFileSync(join(folder, name), "latin1").split("\n"));
  const kept = lines.filter((line) => line !== "" && !line.startsWith("#"));
  return [...new Set(kept)].map((line) => transformations.urldecode?.(line) ?? line);
}

type Counts = { readonly sqli: number; readonly xss: number };

const ours = (values: readonly string[]): Counts => ({
  sqli: values.filter((value) => detectSqli(value) !== undefined).length,
  xss: values.filter((value) => detectXss(value)).length,
});

function libinjection(program: string, values: readonly string[]): Counts {
  const input = values.map((value) => Buffer.from(value, "latin1").toString("hex")).join("\n");
  const text = execFileSync(program, { input: `${input}\n`, encoding: "utf8", maxBuffer: 1 << 28 });
  const answers = text.trim().split("\n");
  return {
    sqli: answers.filter((answer) => answer.startsWith("1 ")).length,
    xss: answers.filter((answer) => /^[01] 1/.test(answer)).length,
  };
}

function tell(what: string, values: readonly string[], kinds: readonly (keyof Counts)[]): void {
  const program = process.env.CORDON_LIBINJECTION;
  const found = ours(values);
  const theirs = program === undefined ? undefined : libinjection(program, values);
  for (const kind of kinds) {
    printRow({
      bench: "injection",
      what: `${what}, ${values.length}, said to be ${kind}`,
      value: found[kind],
      unit: "values",
      ...(theirs === undefined ? {} : { peer: { name: "libinjection", value: theirs[kind] } }),
    });
  }
}

const folder = process.env.CORDON_INJECTION_ATTACKS;
if (folder === undefined) {
  printSkip("injection", "attacks: CORDON_INJECTION_ATTACKS names no folder");
} else {
  tell("SQL attacks", attacks(folder, /^sqli-.*\.txt$/), ["sqli"]);
  tell("script attacks", attacks(folder, /^xss-.*\.txt$/), ["xss"]);
}
const packages = join(programFolder, "node_modules");
const readmes = filesBelow(packages, /(^|\/)(README|CHANGELOG|HISTORY)\.md$/i);
const sentence = /^[A-Z][\w ,;:'"()\-./!?]+[.!?]$/;
const both = ["sqli", "xss"] as const;
tell(
  "English sentences",
  linesOf(readmes, (line) => sentence.test(line) && line.split(" ").length > 6),
  both,
);
const chinese = [
  ...filesBelow(join(programFolder, "console", "src", "messages"), /\.ts$/),
  ...filesBelow(packages, /(zh|cn)[^/]*\.md$/i),
];
tell(
  "lines with Chinese",
  linesOf(chinese, (line) => /[\u4e00-\u9fff]{4}/.test(line)),
  both,
);
tell(
  "lines of TypeScript",
  linesOf(filesBelow(join(programFolder, "src"), /(?<!\.test)\.ts$/), () => true),
  both,
);
