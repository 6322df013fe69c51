/** Checks of what Cordon keeps: backups, audit log, seal, events under way, rules. */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { verifyAuditLog } from "../kernel/audit-log/verify.ts";
import { backupAlarms, backupState, keptBackups } from "../kernel/backup/kept.ts";
import { unfinishedRestore } from "../kernel/backup/marker.ts";
import type { Config } from "../kernel/config.ts";
import { installedRulesets } from "../kernel/rules/load.ts";
import {
  listSegmentsSync,
  parseCursor,
  readersFolder,
  segmentPath,
} from "../kernel/spool/segment.ts";
import { askingKeyd, isRunning } from "./backup/at-rest.ts";
import { type Check, type Finding, off, on, warning } from "./doctor-check.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Rules older than this miss the attacks of a year. */
const RULE_AGE_DAYS_MAX = 365;
/** About five minutes of a busy site. */
const LAG_BYTES_MAX = 64 * 1024 * 1024;

export const STATE_CHECKS: readonly Check[] = [
  { name: "backup-age", needed: false, run: (config) => backupAge(config, Date.now()) },
  { name: "restore", needed: true, run: restoreFinished },
  { name: "audit-chain", needed: true, run: auditChain },
  { name: "key-seal", needed: true, run: keySeal },
  { name: "event-lag", needed: false, run: eventLag },
  { name: "rule-age", needed: false, run: (config) => ruleAge(config, Date.now()) },
];

/** @param nowMs milliseconds since 1970. */
export async function backupAge(config: Config, nowMs: number): Promise<Finding> {
  const state = backupState(config);
  const [alarm] = backupAlarms(config, nowMs);
  if (alarm !== undefined) return warning(alarm.message, alarm.fix);
  if (state === undefined) return on("no Cordon ran here yet");
  if (state.everyHours === 0) {
    const fix = "./cordon backup schedule update --every-hours 24 --keep 7";
    return warning("scheduled backups are switched off", fix);
  }
  const count = keptBackups(config).length;
  const last = state.lastSuccessTime;
  if (last === undefined) return on(`the first one comes within ${state.everyHours} h`);
  const hours = Math.floor((nowMs - Date.parse(last)) / HOUR_MS);
  return on(`the last one is ${hours} h old, ${count} are in ${config.backup.folder}`);
}

async function restoreFinished(config: Config): Promise<Finding> {
  const unfinished = unfinishedRestore(config);
  if (unfinished === undefined) return on("no restore is under way");
  const why = `the restore of ${unfinished.backupId}, begun ${unfinished.startTime}, is not finished`;
  return off(why, "run the same ./cordon backup restore FILE again");
}

async function auditChain(config: Config): Promise<Finding> {
  const key = join(config.folders.keys, "audit.pub");
  if (!existsSync(key) || !existsSync(join(config.folders.audit, "checkpoint"))) {
    return on("there is no audit log yet");
  }
  const publicKeyPem = readFileSync(key, "utf8");
  const answer = await verifyAuditLog(config.folders.audit, { publicKeyPem });
  if (answer.ok) return on(`${answer.entries} entries are what was recorded`);
  const why = `entry ${answer.firstBadIndex} in ${answer.file}: ${answer.reason}`;
  return off(why, "keep the folder as it is for whoever investigates; restore a backup elsewhere");
}

async function keySeal(config: Config): Promise<Finding> {
  if (!isRunning(config)) return on("Cordon does not run");
  return askingKeyd(config, async (keyd) => {
    const health = await keyd.health();
    if (health.state === "ready") return on(`open: ${health.rootProtection}`);
    return off("the root is sealed: no key can be used", "./cordon keys unseal");
  });
}

/** Bytes behind the slowest reader of each spool, told by the files alone. */
async function eventLag(config: Config): Promise<Finding> {
  let bytes = 0;
  let slowest = "";
  for (const source of namesIn(config.folders.spool)) {
    const lag = lagOf(join(config.folders.spool, source));
    if (lag > bytes) slowest = source;
    bytes = Math.max(bytes, lag);
  }
  const mebibytes = Math.floor(bytes / 1024 / 1024);
  if (bytes <= LAG_BYTES_MAX) return on(`${mebibytes} MiB of events are on their way`);
  const why = `${mebibytes} MiB of events of ${slowest} are not in the lake yet`;
  return warning(why, "see ./cordon logs lake; it catches up by itself when it runs");
}

function lagOf(folder: string): number {
  const segments = listSegmentsSync(folder);
  const readers = readersFolder(folder);
  let most = 0;
  for (const name of namesIn(readers)) {
    const cursor = parseCursor(readFileSync(join(readers, name), "utf8"));
    let lag = 0;
    for (const segment of segments) {
      const { size } = statSync(segmentPath(folder, segment));
      if (cursor === undefined || segment > cursor.segment) lag += size;
      else if (segment === cursor.segment) lag += Math.max(0, size - cursor.offset);
    }
    most = Math.max(most, lag);
  }
  return most;
}

/** @param nowMs milliseconds since 1970. */
export async function ruleAge(config: Config, nowMs: number): Promise<Finding> {
  const [ruleset] = existsSync(join(config.folders.rules, "sources.json"))
    ? installedRulesets(config)
    : [];
  if (ruleset === undefined) return on("no rules are installed yet");
  const times = namesIn(ruleset.rulesFolder).map(
    (name) => statSync(join(ruleset.rulesFolder, name)).mtimeMs,
  );
  const days = Math.floor((nowMs - Math.max(0, ...times)) / DAY_MS);
  const why = `${ruleset.name} is of ${days} days ago`;
  if (days <= RULE_AGE_DAYS_MAX) return on(why);
  return warning(why, "apt-get update && apt-get install modsecurity-crs, then ./cordon up");
}

function namesIn(folder: string): readonly string[] {
  return existsSync(folder) ? readdirSync(folder) : [];
}
