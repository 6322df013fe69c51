/** What events of tokens and their profiles say. */
import { type Texts, tellerOf } from "../../lib/coded-text.ts";

/** All of them, by code. */
export const encryptionTexts = {
  "encryption.tokenProfileCreated": ["tokenProfileCreated {name}", "已创建令牌配置 {name}"],
  "encryption.tokenProfileDeleted": ["tokenProfileDeleted {name}", "令牌配置 {name} 已删除"],
  "encryption.unknownTokensAsked": [
    "{unknown} of {asked} tokens that were asked for are not there",
    "查询的 {asked} 个令牌中有 {unknown} 个不存在",
  ],
} as const satisfies Texts;
export const tell = tellerOf(encryptionTexts);
