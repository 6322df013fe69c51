import type { ServiceWords } from "../words.ts";

export const audit: ServiceWords = {
  about: {
    entry: [
      "Every call of the API, recorded before it was answered.",
      "每次 API 调用，都在应答之前记录。",
    ],
  },
  operation: {
    listEntries: "列出审计条目",
    getEntry: "查看审计条目",
    getCheckpoint: "查看检查点",
  },
  problem: {
    entryElsewhere: [
      "此条目保存在另一个控制平面的日志中，由它提供证明",
      "请向条目编号开头所指的控制平面查询",
    ],
    entryNotFound: ["没有这个审计条目", "请列出条目，并使用其中的序号"],
  },
};
