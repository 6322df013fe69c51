/** What this service says of nodes. */
import { type Texts, tellerOf } from "../../lib/coded-text.ts";

/** All of them, by code. */
export const fleetTexts = {
  "fleet.nodeSilent": ["It was not heard for more than a minute", "已超过一分钟没有收到其消息"],
  "fleet.lookAtNode": [
    "see ./cordon status and ./cordon logs",
    "请查看 ./cordon status 和 ./cordon logs",
  ],
} as const satisfies Texts;
export const tell = tellerOf(fleetTexts);
