import type { ServiceWords } from "../words.ts";

export const account: ServiceWords = {
  about: {
    guardrail: [
      "A guardrail limits what anybody in some accounts may do, whatever their policies say.",
      "护栏限制某些账户中任何人的权限，不论其策略如何。",
    ],
    account: [
      "An account is a tenant: nothing of one is visible to another.",
      "账户即租户：一个账户的内容对其他账户不可见。",
    ],
  },
  operation: {
    getSetup: "查看初始化状态",
    completeSetup: "完成初始化",
    listAccounts: "列出账户",
    getAccount: "查看账户",
    createAccount: "创建账户",
    listGuardrails: "列出护栏",
    createGuardrail: "创建护栏",
    deleteGuardrail: "删除护栏",
  },
  problem: {
    setupTokenInvalid: [
      "初始化链接无效或已使用",
      "请使用 ./cordon up 最近打印的链接；每次启动都会生成新的链接",
    ],
    operatorOnly: ["只有运营者账户可以执行此操作", "请登录初始化时创建的账户"],
    accountNotFound: ["没有这个账户", "请列出账户，并使用其中的编号"],
    accountNameTaken: ["已有同名账户", "请换一个名称"],
    guardrailNotFound: ["没有这个护栏", "请列出护栏，并使用其中的编号"],
    guardrailInvalid: ["护栏的文档不可用", "请按详情中的路径修正错误"],
    guardrailNameTaken: ["已有同名护栏", "请换一个名称"],
    guardrailLimit: ["护栏数量已达上限", "请删除一个，或把两个护栏的语句合并"],
  },
};
