/** Words of the problems that any operation may answer with, and of the parts that alarm. */
import type { ServiceWords } from "../words.ts";

export const kernel: ServiceWords = {
  value: {
    disk: ["Disk", "磁盘"],
    audit: ["Audit log", "审计日志"],
    spool: ["Event spool", "事件缓冲"],
    keys: ["Keys", "密钥"],
    backup: ["Backup", "备份"],
  },
  operation: {},
  problem: {
    inputInvalid: ["请求有错误", "请按详情中的路径逐项修正；/v1/openapi.json 描述了每个字段"],
    unauthenticated: [
      "请求没有有效凭证",
      "请登录，或在请求头 Authorization: Bearer 中携带未过期的令牌",
    ],
    csrfTokenInvalid: [
      "请求缺少当前控制台会话的令牌",
      "请重新加载页面；脚本应使用访问令牌，而不是控制台的 Cookie",
    ],
    forbidden: ["调用者没有策略允许对此资源执行此操作", "请让账户管理员授予允许此操作的策略"],
    routeNotFound: ["没有此路径", "所有路径和方法见 /v1/openapi.json"],
    idempotencyKeyReused: ["该幂等键已用于另一个请求", "新的请求请使用新的键"],
    conflict: ["其他人同时修改了同一内容", "请重新读取后再次修改"],
    bodyTooLarge: ["请求体超过此操作允许的大小", "请减少内容或分多次发送"],
    rateLimited: ["此操作调用过于频繁", "请等待一分钟并降低调用频率"],
    internal: [
      "操作在 Cordon 内部失败，没有作任何更改",
      "请把请求编号交给此 Cordon 的运维人员；./cordon logs server 记录了原因",
    ],
    auditUnavailable: [
      "审计日志无法写入，因此操作被拒绝",
      "请在数据目录中释放磁盘空间；./cordon doctor 会说明缺少多少",
    ],
    freshMfaRequired: [
      "此操作需要 15 分钟内验证过的第二因素",
      "请用通行密钥或验证码确认，然后重试",
    ],
    mfaEnrollmentRequired: [
      "此账户要求第二因素，而您还没有",
      "请添加通行密钥或验证器应用，然后重新登录",
    ],
    operationUnsupported: [
      "Cordon 没有该厂商接口的这个操作",
      "docs/jdcloud-api.md 列出了有哪些操作，以及其他操作为何没有",
    ],
    diskFull: [
      "数据库所在磁盘已满，因此操作被拒绝",
      "请在数据目录中释放空间，之后会自动恢复；./cordon status 显示是哪个磁盘",
    ],
    databaseUnavailable: ["数据库暂时没有响应", "请几秒后重试；./cordon status 显示其状态"],
  },
};
