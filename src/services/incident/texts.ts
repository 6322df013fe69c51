/** What this service says of attacks and of what was done about them. */
import { type Texts, tellerOf } from "../../lib/coded-text.ts";

/** Attack classes: what one finding of each is called. */
const findingTexts = {
  "incident.finding.sqli": ["SQL injection on {host}", "{host} 遭受 SQL 注入"],
  "incident.finding.xss": ["Cross-site scripting on {host}", "{host} 遭受跨站脚本攻击"],
  "incident.finding.rce": ["Remote command execution on {host}", "{host} 遭受远程命令执行攻击"],
  "incident.finding.lfi": ["Local file inclusion on {host}", "{host} 遭受本地文件包含攻击"],
  "incident.finding.rfi": ["Remote file inclusion on {host}", "{host} 遭受远程文件包含攻击"],
  "incident.finding.php": ["PHP injection on {host}", "{host} 遭受 PHP 注入"],
  "incident.finding.java": ["Java attack on {host}", "{host} 遭受 Java 攻击"],
  "incident.finding.injection": ["Code injection on {host}", "{host} 遭受代码注入"],
  "incident.finding.fixation": ["Session fixation on {host}", "{host} 遭受会话固定攻击"],
  "incident.finding.scanner": ["Security scanner on {host}", "{host} 被安全扫描器扫描"],
  "incident.finding.leak": ["Data leak in a response on {host}", "{host} 的响应泄露数据"],
  "incident.finding.protocol": ["Protocol violation on {host}", "{host} 收到违反协议的请求"],
  "incident.finding.generic": ["Attack on {host}", "{host} 遭受攻击"],
  "incident.finding.tamper": [
    "Page changed without approval on {host}",
    "{host} 的页面未经批准而改变",
  ],
} as const satisfies Texts;

/** The same with the source that is to blame: what an incident is called. */
const attackTexts = {
  "incident.attack.sqli": [
    "SQL injection from {sourceIp} on {host}",
    "{sourceIp} 对 {host} 进行 SQL 注入",
  ],
  "incident.attack.xss": [
    "Cross-site scripting from {sourceIp} on {host}",
    "{sourceIp} 对 {host} 进行跨站脚本攻击",
  ],
  "incident.attack.rce": [
    "Remote command execution from {sourceIp} on {host}",
    "{sourceIp} 对 {host} 进行远程命令执行攻击",
  ],
  "incident.attack.lfi": [
    "Local file inclusion from {sourceIp} on {host}",
    "{sourceIp} 对 {host} 进行本地文件包含攻击",
  ],
  "incident.attack.rfi": [
    "Remote file inclusion from {sourceIp} on {host}",
    "{sourceIp} 对 {host} 进行远程文件包含攻击",
  ],
  "incident.attack.php": [
    "PHP injection from {sourceIp} on {host}",
    "{sourceIp} 对 {host} 进行 PHP 注入",
  ],
  "incident.attack.java": [
    "Java attack from {sourceIp} on {host}",
    "{sourceIp} 对 {host} 进行 Java 攻击",
  ],
  "incident.attack.injection": [
    "Code injection from {sourceIp} on {host}",
    "{sourceIp} 对 {host} 进行代码注入",
  ],
  "incident.attack.fixation": [
    "Session fixation from {sourceIp} on {host}",
    "{sourceIp} 对 {host} 进行会话固定攻击",
  ],
  "incident.attack.scanner": [
    "Security scanner from {sourceIp} on {host}",
    "{sourceIp} 用安全扫描器扫描 {host}",
  ],
  "incident.attack.leak": [
    "Data leak in a response from {sourceIp} on {host}",
    "{host} 对 {sourceIp} 的响应泄露数据",
  ],
  "incident.attack.protocol": [
    "Protocol violation from {sourceIp} on {host}",
    "{sourceIp} 向 {host} 发送违反协议的请求",
  ],
  "incident.attack.generic": ["Attack from {sourceIp} on {host}", "{sourceIp} 攻击 {host}"],
} as const satisfies Texts;

const courseTexts = {
  "incident.shownByEvent": ["Event {eventUid}", "事件 {eventUid}"],
  "incident.shownByRules": [
    "Rules {ruleIds}; highest score {scoreMax}",
    "规则 {ruleIds}；最高评分 {scoreMax}",
  ],
  "incident.blockedByItself": ["{cidr} blocked automatically", "已自动封禁 {cidr}"],
  "incident.blockedByItselfUntil": [
    "{cidr} was blocked automatically until {time}",
    "已自动封禁 {cidr}，直到 {time}",
  ],
  "incident.scoreReached": [
    "Score {score} within {windowSeconds} s",
    "{windowSeconds} 秒内评分达到 {score}",
  ],
  "incident.blocked": ["{cidr} blocked for {minutes} min", "已封禁 {cidr} {minutes} 分钟"],
  "incident.blockUndone": ["Block of {cidr} undone", "已撤销对 {cidr} 的封禁"],
  "incident.blockEnded": ["Block of {cidr} ended", "对 {cidr} 的封禁已结束"],
  "incident.timeOver": ["Its time was over", "封禁时间已到"],
  "incident.note": ["Note", "备注"],
  "incident.now.open": ["Status: open", "状态：未处理"],
  "incident.now.acknowledged": ["Status: acknowledged", "状态：已确认"],
  "incident.now.resolved": ["Status: resolved", "状态：已解决"],
  "incident.now.falsePositive": ["Status: falsePositive", "状态：误报"],
  "incident.was.open": ["was open", "此前为未处理"],
  "incident.was.acknowledged": ["was acknowledged", "此前为已确认"],
  "incident.was.resolved": ["was resolved", "此前为已解决"],
  "incident.was.falsePositive": ["was falsePositive", "此前为误报"],
  "incident.is.open": ["Incident {incidentId} is open", "安全事件 {incidentId} 未处理"],
  "incident.is.acknowledged": [
    "Incident {incidentId} is acknowledged",
    "安全事件 {incidentId} 已确认",
  ],
  "incident.is.resolved": ["Incident {incidentId} is resolved", "安全事件 {incidentId} 已解决"],
  "incident.is.falsePositive": [
    "Incident {incidentId} is falsePositive",
    "安全事件 {incidentId} 为误报",
  ],
} as const satisfies Texts;

type CategoryIn<Code extends string> = Code extends `incident.finding.${infer Name}` ? Name : never;
/** An attack class, as rules and the gateway tell it: each has its words. */
export type Category = CategoryIn<keyof typeof findingTexts>;

/** All of them, by code. */
export const incidentTexts = { ...findingTexts, ...attackTexts, ...courseTexts };
export const tell = tellerOf(incidentTexts);
