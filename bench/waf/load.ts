/** One run of wrk against a proxy: how many requests, their latency, and the proxy's CPU time. */
import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { cpuMicroseconds } from "../process.ts";
import { type Case, scriptOf } from "./cases.ts";

/** A proxy under test: the process that does its work, and where it listens. */
export type ProxyProcess = { readonly name: string; readonly pid: number; readonly port: number };

export type Load = {
  readonly requests: number;
  /** CPU of the processes counted, all their threads, per request. */
  readonly cpuMicros: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Requests without an answer: connections refused, cut or timed out. */
  readonly lost: number;
  readonly notOk: number;
};

export type LoadOptions = {
  readonly folder: string;
  readonly seconds: number;
  readonly connections: number;
  /** Mean pause of a connection between two requests. */
  readonly delayMs?: number;
  /** Whose CPU is counted together; default: the proxy's one process. */
  readonly pids?: readonly number[];
  /** Default: all are; a proxy that answers what it should not is not worth measuring. */
  readonly answers?: "as expected" | "counted";
};

/**
 * Sends a case to a proxy for some seconds.
 *
 * @throws Error when an answer is missing, lets through what the rules refuse, or the reverse.
 */
export async function load(proxy: ProxyProcess, one: Case, options: LoadOptions): Promise<Load> {
  const {
    folder,
    seconds,
    connections,
    delayMs = 0,
    pids = [proxy.pid],
    answers = "as expected",
  } = options;
  const cpuOfAll = (): number => pids.reduce((sum, pid) => sum + cpuMicroseconds(pid), 0);
  const script = join(folder, "case.lua");
  writeFileSync(script, scriptOf(one, delayMs));
  const before = cpuOfAll();
  const text = await output("wrk", [
    "-t1",
    `-c${connections}`,
    `-d${seconds}s`,
    "--timeout",
    "30s",
    "--latency",
    "-s",
    script,
    `http://127.0.0.1:${proxy.port}/`,
  ]);
  const cpu = cpuOfAll() - before;
  const requests = Number(/(\d+) requests in/.exec(text)?.[1] ?? 0);
  const errors = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(text);
  const lost = (errors ?? []).slice(1).reduce((sum, count) => sum + Number(count), 0);
  const notOk = Number(/Non-2xx or 3xx responses: (\d+)/.exec(text)?.[1] ?? 0);
  const isExpected = lost === 0 && requests > 0 && notOk === (one.passes ? 0 : requests);
  if (answers === "as expected" && !isExpected) {
    throw new Error(
      `${proxy.name} does not answer "${one.name}" as it should: of ${requests} requests ` +
        `${notOk} were refused and ${lost} lost`,
    );
  }
  return {
    requests,
    cpuMicros: cpu / requests,
    perSecond: Number(/Requests\/sec:\s+([\d.]+)/.exec(text)?.[1] ?? 0),
    p50Ms: millisecondsOf(/50%\s+([\d.]+)(us|ms|s)/.exec(text)),
    p99Ms: millisecondsOf(/99%\s+([\d.]+)(us|ms|s)/.exec(text)),
    lost,
    notOk,
  };
}

function millisecondsOf(match: RegExpExecArray | null): number {
  const value = Number(match?.[1] ?? Number.NaN);
  return match?.[2] === "us" ? value / 1_000 : match?.[2] === "s" ? value * 1_000 : value;
}

function output(program: string, args: readonly string[]): Promise<string> {
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"] });
  let text = "";
  child.stdout.on("data", (piece) => {
    text += String(piece);
  });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", () => resolve(text));
  });
}
