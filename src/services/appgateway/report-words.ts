/** Words of a report on paper. */
export type ReportLanguage = "en" | "zh-CN";

const words = {
  title: ["Site report", "站点报告"],
  period: ["Period", "时间范围"],
  requestCount: ["Requests", "请求数"],
  blockedCount: ["Blocked", "已拦截"],
  observedCount: ["Would have been blocked", "观察模式放行"],
  errorCount: ["Errors (5xx)", "服务器错误（5xx）"],
  sourceCount: ["Sources", "来源数"],
  userCount: ["Users", "用户数"],
  latencyP50Ms: ["Latency p50 (ms)", "延迟 p50（毫秒）"],
  latencyP95Ms: ["Latency p95 (ms)", "延迟 p95（毫秒）"],
  latencyP99Ms: ["Latency p99 (ms)", "延迟 p99（毫秒）"],
  traffic: ["Traffic over time", "流量趋势"],
  latency: ["Latency over time (p95, ms)", "延迟趋势（p95，毫秒）"],
  allowed: ["Allowed", "放行"],
  topUrls: ["Top URLs", "访问最多的 URL"],
  statusClasses: ["Answers by status class", "响应状态分布"],
  attackTypes: ["Attacks by type", "攻击类型"],
  attackSources: ["Attacks by source", "攻击来源"],
  attackCountries: ["Attacks by country", "攻击国家或地区"],
  attackRules: ["Attacks by rule", "命中规则"],
  bots: ["Bots", "爬虫与机器人"],
  topUsers: ["Top users", "访问最多的用户"],
  nothing: ["Nothing was seen in this period.", "此时间范围内没有数据。"],
  page: ["Page", "页"],
} as const satisfies Readonly<Record<string, readonly [string, string]>>;

export type ReportWord = keyof typeof words;

export const reportWord = (word: ReportWord, language: ReportLanguage): string =>
  words[word][language === "en" ? 0 : 1];
