/** Handlers of backups, and the job that makes them on time. */
import {
  type BackupKind,
  backupAlarms,
  backupState,
  isDue,
  type KeptBackup,
  keptBackups,
  noteState,
} from "../../kernel/backup/kept.ts";
import type { Config } from "../../kernel/config.ts";
import { type Context, timeText } from "../../kernel/context.ts";
import type { Job } from "../../kernel/jobs.ts";
import { Problem } from "../../kernel/problem.ts";
import { type Service, service } from "../../kernel/service.ts";
import type { Database, Sql } from "../../kernel/store/database.ts";
import { pageInMemory } from "../../kernel/store/page.ts";
import { backupContract, type Schedule } from "./contract.ts";
import { backupView, defaultSchedule, nextTimeMs } from "./domain.ts";
import { backupStore } from "./store.ts";

export type BackupParts = {
  readonly database: Database;
  readonly config: Config;
  readonly clock: () => number;
  /** What a file made now would open with. */
  readonly opensWith: () => Promise<readonly ("passphrase" | "recoveryShares" | "device")[]>;
  readonly make: (kind: BackupKind, keep: number) => Promise<KeptBackup>;
};

const LOOK_EVERY_MS = 60_000;
const RETRY_MS = 600_000;

/** The backup service, and what makes the scheduled ones. */
export function backupService(parts: BackupParts): Service {
  const { config, opensWith } = parts;
  let running: Promise<unknown> | undefined;
  return service(backupContract, {
    async getStatus(context) {
      requireOperator(context);
      const schedule = await context.asSystem(scheduleIn);
      const state = backupState(config);
      const next = nextTimeMs(schedule, state, context.nowMs);
      const [alarm] = backupAlarms(config, context.nowMs);
      return {
        schedule,
        folder: config.backup.folder,
        lastSuccessTime: state?.lastSuccessTime ?? null,
        lastFailureTime: state?.lastFailureTime ?? null,
        lastFailure: state?.lastFailure ?? null,
        nextBackupTime: next === undefined ? null : timeText(next),
        alarm: alarm?.message ?? null,
        alarmCoded: alarm?.messageCoded ?? null,
        opensWith: [...(await opensWith())],
      };
    },
    async listBackups(context, input) {
      requireOperator(context);
      const page = pageInMemory(keptBackups(config).map(backupView), input, [
        "backupId",
        "name",
        "kind",
      ]);
      return { backups: page.items, totalCount: page.totalCount };
    },
    async createBackup(context) {
      requireOperator(context);
      if ((await opensWith()).length === 0) throw new Problem("backup.cannotSeal");
      if (running !== undefined) throw new Problem("backup.running");
      const { keep } = await context.asSystem(scheduleIn);
      await context.emit({ type: "backup.backupStarted", message: "A backup was begun by hand" });
      // After the commit: the backup then holds the very entry and event of this call.
      context.afterCommit(() => {
        running = parts
          .make("manual", keep)
          // The failure is in the state that `getStatus` and the alarms show.
          .catch(() => {})
          .finally(() => {
            running = undefined;
          });
      });
      return { startTime: timeText(context.nowMs) };
    },
    async updateSchedule(context, schedule) {
      requireOperator(context);
      await context.asSystem((sql) =>
        backupStore(sql).setSchedule(schedule, timeText(context.nowMs)),
      );
      const message = `A backup every ${schedule.everyHours} h, ${schedule.keep} kept`;
      await context.emit({ type: "backup.scheduleUpdated", message });
      return schedule;
    },
  });
}

/** Looks every minute whether a backup is due. */
export function backupJobs({ database, config, clock, make }: BackupParts): readonly Job[] {
  const run = async (): Promise<void> => {
    const { everyHours, keep } = await database.transaction("system", scheduleIn);
    if (backupState(config)?.everyHours !== everyHours) {
      await noteState(config, clock, { everyHours });
    }
    const state = backupState(config);
    if (!isDue(state, { everyHours, nowMs: clock(), retryMs: RETRY_MS })) return;
    if (await isSetUp(database)) await make("scheduled", keep);
  };
  return [{ name: "backup", everyMs: LOOK_EVERY_MS, everywhere: true, run }];
}

async function scheduleIn(sql: Sql): Promise<Schedule> {
  return (await backupStore(sql).schedule()) ?? defaultSchedule;
}

/** Before the first account there is nothing to keep. */
async function isSetUp(database: Database): Promise<boolean> {
  const rows = await database.transaction("system", (sql) => sql`select from account limit 1`);
  return rows.length > 0;
}

function requireOperator({ caller }: Context): void {
  if (!caller.operator) throw new Problem("account.operatorOnly");
}
