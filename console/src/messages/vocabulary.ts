/** All words of one language, gathered from the message files and from the contracts. */
import { composedTexts } from "../../../src/catalog.ts";
import { en } from "./en.ts";
import { eventTypeWords } from "./event-types.ts";
import { fieldWords } from "./field-words.ts";
import { pageWords } from "./page-words.ts";
import { serviceWords } from "./services/index.ts";
import { toolWords } from "./tool-words.ts";
import { type ServiceWords, side } from "./words.ts";
import { zhCN } from "./zh-CN.ts";

export type UiKey = keyof typeof en.ui | keyof typeof pageWords | keyof typeof toolWords;
type Texts = Readonly<Record<string, string>>;
/** Groups in which two services may have words of their own for one name. */
const GROUPS = ["field", "hint", "value"] as const;
type OwnWords = Readonly<Record<(typeof GROUPS)[number], Texts>>;

export type Vocabulary = {
  readonly ui: Readonly<Record<UiKey, string>>;
  readonly resource: Texts;
  readonly about: Texts;
  readonly field: Texts;
  readonly value: Texts;
  /** By service: its hints, and its words where they differ from those that all services share. */
  readonly own: Readonly<Record<string, OwnWords>>;
  /** Title of an operation by its name, such as `waf.createSite`, where its name is not enough. */
  readonly operation: Texts;
  /** By the code of a text that the server composed; values are filled in. */
  readonly text: Texts;
  /** By reason; English stands in the contracts, and the server sends it. */
  readonly problem: Readonly<Record<string, { readonly message: string; readonly fix: string }>>;
};

function gathered(group: "resource" | "about" | "field" | "value", at: 0 | 1): Texts {
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

/** Chinese titles by name; English ones are read from the names themselves. */
function chineseTitles(): Texts {
  const entries = Object.entries(serviceWords).flatMap(([service, { operation }]) =>
    Object.entries(operation).map(([key, title]) => [`${service}.${key}`, title]),
  );
  return Object.fromEntries(entries);
}

/** What a service says in other words than all of them together do. */
function ownWords(shared: Partial<OwnWords>, at: 0 | 1): Vocabulary["own"] {
  const differing = (words: ServiceWords, group: keyof OwnWords): Texts => {
    const entries = Object.entries(side(words[group] ?? {}, at));
    return Object.fromEntries(entries.filter(([key, text]) => shared[group]?.[key] !== text));
  };
  const entries = Object.entries(serviceWords).map(([service, words]) => [
    service,
    Object.fromEntries(GROUPS.map((group) => [group, differing(words, group)])),
  ]);
  return Object.fromEntries(entries);
}

/** The words of a language. */
export function vocabulary(language: "en" | "zh-CN"): Vocabulary {
  const at = language === "en" ? 0 : 1;
  const base = language === "en" ? en : zhCN;
  const shared = {
    field: { ...side(fieldWords, at), ...gathered("field", at), ...base.field },
    value: { ...gathered("value", at), ...side(eventTypeWords, at), ...base.value },
  };
  return {
    ui: { ...base.ui, ...side(pageWords, at), ...side(toolWords, at) },
    resource: { ...gathered("resource", at), ...base.resource },
    about: gathered("about", at),
    ...shared,
    own: ownWords(shared, at),
    text: side(composedTexts, at),
    operation: language === "en" ? {} : chineseTitles(),
    problem: language === "en" ? {} : chineseProblems(),
  };
}
