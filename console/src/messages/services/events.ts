import type { ServiceWords } from "../words.ts";

export const events: ServiceWords = {
  about: {
    event: [
      "What happened, as gateways and Cordon itself recorded it. Send a request to a site and it shows here.",
      "网关和 Cordon 自身记录的事件。向站点发送请求后会显示在这里。",
    ],
  },
  value: {
    fatal: ["Fatal", "致命"],
    fileActivity: ["File activity", "文件活动"],
    processActivity: ["Process activity", "进程活动"],
    vulnerabilityFinding: ["Vulnerability finding", "漏洞发现"],
    complianceFinding: ["Compliance finding", "合规发现"],
    detectionFinding: ["Detection finding", "检测发现"],
    incidentFinding: ["Incident finding", "安全事件发现"],
    accountChange: ["Account change", "账户变更"],
    authentication: ["Authentication", "身份验证"],
    networkActivity: ["Network activity", "网络活动"],
    httpActivity: ["HTTP activity", "HTTP 活动"],
    apiActivity: ["API activity", "API 活动"],
  },
  operation: {
    explainRequest: "解释请求",
    searchEvents: "检索事件",
    getEvent: "查看事件",
    countEvents: "统计事件",
    topValues: "列出最常见的值",
    tailEvents: "实时跟踪事件",
    exportEvents: "导出事件",
  },
  problem: {
    requestNotFound: [
      "没有这个请求的事件",
      "请从搜索结果或 X-Request-Id 中取得编号；太旧的事件已不再保留",
    ],
    eventNotFound: ["没有这个事件", "它可能超出了事件湖的保留期；请用更大的时间范围检索"],
    queryInvalid: ["无法执行此检索", "请修正详情中指出的内容；listActions 和参考文档列出了字段"],
    lakeUnavailable: [
      "事件湖暂时没有响应",
      "请几秒后重试；./cordon status 显示事件湖的状态。没有数据丢失",
    ],
  },
};
