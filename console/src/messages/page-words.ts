/** Words of single pages, both languages side by side. */
import type { Pairs } from "./words.ts";

export const pageWords = {
  neededRight: ["It takes", "需要权限"],
  onResource: ["on", "，资源"],
  askWhy: ["Why was this denied?", "为什么被拒绝？"],
} as const satisfies Pairs;
