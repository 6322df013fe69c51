import type { ServiceWords } from "../words.ts";

export const backup: ServiceWords = {
  resource: { backup: ["Backup files", "备份文件"] },
  about: {
    backup: [
      "A backup is the whole state in one sealed file: rows, audit log, keys, settings and rules.",
      "备份是一个加密文件，包含全部状态：数据行、审计日志、密钥、设置和规则。",
    ],
  },
  field: {
    backupId: ["Backup", "备份编号"],
    bytes: ["Bytes", "字节数"],
    rows: ["Rows", "数据行"],
    auditEntries: ["Audit entries", "审计条目"],
    opensWith: ["Opens with", "可用以下方式打开"],
    everyHours: ["Every (hours, 0 = never)", "间隔（小时，0 表示不备份）"],
    keep: ["Kept", "保留数量"],
    lastSuccessTime: ["Last backup", "最近一次备份"],
    lastFailureTime: ["Last failure", "最近一次失败"],
    nextBackupTime: ["Next backup", "下次备份"],
    folder: ["Folder", "目录"],
  },
  value: {
    scheduled: ["Scheduled", "定时"],
    manual: ["By hand", "手动"],
    upgrade: ["Before an upgrade", "升级前"],
    passphrase: ["Its passphrase", "备份口令"],
    device: ["The device of the root", "根密钥所在设备"],
    recoveryShares: ["Recovery shares", "恢复份额"],
  },
  operation: {
    getStatus: "查看备份状态",
    listBackups: "列出备份",
    createBackup: "立即备份",
    updateSchedule: "设置备份计划",
  },
  problem: {
    cannotSeal: [
      "没有可用于加密备份的密钥：根密钥未解封，且未设置备份口令",
      "请运行 ./cordon keys unseal 解封根密钥，或设置 CORDON_BACKUP_PASSPHRASE_FILE",
    ],
    running: ["正在进行备份", "请等待它出现在列表中"],
  },
};
