/** Backups that Cordon makes by itself: which there are, how old, when the next comes. */
import Type, { type Static } from "typebox";
import {
  CodedOrNull,
  contract,
  input,
  listInput,
  listOutput,
  operation,
  Time,
} from "../../kernel/operation.ts";

export const everyHoursMax = 720;
export const keepMax = 365;

export const Schedule = Type.Object({
  /** 0 switches scheduled backups off. */
  everyHours: Type.Integer({ minimum: 0, maximum: everyHoursMax }),
  /** How many scheduled backups are kept; older ones are removed. */
  keep: Type.Integer({ minimum: 1, maximum: keepMax }),
});
export type Schedule = Static<typeof Schedule>;

export const Backup = Type.Object({
  backupId: Type.String(),
  /** Of the file in the folder of backups. */
  name: Type.String(),
  kind: Type.Enum(["scheduled", "manual", "upgrade"]),
  createTime: Time,
  bytes: Type.Integer(),
  rows: Type.Integer(),
  auditEntries: Type.Integer(),
  opensWith: Type.Array(Type.Enum(["passphrase", "recoveryShares", "device"])),
});
export type Backup = Static<typeof Backup>;

export const BackupStatus = Type.Object({
  schedule: Schedule,
  folder: Type.String(),
  lastSuccessTime: Type.Union([Time, Type.Null()]),
  lastFailureTime: Type.Union([Time, Type.Null()]),
  lastFailure: Type.Union([Type.String(), Type.Null()]),
  /** Null when they are switched off. */
  nextBackupTime: Type.Union([Time, Type.Null()]),
  alarm: Type.Union([Type.String(), Type.Null()]),
  alarmCoded: CodedOrNull,
  /** What a backup made now could be opened with; empty = none can be made. */
  opensWith: Type.Array(Type.Enum(["passphrase", "recoveryShares", "device"])),
});
export type BackupStatus = Static<typeof BackupStatus>;

const problems = ["account.operatorOnly"] as const;

export const backupContract = contract({
  service: "backup",
  title: "Backups",
  summary: "The whole state in one sealed file: made on a schedule, kept, watched",
  resources: [
    {
      name: "backup",
      idField: "backupId",
      idPrefix: "backup",
      titleField: "name",
      columns: ["name", "kind", "createTime", "bytes", "rows", "auditEntries", "opensWith"],
      list: "listBackups",
    },
  ],
  operations: {
    getStatus: operation({
      name: "backup.getStatus",
      summary: "Get the age of the last backup, when the next one comes and what opens it",
      method: "GET",
      path: "/status",
      action: "backup:GetStatus",
      resource: "backup/*",
      input: input({}),
      output: BackupStatus,
      problems,
    }),
    listBackups: operation({
      name: "backup.listBackups",
      summary: "List the backups in this machine's folder",
      method: "GET",
      path: "/backups",
      action: "backup:ListBackups",
      resource: "backup/*",
      input: listInput({}),
      output: listOutput("backups", Backup),
      problems,
    }),
    createBackup: operation({
      name: "backup.createBackup",
      summary: "Make a backup now; it begins at once and shows in the list when it is whole",
      method: "POST",
      path: "/backups",
      action: "backup:CreateBackup",
      resource: "backup/*",
      input: input({}),
      output: Type.Object({ startTime: Time }),
      problems: [...problems, "backup.cannotSeal", "backup.running"],
    }),
    updateSchedule: operation({
      name: "backup.updateSchedule",
      summary: "Set how often a backup is made and how many are kept",
      method: "PUT",
      path: "/schedule",
      action: "backup:UpdateSchedule",
      resource: "backup/*",
      input: input({
        everyHours: Schedule.properties.everyHours,
        keep: Schedule.properties.keep,
      }),
      output: Schedule,
      problems,
    }),
  },
  problems: {
    "backup.cannotSeal": {
      code: 409,
      message:
        "There is nothing to seal a backup with: the root is sealed and no passphrase is set",
      fix: "Open the root with ./cordon keys unseal, or set CORDON_BACKUP_PASSPHRASE_FILE",
    },
    "backup.running": {
      code: 409,
      message: "A backup is being made",
      fix: "Wait until it is in the list",
    },
  },
  events: ["backup.backupStarted", "backup.scheduleUpdated"],
});
