/** The frame of messages: what stands around the events that they tell. */
import { type Texts, tellerOf } from "../../lib/coded-text.ts";

/** All of them, by code. */
export const notifyTexts = {
  "notify.subject.informational": ["[informational] {title}", "[提示] {title}"],
  "notify.subject.low": ["[low] {title}", "[低] {title}"],
  "notify.subject.medium": ["[medium] {title}", "[中] {title}"],
  "notify.subject.high": ["[high] {title}", "[高] {title}"],
  "notify.subject.critical": ["[critical] {title}", "[严重] {title}"],
  "notify.times.informational": [
    "[informational] {title} ({count} events)",
    "[提示] {title}（{count} 个事件）",
  ],
  "notify.times.low": ["[low] {title} ({count} events)", "[低] {title}（{count} 个事件）"],
  "notify.times.medium": ["[medium] {title} ({count} events)", "[中] {title}（{count} 个事件）"],
  "notify.times.high": ["[high] {title} ({count} events)", "[高] {title}（{count} 个事件）"],
  "notify.times.critical": [
    "[critical] {title} ({count} events)",
    "[严重] {title}（{count} 个事件）",
  ],
  "notify.event.informational": ["{time} informational: {message}", "{time} 提示：{message}"],
  "notify.event.low": ["{time} low: {message}", "{time} 低：{message}"],
  "notify.event.medium": ["{time} medium: {message}", "{time} 中：{message}"],
  "notify.event.high": ["{time} high: {message}", "{time} 高：{message}"],
  "notify.event.critical": ["{time} critical: {message}", "{time} 严重：{message}"],
  "notify.fix": ["What to do: {fix}", "处理办法：{fix}"],
  "notify.filesTooLarge": [
    "get the files from the console: their {bytes} bytes are too large to attach",
    "附件共 {bytes} 字节，超出邮件限制，请从控制台下载",
  ],
  "notify.more": ["… and {count} more of the same kind", "…… 另有 {count} 个同类事件"],
  "notify.from": ["Cordon, delivery {deliveryId}", "Cordon，投递编号 {deliveryId}"],
  "notify.test": [
    "Test of channel {name}, asked for by {principalName}",
    "通知渠道 {name} 的测试，由 {principalName} 发起",
  ],
  "notify.alarmEnded": ["{part}: the trouble is over", "{part}：故障已解除"],
} as const satisfies Texts;
export const tell = tellerOf(notifyTexts);
