/** Words of requests that are kept whole. Part of the WAF's words. */
import type { ServiceWords } from "../words.ts";

export const wafRecords: ServiceWords = {
  resource: { requestRecords: ["Request records", "请求记录"] },
  about: {
    requestRecords: [
      "An event tells of a request without its header fields and body. With records a false positive, that of a form above all, can be explained as it came, against the rules as they are or with a change.",
      "事件中没有请求头和请求体。启用请求记录后，可按原样解释误报（尤其是表单提交的误报），既可用当前规则，也可试用修改。",
    ],
  },
  hint: {
    recordedRequests: [
      "Of requests that rules flag: all header fields and the beginning of the body, beside the event",
      "对规则命中的请求，除事件外还保存全部请求头和请求体的开头部分",
    ],
    bodyBytesMax: ["So much of each body; 0: none of it", "每个请求体保存的长度；0 为不保存"],
    hiddenNames: [
      "Header fields, form fields and members of JSON whose values are never kept, beside passwords, tokens, cards and cookies",
      "除密码、令牌、银行卡和 Cookie 外，另有哪些请求头、表单字段或 JSON 成员的值绝不保存",
    ],
    daysKept: ["Then a record is deleted, 1 to 30", "到期后记录被删除，1 至 30"],
  },
  field: {
    requestRecords: ["Request records", "请求记录"],
    recordedRequests: ["Kept whole", "完整保存"],
    bodyBytesMax: ["Bytes of a body at most", "请求体最多字节数"],
    hiddenNames: ["Further names to hide", "另需隐藏的名称"],
    daysKept: ["Days kept", "保存天数"],
    replayed: ["Replayed", "重放的请求"],
    lacks: ["Not as it came", "与原请求的差别"],
    isHidden: ["Hidden", "已隐藏"],
  },
  value: {
    flagged: ["Requests that rules flag", "规则命中的请求"],
    whole: ["Whole", "完整"],
    cut: ["Only its beginning is kept", "只保存了开头部分"],
    notRead: ["The rules had not read it", "规则没有读取"],
    notText: ["Only its length is kept", "只保存了长度"],
    record: ["Its record", "请求记录"],
    unmatchedParts: [
      "Headers and parts of the body that met no rule are not kept in its event, nor were they run",
      "事件中没有保存未命中规则的请求头和请求体部分，也没有重放",
    ],
    recordNotAllowed: [
      "A record of the whole request takes the right waf:ReadRequestRecord",
      "读取完整的请求记录需要 waf:ReadRequestRecord 权限",
    ],
    noRecord: [
      "No record of the whole request was kept, or its time is over",
      "没有保存完整的请求记录，或记录已到期",
    ],
    valuesHidden: ["Values of secrets were run as asterisks", "机密的值以星号代替后重放"],
    bodyCut: ["Of the body only the beginning is kept and was run", "请求体只保存并重放了开头部分"],
    bodyNotRead: [
      "The rules had not read the body, and it is not kept",
      "规则没有读取请求体，因此没有保存",
    ],
    bodyNotText: [
      "The body is no text that can be kept without its secrets, and was not run",
      "请求体不是能去除机密后保存的文本，没有重放",
    ],
  },
  operation: { readRequestRecord: "读取请求记录" },
  problem: {
    requestRecordNotFound: [
      "此站点没有这个请求的记录",
      "请在站点策略中启用 requestRecords；此后规则命中的请求会被保存",
    ],
  },
};
