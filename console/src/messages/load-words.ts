/** The words of the chosen language: only that language is fetched, and each only once. */
import type { I18nProviderProps } from "@cloudscape-design/components/i18n";
import type { Vocabulary } from "./vocabulary.ts";

export type Language = "en" | "zh-CN";

export type LoadedWords = {
  readonly language: Language;
  readonly own: Vocabulary;
  /** The component library's own. */
  readonly library: I18nProviderProps.Messages;
};

/** The language that was chosen, or the browser's. */
export function languageOf(stored: string): Language {
  return (stored || navigator.language).startsWith("zh") ? "zh-CN" : "en";
}

async function english(): Promise<LoadedWords> {
  const [own, library] = await Promise.all([
    import("./all-english.ts"),
    import("@cloudscape-design/components/i18n/messages/all.en"),
  ]);
  return { language: "en", own: own.words, library: library.default };
}

async function chinese(): Promise<LoadedWords> {
  const [own, library] = await Promise.all([
    import("./all-chinese.ts"),
    import("@cloudscape-design/components/i18n/messages/all.zh-CN"),
  ]);
  return { language: "zh-CN", own: own.words, library: library.default };
}

/** Modules are kept by the browser, so that asking twice loads nothing twice. */
export const loadWords = (language: Language): Promise<LoadedWords> =>
  language === "en" ? english() : chinese();
