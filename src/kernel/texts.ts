/** What the machine below Cordon lacks and what to do about it, and what any call may tell. */
import { type Texts, tellerOf } from "../lib/coded-text.ts";

/** All of them, by code. */
export const kernelTexts = {
  "kernel.diskNearlyFull": [
    "The disk of {folder} has {freeMebibytes} MiB free: operations are refused and events are not kept when it is full",
    "{folder} 所在磁盘只剩 {freeMebibytes} MiB：写满后操作会被拒绝，事件不再保存",
  ],
  "kernel.dangerousOperation": [
    "{principalName} ran {operation} on {resource}",
    "{principalName} 对 {resource} 执行了 {operation}",
  ],
  "kernel.freeSpace": ["free some space; it recovers by itself", "请释放一些空间，之后会自动恢复"],
  "kernel.auditUnwritable": ["Cannot write audit: {failure}", "无法写入审计日志：{failure}"],
  "kernel.spoolUnwritable": ["Cannot write spool: {failure}", "无法写入事件缓冲：{failure}"],
  "kernel.keysSealed": [
    "No key can be used: {root}: it waits for ./cordon keys unseal",
    "密钥均不可用：{root}：等待执行 ./cordon keys unseal",
  ],
  "kernel.keysUnavailable": [
    "No key can be used: {root}: {failure}",
    "密钥均不可用：{root}：{failure}",
  ],
  "kernel.keysRolledBack": [
    "No key can be used: {root}: {failure}",
    "密钥均不可用，data/keys 是旧的状态：{root}：{failure}",
  ],
  "kernel.keysSilent": [
    "No key can be used: the process of the keys does not answer",
    "密钥均不可用：密钥进程没有响应",
  ],
  "kernel.unsealKeys": ["run ./cordon keys unseal", "请执行 ./cordon keys unseal"],
  "kernel.recoverKeys": [
    "see docs/root-of-trust.md, or run ./cordon keys recover with recovery shares",
    "请参阅 docs/root-of-trust.md，或用恢复份额执行 ./cordon keys recover",
  ],
  "kernel.acceptKeys": [
    "put the newest data/keys back, or run ./cordon keys accept-restored",
    "请放回最新的 data/keys，或执行 ./cordon keys accept-restored",
  ],
  "kernel.lookAtLog": [
    "run ./cordon status and look at its log",
    "请执行 ./cordon status 并查看其日志",
  ],
  "kernel.noBackup": ["There is no backup, for {hours} h", "已有 {hours} 小时没有任何备份"],
  "kernel.noBackupBecause": [
    "There is no backup, for {hours} h: {failure}",
    "已有 {hours} 小时没有任何备份：{failure}",
  ],
  "kernel.oldBackup": ["The last backup is {hours} h old", "最近一次备份已过去 {hours} 小时"],
  "kernel.oldBackupBecause": [
    "The last backup is {hours} h old: {failure}",
    "最近一次备份已过去 {hours} 小时：{failure}",
  ],
  "kernel.makeBackup": [
    "see the backups page, or run ./cordon backup create FILE",
    "请查看备份页面，或执行 ./cordon backup create FILE",
  ],
} as const satisfies Texts;
export const tell = tellerOf(kernelTexts);
