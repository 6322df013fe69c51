import type { ServiceWords } from "../words.ts";

export const fleet: ServiceWords = {
  resource: { joinToken: ["Join a node", "接入节点"] },
  about: {
    node: [
      "A node is a gateway or host that enforces what is decided here. One joins with a one-time token.",
      "节点是执行此处决策的网关或主机，使用一次性令牌接入。",
    ],
    joinToken: [
      "A token works once, for 30 minutes. The node uses it to get its own certificate.",
      "令牌只能使用一次，有效期 30 分钟。节点用它获取自己的证书。",
    ],
  },
  field: { token: ["Token", "令牌"] },
  operation: {
    getHealth: "查看健康状况",
    listNodes: "列出节点",
    getNode: "查看节点",
    readMetrics: "读取指标",
    createJoinToken: "创建接入令牌",
    removeNode: "移除节点",
  },
  problem: {
    nodeNotFound: ["没有这个节点", "请列出节点，并使用其中的编号"],
  },
};
