/** What this service says of sites, and what it calls the codes that its reports count. */
import { type Texts, tellerOf } from "../../lib/coded-text.ts";

const eventTexts = {
  "appgateway.userAuditSet": [
    "User audit of site {siteId} was set",
    "站点 {siteId} 的用户访问审计已设置",
  ],
  "appgateway.pseudonymKeyRotated": [
    "The key of pseudonyms was replaced: earlier pseudonyms cannot be linked any more",
    "化名密钥已更换：此前的化名无法再关联",
  ],
  "appgateway.reportEvery.off": [
    "Reports of site {siteId} are not made by themselves any more",
    "站点 {siteId} 不再自动生成报告",
  ],
  "appgateway.reportEvery.day": [
    "A report of site {siteId} is made each day",
    "站点 {siteId} 每天自动生成报告",
  ],
  "appgateway.reportEvery.week": [
    "A report of site {siteId} is made each week",
    "站点 {siteId} 每周自动生成报告",
  ],
  "appgateway.reportMade": [
    "Report of {domain}, {period}: {requestCount} requests, {blockedCount} blocked, {errorCount} errors",
    "{domain} 的报告，{period}：请求 {requestCount} 个，拦截 {blockedCount} 个，错误 {errorCount} 个",
  ],
  "appgateway.reportKept": [
    "open {path} in the console for this report and earlier ones",
    "在控制台打开 {path} 查看此报告及更早的报告",
  ],
  "appgateway.reportWithoutFiles": [
    "its files could not be made here ({reason}); open {path} in the console",
    "未能生成附件（{reason}）；请在控制台打开 {path}",
  ],
  "appgateway.complianceChecked": [
    "Site {siteId} scored {score} of 100, {failCount} rules failed",
    "站点 {siteId} 得分 {score}（满分 100），{failCount} 项规则未通过",
  ],
  "appgateway.learningOn": ["Site {siteId} learns exclusions", "站点 {siteId} 开始学习排除规则"],
  "appgateway.learningOff": ["Site {siteId} does not learn", "站点 {siteId} 停止学习"],
  "appgateway.proposalAccepted": [
    "Rule {ruleId} for {variable} below {pathPrefix}: the proposal was accepted",
    "规则 {ruleId} 对 {pathPrefix} 下 {variable} 的排除建议已接受",
  ],
  "appgateway.proposalRejected": [
    "Rule {ruleId} for {variable} below {pathPrefix}: the proposal was rejected",
    "规则 {ruleId} 对 {pathPrefix} 下 {variable} 的排除建议已拒绝",
  ],
} as const satisfies Texts;

/** Values of a report's lists, by `appgateway.<list>.<value>`. */
const countedTexts = {
  "appgateway.attackTypes.sqli": ["SQL injection", "SQL 注入"],
  "appgateway.attackTypes.xss": ["Cross-site scripting", "跨站脚本"],
  "appgateway.attackTypes.rce": ["Command execution", "命令执行"],
  "appgateway.attackTypes.lfi": ["File access", "文件读取"],
  "appgateway.attackTypes.rfi": ["Remote file inclusion", "远程文件包含"],
  "appgateway.attackTypes.php": ["PHP injection", "PHP 注入"],
  "appgateway.attackTypes.java": ["Java attack", "Java 攻击"],
  "appgateway.attackTypes.generic": ["Code injection", "代码注入"],
  "appgateway.attackTypes.session": ["Session fixation", "会话固定"],
  "appgateway.attackTypes.scanner": ["Scanner", "扫描器"],
  "appgateway.attackTypes.protocol": ["Protocol violation", "协议违规"],
  "appgateway.attackTypes.method": ["Method not allowed", "不允许的方法"],
  "appgateway.attackTypes.dos": ["Denial of service", "拒绝服务"],
  "appgateway.attackTypes.leak": ["Data leak", "数据泄露"],
  "appgateway.attackTypes.policy": ["Policy of the site", "站点策略"],
  "appgateway.attackTypes.other": ["Other rules", "其他规则"],
  "appgateway.bots.badAgent": ["Known bad user agents", "已知恶意客户端"],
  "appgateway.bots.fakeCrawler": ["False crawlers", "假冒爬虫"],
  "appgateway.attackCountries.unknown": ["Unknown", "未知"],
  "appgateway.statusClasses.none": ["No answer", "无响应"],
  "appgateway.statusClasses.1xx": ["1xx informational", "1xx 信息"],
  "appgateway.statusClasses.2xx": ["2xx success", "2xx 成功"],
  "appgateway.statusClasses.3xx": ["3xx redirect", "3xx 重定向"],
  "appgateway.statusClasses.4xx": ["4xx client error", "4xx 客户端错误"],
  "appgateway.statusClasses.5xx": ["5xx server error", "5xx 服务器错误"],
} as const satisfies Texts;

/** All of them, by code. */
export const appgatewayTexts = { ...eventTexts, ...countedTexts } as const;
export const tell = tellerOf(eventTexts);
