/**
 * Questions on the terminal without echo, or answers from standard input, one a line: passphrases
 * and shares never stand in arguments, where every user of the machine could read them.
 */
import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";
import { CommandError, EXIT } from "./exit.ts";

export type Ask = (question: string) => Promise<string>;

const SHARES_MAX = 32;
const LINE_CHARS_MAX = 1_024;

/** Runs with a way to ask; the input is let go of at the end. */
export async function asking<Result>(run: (ask: Ask) => Promise<Result>): Promise<Result> {
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const terminal = process.stdin.isTTY === true;
  const lines = createInterface({ input: process.stdin, output: silent, terminal });
  const waiting: string[] = [];
  const readers: ((line: string) => void)[] = [];
  let ended = false;
  lines.on("line", (line) => {
    const reader = readers.shift();
    if (reader === undefined) waiting.push(line);
    else reader(line);
  });
  lines.on("close", () => {
    ended = true;
    for (const reader of readers.splice(0)) reader("");
  });
  const ask: Ask = async (question) => {
    if (terminal) process.stderr.write(question);
    const there = waiting.shift();
    const line =
      there ?? (ended ? "" : await new Promise<string>((resolve) => readers.push(resolve)));
    if (terminal) process.stderr.write("\n");
    if (line.length > LINE_CHARS_MAX) throw new CommandError("Cannot read a line as long as that");
    return line;
  };
  try {
    return await run(ask);
  } finally {
    lines.close();
  }
}

/** Reads shares, one a line, until an empty one. */
export async function askShares(ask: Ask): Promise<readonly string[]> {
  const shares: string[] = [];
  while (shares.length < SHARES_MAX) {
    const share = await ask(`Share ${shares.length + 1} (empty: no more): `);
    if (share === "") break;
    shares.push(share);
  }
  return shares;
}

/** The same twice on a terminal, once elsewhere. */
export async function askTwice(ask: Ask, question: string): Promise<string> {
  const first = await ask(question);
  if (!process.stdin.isTTY || first === "") return first;
  if ((await ask("Once more: ")) === first) return first;
  throw new CommandError("Cannot go on: the two passphrases differ", { status: EXIT.usage });
}
