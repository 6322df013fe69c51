import type { ServiceWords } from "../words.ts";

export const sts: ServiceWords = {
  about: {
    roleSession: [
      "A role session is a role taken on for a while, with keys that end by themselves.",
      "角色会话是暂时承担的角色，其密钥会自行失效。",
    ],
  },
  operation: {
    assumeRole: "承担角色",
    listRoleSessions: "列出角色会话",
    revokeRoleSession: "撤销角色会话",
  },
  problem: {
    assumeRefused: [
      "没有这个角色，或它在这些条件下不信任您",
      "角色的所有者能看到信任文档，可以加入您，或告诉您外部编号",
    ],
    durationTooLong: ["角色不允许这么长的会话", "请减少秒数；从角色开始的会话最长一小时"],
    sessionPolicyInvalid: ["会话策略不可用", "请按详情中的路径修正错误；此处不接受 Cedar 文本"],
    roleSessionNotFound: ["没有这个角色会话", "它可能已经结束；请列出角色会话"],
  },
};
