/** What events of identities say that somebody should be told of at once. */
import { type Texts, tellerOf } from "../../lib/coded-text.ts";

/** All of them, by code. */
export const iamTexts = {
  "iam.rootOpened": [
    "{principalName} opened the root user until {untilTime}: {reason}",
    "{principalName} 开放了根用户，直到 {untilTime}：{reason}",
  ],
} as const satisfies Texts;
export const tell = tellerOf(iamTexts);
