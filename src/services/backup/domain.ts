/** When a backup comes next, and what is shown of one. */
import type { BackupState, KeptBackup } from "../../kernel/backup/kept.ts";
import type { Backup, Schedule } from "./contract.ts";

/** Until an operator sets another. */
export const defaultSchedule: Schedule = { everyHours: 24, keep: 7 };

const HOUR_MS = 3_600_000;

/** Milliseconds since 1970; undefined when backups are switched off. */
export function nextTimeMs(
  { everyHours }: Schedule,
  state: BackupState | undefined,
  nowMs: number,
): number | undefined {
  if (everyHours === 0) return undefined;
  const last = state?.lastSuccessTime;
  return last === undefined ? nowMs : Math.max(nowMs, Date.parse(last) + everyHours * HOUR_MS);
}

export function backupView({ auditSize, opensWith, ...kept }: KeptBackup): Backup {
  return { ...kept, auditEntries: auditSize, opensWith: [...opensWith] };
}
