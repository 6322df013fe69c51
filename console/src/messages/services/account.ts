import type { ServiceWords } from "../words.ts";

export const account: ServiceWords = {
  about: {
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
  },
  problem: {
    setupTokenInvalid: [
      "初始化链接无效或已使用",
      "请使用 ./cordon up 最近打印的链接；每次启动都会生成新的链接",
    ],
    operatorOnly: ["只有运营者账户可以执行此操作", "请登录初始化时创建的账户"],
    accountNotFound: ["没有这个账户", "请列出账户，并使用其中的编号"],
    accountNameTaken: ["已有同名账户", "请换一个名称"],
  },
};
