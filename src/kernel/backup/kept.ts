/**
 * The folder of backups that Cordon makes by itself: which there are, when the last one succeeded,
 * and making the next. One at a time, also among several processes of this machine.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { CodedText } from "../../lib/coded-text.ts";
import { writeWhole } from "../audit-log/tile-files.ts";
import type { Config } from "../config.ts";
import { type Alarm, alarmOf } from "../health.ts";
import { takeLock } from "../process/lock.ts";
import { messageOf } from "../process/text.ts";
import { tell } from "../texts.ts";
import { type CreateParts, createBackup } from "./create.ts";
import { BackupError, type Locks } from "./sealed-file.ts";

export type BackupKind = "scheduled" | "manual" | "upgrade";

/** Beside each file, in clear: nothing in it is secret. */
export type KeptBackup = {
  readonly name: string;
  readonly backupId: string;
  readonly kind: BackupKind;
  readonly createTime: string;
  readonly bytes: number;
  readonly rows: number;
  readonly auditSize: number;
  readonly opensWith: readonly ("passphrase" | "recoveryShares" | "device")[];
};

export type BackupState = {
  /** 0 = none are made by themselves. */
  readonly everyHours: number;
  readonly lastSuccessTime: string | undefined;
  readonly lastFailureTime: string | undefined;
  readonly lastFailure: string | undefined;
  /** When backups were first expected here; an age is counted from it while there is none. */
  readonly sinceTime: string;
};

const STATE = "state.json";
const NAME = /^cordon-(?:scheduled|manual|upgrade)-[0-9TZ-]+\.age$/;
const HOUR_MS = 3_600_000;
/** One interval may fail before anybody is called. */
const INTERVALS_MAX = 2;
const GRACE_MS = HOUR_MS;

/** All of them, the newest first. */
export function keptBackups(config: Config): readonly KeptBackup[] {
  const { folder } = config.backup;
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder).filter((name) => NAME.test(name));
  const kept = names.flatMap((name) => {
    const facts = join(folder, `${name}.json`);
    if (!existsSync(facts)) return [];
    // Written by `keepBackup` only.
    const about = JSON.parse(readFileSync(facts, "utf8")) as KeptBackup;
    return [{ ...about, name, bytes: statSync(join(folder, name)).size }];
  });
  return kept.sort((left, right) => (left.createTime < right.createTime ? 1 : -1));
}

/** What is known of the last attempts; undefined before the first look. */
export function backupState(config: Config): BackupState | undefined {
  const file = join(config.backup.folder, STATE);
  // Written by `noteState` only.
  return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as BackupState) : undefined;
}

/** Makes one, checks it by reading it back, and removes those beyond `keep` of its kind. */
export async function keepBackup(
  parts: CreateParts,
  { kind, keep }: { readonly kind: BackupKind; readonly keep: number },
): Promise<KeptBackup> {
  const { config, clock, locks } = parts;
  const { folder } = config.backup;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const lock = takeLock(join(folder, "making.lock"));
  if ("heldBy" in lock) {
    throw new BackupError(
      `Cannot back up: process ${lock.heldBy.pid} makes one now`,
      "wait until it has ended",
    );
  }
  try {
    await removeDrafts(folder);
    const time = new Date(clock()).toISOString();
    const name = `cordon-${kind}-${time.replace(/[:.]/g, "-")}.age`;
    const { manifest, end, bytes } = await createBackup(join(folder, name), parts);
    const about: KeptBackup = {
      name,
      backupId: manifest.backupId,
      kind,
      createTime: manifest.createTime,
      bytes,
      rows: Object.values(end.rows).reduce((sum, count) => sum + count, 0),
      auditSize: end.audit.size,
      opensWith: waysOf(locks),
    };
    await writeWhole(folder, `${name}.json`, { bytes: jsonOf(about), sync: true });
    await noteState(config, clock, { lastSuccessTime: about.createTime });
    await removeOld(config, { kind, keep });
    return about;
  } catch (error) {
    const lastFailure = messageOf(error);
    await noteState(config, clock, {
      lastFailure,
      lastFailureTime: new Date(clock()).toISOString(),
    });
    throw error;
  } finally {
    lock.release();
  }
}

/** One change of the facts after another: each is made of the ones before. */
let noting: Promise<void> = Promise.resolve();

/** Keeps facts about backups where `doctor` finds them when nothing runs. */
export function noteState(
  config: Config,
  clock: () => number,
  facts: Partial<BackupState>,
): Promise<void> {
  noting = noting.catch(() => {}).then(() => writeState(config, clock, facts));
  return noting;
}

async function writeState(
  config: Config,
  clock: () => number,
  facts: Partial<BackupState>,
): Promise<void> {
  const { folder } = config.backup;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const before = backupState(config) ?? {
    everyHours: 0,
    lastSuccessTime: undefined,
    lastFailureTime: undefined,
    lastFailure: undefined,
    sinceTime: new Date(clock()).toISOString(),
  };
  await writeWhole(folder, STATE, { bytes: jsonOf({ ...before, ...facts }), sync: true });
}

/** Whether the next one is due. After a failure it waits `retryMs`. */
export function isDue(
  state: BackupState | undefined,
  { everyHours, nowMs, retryMs }: { everyHours: number; nowMs: number; retryMs: number },
): boolean {
  if (everyHours === 0) return false;
  const { lastSuccessTime, lastFailureTime } = state ?? {};
  const failedMs = lastFailureTime === undefined ? undefined : Date.parse(lastFailureTime);
  if (failedMs !== undefined && nowMs < failedMs + retryMs) return false;
  if (lastSuccessTime === undefined) return true;
  return nowMs >= Date.parse(lastSuccessTime) + everyHours * HOUR_MS;
}

/** The alarm about backups that did not come; none when they are switched off. */
export function backupAlarms(config: Config, nowMs: number): readonly Alarm[] {
  const state = backupState(config);
  if (state === undefined || state.everyHours === 0) return [];
  const last = state.lastSuccessTime ?? state.sinceTime;
  const allowedMs = INTERVALS_MAX * state.everyHours * HOUR_MS + GRACE_MS;
  if (nowMs - Date.parse(last) <= allowedMs) return [];
  const hours = Math.floor((nowMs - Date.parse(last)) / HOUR_MS);
  return [alarmOf("backup", lateText(state, hours), tell("kernel.makeBackup", {}))];
}

function lateText(
  { lastSuccessTime, lastFailure: failure }: BackupState,
  hours: number,
): CodedText {
  const never = lastSuccessTime === undefined;
  if (failure === undefined) return tell(`kernel.${never ? "noBackup" : "oldBackup"}`, { hours });
  return tell(`kernel.${never ? "noBackupBecause" : "oldBackupBecause"}`, { hours, failure });
}

/** Shares of a software root are the root itself; a device opens what it wrapped, and only it. */
function rootWays({ wrapByRoot, rootIsDevice }: Locks): ("recoveryShares" | "device")[] {
  if (wrapByRoot === undefined) return [];
  return [rootIsDevice === true ? "device" : "recoveryShares"];
}

/** The ways that a file with these locks opens. */
export function waysOf(locks: Locks): KeptBackup["opensWith"] {
  return [...(locks.passphrase === undefined ? [] : ["passphrase" as const]), ...rootWays(locks)];
}

/** Drafts of processes that were killed. */
async function removeDrafts(folder: string): Promise<void> {
  for (const name of readdirSync(folder)) {
    if (/\.age\.part-\d+$/.test(name)) await rm(join(folder, name), { force: true });
  }
}

async function removeOld(
  config: Config,
  { kind, keep }: { readonly kind: BackupKind; readonly keep: number },
): Promise<void> {
  const old = keptBackups(config)
    .filter((backup) => backup.kind === kind)
    .slice(keep);
  for (const { name } of old) {
    await rm(join(config.backup.folder, name), { force: true });
    await rm(join(config.backup.folder, `${name}.json`), { force: true });
  }
}

function jsonOf(value: unknown): Buffer {
  return Buffer.from(`${JSON.stringify(value)}\n`);
}
