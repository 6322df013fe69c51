/** Words of a report on paper. */
import { type Language, languages, type TextPair } from "../../lib/coded-text.ts";
import { countryText } from "../../lib/country-name.ts";
import { attackTypeOf } from "./domain.ts";
import { appgatewayTexts } from "./texts.ts";

export type ReportLanguage = Language;

const words = {
  title: ["Site report", "站点报告"],
  requestCount: ["Requests", "请求数"],
  blockedCount: ["Blocked", "已拦截"],
  observedCount: ["Would have been blocked", "观察模式放行"],
  errorCount: ["Errors (5xx)", "服务器错误（5xx）"],
  sourceCount: ["Sources", "来源数"],
  userCount: ["Users", "用户数"],
  latencyP50Ms: ["Latency p50 (ms)", "延迟 p50（毫秒）"],
  latencyP95Ms: ["Latency p95 (ms)", "延迟 p95（毫秒）"],
  latencyP99Ms: ["Latency p99 (ms)", "延迟 p99（毫秒）"],
  traffic: ["Requests over time", "请求趋势"],
  latency: ["Latency over time (ms)", "延迟趋势（毫秒）"],
  allowed: ["Allowed", "已放行"],
  topUrls: ["Top URLs", "访问最多的 URL"],
  statusClasses: ["Answers by status class", "响应状态分布"],
  attackTypes: ["Attacks by type", "攻击类型"],
  attackSources: ["Attacks by source", "攻击来源"],
  attackCountries: ["Attacks by country", "攻击国家或地区"],
  attackRules: ["Attacks by rule", "命中规则"],
  bots: ["Bots", "爬虫与机器人"],
  topUsers: ["Top users", "访问最多的用户"],
  nothing: ["No request came in this period.", "此时间范围内没有请求。"],
  nothingOf: ["Nothing to show in this period: {names}.", "此时间范围内没有数据：{names}。"],
  page: ["Page {page} of {count}", "第 {page} 页，共 {count} 页"],
} as const satisfies Readonly<Record<string, TextPair>>;

export type ReportWord = keyof typeof words;

const wordIn = (pair: TextPair, language: Language): string =>
  pair[languages.indexOf(language)] ?? pair[0];

export const reportWord = (word: ReportWord, language: ReportLanguage): string =>
  wordIn(words[word], language);

/** A value of a counted list as a person reads it. What clients write has no text of ours. */
export function reportValue(list: ReportWord, value: string, language: ReportLanguage): string {
  if (list === "attackRules") {
    return `${value}   ${reportValue("attackTypes", attackTypeOf(Number(value)), language)}`;
  }
  const code = `appgateway.${list}.${value}`;
  const pair = Object.entries<TextPair>(appgatewayTexts).find(([known]) => known === code)?.[1];
  if (pair !== undefined) return wordIn(pair, language);
  return list === "attackCountries" ? countryText(value, language) : value;
}
