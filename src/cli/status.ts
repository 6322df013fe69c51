/** `cordon status`: every process with its state, memory, restarts and address. */
import { backupAlarms } from "../kernel/backup/kept.ts";
import { readConfig } from "../kernel/config.ts";
import { type Alarm, diskAlarms } from "../kernel/health.ts";
import type { ChildStatus } from "../kernel/process/child.ts";
import { residentBytes } from "../kernel/process/liveness.ts";
import { lockHolder } from "../kernel/process/lock.ts";
import { CommandError, EXIT, type ExitStatus } from "./exit.ts";
import { table, wantsJson } from "./table.ts";
import { lockFile, withShortRunFolder } from "./up/folders.ts";
import { readState } from "./up/state.ts";

type Row = {
  readonly name: string;
  readonly state: string;
  readonly pid: number | null;
  readonly uptimeSeconds: number | null;
  readonly residentBytes: number | null;
  readonly restarts: number;
  readonly address: string | null;
  readonly lastError: string | null;
};

export async function status(args: readonly string[]): Promise<ExitStatus> {
  const json = readOutput(args);
  const config = withShortRunFolder(readConfig(process.env));
  const holder = lockHolder(lockFile(config));
  const state = holder === undefined ? undefined : readState(config);
  if (holder === undefined || state === undefined) {
    const running = holder !== undefined;
    const text = running ? "is starting" : "does not run";
    process.stdout.write(
      json
        ? `${JSON.stringify({ running, ready: false, processes: [] })}\n`
        : `Cordon ${text} on ${config.dataFolder}.\n`,
    );
    return running ? EXIT.ok : EXIT.unreachable;
  }
  const now = Date.now();
  const supervisor: Row = {
    name: "supervisor",
    state: state.ready ? "ready" : "starting",
    pid: holder.pid,
    uptimeSeconds: secondsSince(state.startedAt, now),
    residentBytes: residentBytes(holder.pid) ?? null,
    restarts: 0,
    address: null,
    lastError: null,
  };
  const rows = [supervisor, ...state.children.map((child) => rowOf(child, now))];
  const alarms = [...diskAlarms(config), ...backupAlarms(config, now)];
  process.stdout.write(
    json
      ? `${JSON.stringify({ running: true, ready: state.ready, alarms, processes: rows })}\n`
      : `${alarms.map(alarmLine).join("")}${table([HEAD, ...rows.map(cells)])}`,
  );
  const isWell = alarms.length === 0 && rows.every((row) => row.state === "ready");
  return isWell ? EXIT.ok : EXIT.problem;
}

function alarmLine({ message, fix }: Alarm): string {
  return `ALARM  ${message} (${fix})\n`;
}

const HEAD = ["NAME", "STATE", "PID", "UPTIME", "MEMORY", "RESTARTS", "ADDRESS"] as const;

function rowOf(child: ChildStatus, now: number): Row {
  const { address } = child.details;
  const pid = child.process?.pid;
  return {
    name: child.name,
    state: child.state,
    pid: pid ?? null,
    uptimeSeconds: pid === undefined ? null : secondsSince(child.startedAt, now),
    residentBytes: pid === undefined ? null : (residentBytes(pid) ?? null),
    restarts: child.restarts,
    address: typeof address === "string" ? address : null,
    lastError: child.lastError ?? null,
  };
}

function cells(row: Row): readonly string[] {
  const memory = row.residentBytes === null ? "-" : `${Math.round(row.residentBytes / 2 ** 20)} MB`;
  const uptime = row.uptimeSeconds === null ? "-" : `${row.uptimeSeconds} s`;
  const pid = row.pid === null ? "-" : String(row.pid);
  return [row.name, row.state, pid, uptime, memory, String(row.restarts), row.address ?? "-"];
}

function secondsSince(time: string | undefined, now: number): number | null {
  return time === undefined ? null : Math.max(0, Math.round((now - Date.parse(time)) / 1000));
}

function readOutput(args: readonly string[]): boolean {
  try {
    return wantsJson(args);
  } catch (error) {
    throw new CommandError(String(error), { status: EXIT.usage });
  }
}
