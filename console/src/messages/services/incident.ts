import type { ServiceWords } from "../words.ts";

export const incident: ServiceWords = {
  resource: { automaticResponse: ["Automatic response", "自动响应"] },
  about: {
    incident: [
      "An incident gathers what one attacker did to one site. None means that no attack was seen.",
      "安全事件汇集一个攻击者对一个站点的行为。没有条目表示没有发现攻击。",
    ],
    finding: [
      "A finding is one kind of attack by one source on one site, with the events that show it.",
      "发现是同一来源对同一站点的同一类攻击，以及能够证明它的事件。",
    ],
    response: [
      "A response blocks a source for some time. It ends by itself and can be undone.",
      "响应在一段时间内封禁来源，到期自动结束，也可以撤销。",
    ],
    automaticResponse: [
      "Blocks a source without a person when its summed score on a site reaches the threshold within the window. The block ends by itself and can be undone like any other.",
      "当来源在时间窗口内对某个站点的累计评分达到阈值时，无需人工即封禁该来源。封禁到期自动结束，也可以像其他响应一样撤销。",
    ],
  },
  field: {
    actor: ["By", "执行者"],
    detail: ["Detail", "详情"],
    incident: ["Incident", "安全事件"],
    timeline: ["Timeline", "时间线"],
    responses: ["Responses", "响应"],
    entry: ["Entry", "记录"],
    row: ["Event", "事件"],
    scoreThreshold: ["Score that triggers a block", "触发封禁的评分"],
    windowSeconds: ["Window (seconds)", "时间窗口（秒）"],
    blockSeconds: ["Block for (seconds)", "封禁时长（秒）"],
  },
  hint: {
    cidr: ["Such as 203.0.113.9 or 203.0.113.0/24", "例如 203.0.113.9 或 203.0.113.0/24"],
  },
  value: {
    finding: ["Finding", "发现"],
    response: ["Response", "响应"],
    note: ["Note", "备注"],
    status: ["Status", "状态"],
    sqli: ["SQL injection", "SQL 注入"],
    xss: ["Cross-site scripting", "跨站脚本"],
    rce: ["Command execution", "命令执行"],
    lfi: ["File access", "文件读取"],
    rfi: ["Remote file inclusion", "远程文件包含"],
    php: ["PHP injection", "PHP 注入"],
    scanner: ["Scanner", "扫描器"],
    java: ["Java attack", "Java 攻击"],
    injection: ["Code injection", "代码注入"],
    fixation: ["Session fixation", "会话固定"],
    leak: ["Data leak", "数据泄露"],
    tamper: ["Changed page", "网页篡改"],
    protocol: ["Protocol violation", "协议违规"],
    generic: ["Attack", "攻击"],
  },
  operation: {
    listIncidents: "列出安全事件",
    getIncident: "查看安全事件",
    updateIncident: "更新安全事件",
    listFindings: "列出发现",
    listResponses: "列出响应",
    blockSource: "封禁来源",
    revokeResponse: "撤销响应",
    getAutomaticResponse: "查看自动响应",
    setAutomaticResponse: "设置自动响应",
  },
  problem: {
    incidentNotFound: ["没有这个安全事件", "请列出安全事件，并使用其中的编号"],
    siteNotFound: ["没有这个站点", "请列出站点，并使用其中的编号"],
    cidrInvalid: [
      "该地址或网段不可用",
      "请填写地址，例如 203.0.113.7，或不大于 /16（IPv4）或 /32（IPv6）的网段",
    ],
    responseNotFound: ["没有这个响应", "请列出响应，并使用其中的编号"],
    responseNotActive: ["该响应已不再生效", "无需处理"],
  },
};
