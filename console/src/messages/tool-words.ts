/** Words of what every page shares, both languages side by side. */
import type { Pairs } from "./words.ts";

export const toolWords = {
  localTime: ["Local time", "本地时间"],
  utcTime: ["UTC", "UTC"],
} as const satisfies Pairs;
