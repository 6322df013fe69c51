import type { ServiceWords } from "../words.ts";

export const iam: ServiceWords = {
  about: {
    user: [
      "A user signs in with a password and may do what its policies allow.",
      "用户使用密码登录，权限由其策略决定。",
    ],
    policy: [
      "A policy says which actions are allowed or denied on which resources.",
      "策略说明对哪些资源允许或拒绝哪些操作。",
    ],
    bearerKey: [
      "A bearer key lets a script or the command line call the API as a user.",
      "访问令牌让脚本或命令行以某个用户的身份调用 API。",
    ],
    session: [
      "Each browser that is signed in has a session. Ending one signs that browser out.",
      "每个已登录的浏览器有一个会话，结束会话即让该浏览器退出。",
    ],
  },
  field: {
    explanation: ["Explanation", "说明"],
    statement: ["Statement", "语句"],
  },
  value: {
    user: ["User", "用户"],
    service: ["Service", "服务"],
  },
  operation: {
    signIn: "登录",
    signOut: "退出登录",
    getCaller: "查看调用者",
    listUsers: "列出用户",
    getUser: "查看用户",
    createUser: "创建用户",
    updateUser: "修改用户",
    deleteUser: "删除用户",
    listBearerKeys: "列出访问令牌",
    createBearerKey: "创建访问令牌",
    deleteBearerKey: "删除访问令牌",
    listSessions: "列出会话",
    revokeSession: "结束会话",
    listPolicies: "列出策略",
    getPolicy: "查看策略",
    createPolicy: "创建策略",
    updatePolicy: "修改策略",
    deletePolicy: "删除策略",
    listActions: "列出操作权限",
    simulatePolicy: "模拟策略",
  },
  problem: {
    signInFailed: ["账户、用户名或密码不正确", "请检查这三项；多次失败后请等待一分钟"],
    userNotFound: ["没有这个用户", "请列出用户，并使用其中的编号"],
    userNameTaken: ["已有同名用户", "请换一个名称"],
    lastAdministrator: ["这会使账户没有管理员", "请先把 Administrator 策略授予另一个已启用的用户"],
    bearerKeyNotFound: ["没有这个访问令牌", "请列出访问令牌，并使用其中的编号"],
    bearerKeyLimit: [
      "此用户的访问令牌数已达上限",
      "请删除不用的令牌；列表显示每个令牌的最近使用时间",
    ],
    sessionNotFound: ["没有这个会话", "它可能已经结束；请列出会话"],
    policyNotFound: ["没有这个策略", "请列出策略，并使用其中的编号"],
    policyNameTaken: ["已有同名策略", "请换一个名称"],
    policyInvalid: ["策略文档不可用", "请按详情中的路径修正错误"],
    policyManaged: ["此策略由 Cordon 内置，不能修改", "请创建您自己的策略并写入需要的语句"],
    policyInUse: ["此策略正被用户使用", "请先从这些用户移除它"],
  },
};
