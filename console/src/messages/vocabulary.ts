/** All words of one language, gathered from the message files and from the contracts. */
import { en } from "./en.ts";
import { pageWords } from "./page-words.ts";
import { serviceWords } from "./services/index.ts";
import { toolWords } from "./tool-words.ts";
import { type ServiceWords, side } from "./words.ts";
import { zhCN } from "./zh-CN.ts";

export type UiKey = keyof typeof en.ui | keyof typeof pageWords | keyof typeof toolWords;
type Texts = Readonly<Record<string, string>>;

export type Vocabulary = {
  readonly ui: Readonly<Record<UiKey, string>>;
  readonly resource: Texts;
  readonly about: Texts;
  readonly field: Texts;
  readonly hint: Texts;
  readonly value: Texts;
  /** Title of an operation by its name, such as `waf.createSite`. */
  operation(name: string): string;
  /** By reason; English stands in the contracts, and the server sends it. */
  readonly problem: Readonly<Record<string, { readonly message: string; readonly fix: string }>>;
};

const ACRONYMS =
  /\b(?:acme|api|aws|ca|dns|http|ip|json|kms|mfa|ocsp|oidc|pki|scim|smtp|tls|url)\b/g;

/** "createJoinToken" → "Create join token"; "createAcmeProvider" → "Create ACME provider". */
export function titleOfKey(key: string): string {
  const words = key
    .replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)
    .replace(ACRONYMS, (word) => word.toUpperCase());
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function gathered(group: "resource" | "about" | "field" | "hint" | "value", at: 0 | 1): Texts {
  return Object.assign({}, ...services().map((words) => side(words[group] ?? {}, at)));
}

const services = (): readonly ServiceWords[] => Object.values(serviceWords);

function chineseProblems(): Vocabulary["problem"] {
  const entries = Object.entries(serviceWords).flatMap(([service, { problem }]) =>
    Object.entries(problem).map(([name, [message, fix]]) => [
      `${service}.${name}`,
      { message, fix },
    ]),
  );
  return Object.fromEntries(entries);
}

function operationTitle(language: string, name: string): string {
  const [service = "", key = ""] = name.split(".");
  const chinese = language === "zh-CN" ? serviceWords[service]?.operation[key] : undefined;
  return chinese ?? titleOfKey(key);
}

/** The words of a language. */
export function vocabulary(language: "en" | "zh-CN"): Vocabulary {
  const at = language === "en" ? 0 : 1;
  const base = language === "en" ? en : zhCN;
  return {
    ui: { ...base.ui, ...side(pageWords, at), ...side(toolWords, at) },
    resource: { ...gathered("resource", at), ...base.resource },
    about: gathered("about", at),
    field: { ...gathered("field", at), ...base.field },
    hint: gathered("hint", at),
    value: { ...gathered("value", at), ...base.value },
    operation: (name) => operationTitle(language, name),
    problem: language === "en" ? {} : chineseProblems(),
  };
}
