/** Words in the chosen language, for our own components and for the library's. */
import { I18nProvider, type I18nProviderProps } from "@cloudscape-design/components/i18n";
import { createContext, type ReactNode, useContext, useEffect, useState } from "react";
import { en, type Messages } from "./messages/en.ts";
import { zhCN } from "./messages/zh-CN.ts";

export type Language = "en" | "zh-CN";
export type UiKey = keyof Messages["ui"];
type Values = Readonly<Record<string, string | number>>;

const STORED = "cordon.language";

type Words = {
  readonly language: Language;
  setLanguage(language: Language): void;
  t(key: UiKey, values?: Values): string;
  label(field: string): string;
  valueText(value: string): string;
  resourceTitle(resource: string): string;
  timeText(time: string): string;
  numberText(number: number): string;
};

function fill(text: string, values: Values): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}

function lookUp(group: Readonly<Record<string, string>>, key: string): string {
  return Object.hasOwn(group, key) ? (group[key] ?? key) : key;
}

function wordsOf(language: Language, setLanguage: (language: Language) => void): Words {
  const messages: Messages = language === "en" ? en : zhCN;
  const times = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "medium" });
  const numbers = new Intl.NumberFormat(language);
  return {
    language,
    setLanguage,
    t: (key, values = {}) => fill(messages.ui[key], values),
    label: (field) => lookUp(messages.field, field),
    valueText: (value) => lookUp(messages.value, value),
    resourceTitle: (resource) => lookUp(messages.resource, resource),
    timeText: (time) => times.format(new Date(time)),
    numberText: (number) => numbers.format(number),
  };
}

const WordsContext = createContext<Words>(wordsOf("en", () => {}));

/** The words of the chosen language. */
export const useWords = (): Words => useContext(WordsContext);

function firstLanguage(): Language {
  const stored = localStorage.getItem(STORED) ?? navigator.language;
  return stored.startsWith("zh") ? "zh-CN" : "en";
}

async function libraryMessages(language: Language): Promise<I18nProviderProps.Messages> {
  const file =
    language === "en"
      ? await import("@cloudscape-design/components/i18n/messages/all.en")
      : await import("@cloudscape-design/components/i18n/messages/all.zh-CN");
  return file.default;
}

export function LanguageProvider({ children }: { children: ReactNode }) {
  const [language, setLanguage] = useState<Language>(firstLanguage);
  const [messages, setMessages] = useState<I18nProviderProps.Messages>();
  useEffect(() => {
    localStorage.setItem(STORED, language);
    document.documentElement.lang = language;
    void libraryMessages(language).then(setMessages);
  }, [language]);
  if (messages === undefined) return null;
  return (
    <I18nProvider locale={language} messages={[messages]}>
      <WordsContext.Provider value={wordsOf(language, setLanguage)}>
        {children}
      </WordsContext.Provider>
    </I18nProvider>
  );
}
