/** Secrets in forms and in the query and path of a target (application/x-www-form-urlencoded). */
import { jsonSecrets, looksLikeJson } from "./json.ts";
import type { IsSecret } from "./names.ts";
import { type Hidden, joined, moved } from "./ranges.ts";

/** The values of secrets, and those that are JSON with a secret in it. */
export function formSecrets(text: string, isSecret: IsSecret): Hidden[] {
  const hidden: Hidden[] = [];
  let start = 0;
  while (start < text.length) {
    const end = endOfPair(text, start);
    const pair = text.slice(start, end);
    const equals = pair.indexOf("=");
    if (equals >= 0) {
      const value = decoded(pair.slice(equals + 1));
      const isNested = looksLikeJson(value) && jsonSecrets(value, isSecret).length > 0;
      if (isNested || isSecret(decoded(pair.slice(0, equals)))) {
        hidden.push({ start: start + equals + 1, end });
      }
    }
    start = end + 1;
  }
  return hidden;
}

/** Line ends separate the pairs of text/plain. */
function endOfPair(text: string, start: number): number {
  const separator = /[&\r\n]/g;
  separator.lastIndex = start;
  return separator.exec(text)?.index ?? text.length;
}

const decoded = (text: string): string =>
  !/[+%]/.test(text)
    ? text
    : text
        .replaceAll("+", " ")
        .replace(/%([0-9a-fA-F]{2})/g, (_, code: string) =>
          String.fromCharCode(Number.parseInt(code, 16)),
        );

/** Secrets in a target or an absolute URL: user information, path parameters, query. */
export function targetSecrets(target: string, isSecret: IsSecret): Hidden[] {
  const hidden: Hidden[] = [];
  const question = target.indexOf("?");
  const path = question < 0 ? target : target.slice(0, question);
  const user = /^[A-Za-z][A-Za-z0-9+.-]*:\/\/([^/?#@]*)@/.exec(path);
  if (user?.[1] !== undefined) {
    const start = path.indexOf("//") + 2;
    hidden.push({ start, end: start + user[1].length });
  }
  for (const found of path.matchAll(/;([^;/=]{1,128})=([^;/]*)/g)) {
    const [whole, name = "", value = ""] = found;
    const end = found.index + whole.length;
    if (isSecret(decoded(name))) hidden.push({ start: end - value.length, end });
  }
  if (question >= 0) {
    hidden.push(...moved(formSecrets(target.slice(question + 1), isSecret), question + 1));
  }
  return joined(hidden);
}
