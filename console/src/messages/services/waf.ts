import type { ServiceWords } from "../words.ts";
import { wafGeoDatabases } from "./waf-geo-databases.ts";
import { wafPolicy } from "./waf-policy.ts";
import { wafRecords } from "./waf-records.ts";
import { wafRuleSets } from "./waf-rule-sets.ts";

export const waf: ServiceWords = {
  resource: {
    ...wafPolicy.resource,
    ...wafRecords.resource,
    ...wafRuleSets.resource,
    ...wafGeoDatabases.resource,
  },
  value: { ...wafPolicy.value, ...wafRecords.value },
  about: {
    ...wafPolicy.about,
    ...wafRecords.about,
    ...wafRuleSets.about,
    ...wafGeoDatabases.about,
    site: [
      "A site is a domain that the gateway serves and guards in front of your application.",
      "站点是由网关代您的应用提供服务并加以防护的域名。",
    ],
    exclusion: [
      "An exclusion lets one rule pass for one variable below one path, so that good requests are not blocked.",
      "排除规则让某条规则在某个路径下放行某个变量，避免误拦正常请求。",
    ],
    listEntry: [
      "Sources that are always let through or always blocked, before any rule is asked.",
      "在任何规则之前始终放行或始终封禁的来源。",
    ],
    rule: [
      "No rule set is installed on this machine. ./cordon doctor says how to install the OWASP Core Rule Set.",
      "本机没有安装规则集。./cordon doctor 会说明如何安装 OWASP 核心规则集。",
    ],
  },
  hint: {
    ruleId: ["Number of the rule, such as 942100", "规则编号，例如 942100"],
    variable: [
      "Such as ARGS:comment; empty: all that the rule looks at",
      "例如 ARGS:comment；留空为该规则检查的全部内容",
    ],
    pathPrefix: ["Such as /forum; empty: the whole site", "例如 /forum；留空为整个站点"],
    domains: [
      "Such as shop.example.com, or *.example.com for all names below it",
      "例如 shop.example.com，或 *.example.com 表示其下所有名称",
    ],
    cidr: ["Such as 203.0.113.9 or 203.0.113.0/24", "例如 203.0.113.9 或 203.0.113.0/24"],
    target: [
      "Such as /search?q=tea, as it is sent; empty with a stored request",
      "例如 /search?q=tea，按原样填写；指定已存储请求时留空",
    ],
    headers: [
      "Such as User-Agent: curl/8; without a Host the site's first domain is taken",
      "例如 User-Agent: curl/8；没有 Host 时使用站点的第一个域名",
    ],
    event: [
      "The X-Request-Id of an answer, or the id of an event",
      "响应中的 X-Request-Id，或事件编号",
    ],
    draftExclusions: ["Such as 942100 ARGS:q /search", "例如 942100 ARGS:q /search"],
    ...wafPolicy.hint,
    ...wafRecords.hint,
    ...wafRuleSets.hint,
    ...wafGeoDatabases.hint,
    upstreams: [
      "Where the application answers, such as http://127.0.0.1:3000",
      "应用所在的地址，例如 http://127.0.0.1:3000",
    ],
    paranoiaLevel: [
      "Higher levels ask more rules and need more exclusions",
      "级别越高，执行的规则越多，需要的排除规则也越多",
    ],
    inboundThreshold: ["A request whose score reaches it is blocked", "请求的得分达到该值时被拦截"],
    outboundThreshold: [
      "An answer whose score reaches it is blocked",
      "响应的得分达到该值时被拦截",
    ],
    trustedProxies: [
      "Whose X-Forwarded-For is believed, as addresses or blocks",
      "信任其 X-Forwarded-For 的代理，填写地址或网段",
    ],
  },
  field: {
    ...wafPolicy.field,
    ...wafRecords.field,
    ...wafRuleSets.field,
    ...wafGeoDatabases.field,
    target: ["Path and query", "路径和查询"],
    headers: ["Header lines", "请求头"],
    body: ["Body", "请求体"],
    wouldBlock: ["Would be blocked", "将被拦截"],
    threshold: ["Threshold", "阈值"],
    outcome: ["Outcome", "结果"],
    matches: ["Rules met", "命中的规则"],
    trace: ["Every rule that was asked", "所有执行过的规则"],
    value: ["Value", "值"],
  },
  operation: {
    ...wafPolicy.operation,
    ...wafRecords.operation,
    ...wafRuleSets.operation,
    ...wafGeoDatabases.operation,
    listSites: "列出站点",
    getSite: "查看站点",
    createSite: "创建站点",
    updateSite: "修改站点",
    deleteSite: "删除站点",
    listExclusions: "列出排除规则",
    createExclusion: "创建排除规则",
    deleteExclusion: "删除排除规则",
    listListEntries: "列出放行与封禁的来源",
    createListEntry: "放行或封禁来源",
    deleteListEntry: "删除放行或封禁的来源",
    listRules: "列出规则",
    explainRequest: "解释请求",
  },
  problem: {
    ...wafPolicy.problem,
    ...wafRecords.problem,
    requestMissing: [
      "没有可解释的请求",
      "请填写目标（如 /search?q=x），或在 event 中填写已存储请求的编号",
    ],
    requestNotFound: [
      "此站点没有这个编号的已存储请求",
      "请使用响应中的 X-Request-Id 或事件编号；详情保留 30 天",
    ],
    lakeUnavailable: ["事件库暂时无响应", "请几秒后重试；数据没有丢失"],
    ...wafRuleSets.problem,
    ...wafGeoDatabases.problem,
    siteNotFound: ["没有这个站点", "请列出站点，并使用其中的编号"],
    domainTaken: ["此站点的某个域名已由另一个站点提供服务", "请先从那里移除该域名，或不要在此填写"],
    siteLimit: ["此账户的站点数已达上限", "请删除不用的站点，或把域名加到其他站点"],
    upstreamInvalid: ["某个上游不可用", "只填写协议、主机和端口，例如 http://127.0.0.1:3000"],
    cidrInvalid: [
      "某个地址或网段无法识别",
      "请填写 IPv4 或 IPv6 地址，或网段，例如 203.0.113.0/24",
    ],
    exclusionNotFound: ["没有这条排除规则", "请列出排除规则，并使用其中的编号"],
    exclusionLimit: ["此站点的排除规则数已达上限", "请删除不再需要的排除规则"],
    exclusionExists: ["相同的排除规则已存在", "无需处理；请列出此站点的排除规则"],
    variableUnknown: [
      "没有规则会读取这个名称的变量",
      "请使用某个请求命中的变量，例如 ARGS:q 或 REQUEST_COOKIES:sid",
    ],
    listEntryNotFound: ["没有这个条目", "请列出条目，并使用其中的编号"],
    listLimit: ["此账户的名单条目数已达上限", "请使用网段，或删除不需要的条目"],
    rulesUnavailable: [
      "本机没有安装规则集",
      "请运行 ./cordon doctor，它会说明如何安装 OWASP 核心规则集",
    ],
  },
};
