/** Words in the chosen language, for our own components and for the library's. */
import { I18nProvider, type I18nProviderProps } from "@cloudscape-design/components/i18n";
import { createContext, type ReactNode, useContext, useEffect, useState } from "react";
import type { Operation } from "../../src/kernel/operation.ts";
import { type UiKey, type Vocabulary, vocabulary } from "./messages/vocabulary.ts";
import { usePreference } from "./preferences.ts";
import { relativeText, timeFormat, type Zone } from "./times.ts";

export type { UiKey } from "./messages/vocabulary.ts";
export type Language = "en" | "zh-CN";
type Values = Readonly<Record<string, string | number>>;

type Words = {
  readonly language: Language;
  setLanguage(language: Language): void;
  readonly zone: Zone;
  setZone(zone: Zone): void;
  t(key: UiKey, values?: Values): string;
  label(field: string): string;
  valueText(value: string): string;
  resourceTitle(resource: string): string;
  /** What a resource is for; "" when nothing is written about it. */
  about(resource: string): string;
  /** What may stand in a field, in a few words; "" when its label says enough. */
  hint(field: string): string;
  operationTitle(operation: Operation): string;
  /** The texts of a problem by its reason; the server's own when there are none. */
  problemTexts(problem: ProblemTexts & { readonly reason: string }): ProblemTexts;
  /** In the chosen zone. */
  timeText(time: string): string;
  /** Both zones and the age, for where the pointer rests. */
  timeTip(time: string): string;
  numberText(number: number): string;
};
type ProblemTexts = { readonly message: string; readonly fix: string };

function fill(text: string, values: Values): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}

function lookUp(group: Readonly<Record<string, string>>, key: string): string {
  return Object.hasOwn(group, key) ? (group[key] ?? key) : key;
}

type Choice = Pick<Words, "language" | "setLanguage" | "zone" | "setZone">;

function wordsOf(choice: Choice, messages: Vocabulary): Words {
  const { language, zone } = choice;
  const shown = timeFormat(language, zone);
  const local = timeFormat(language, "local");
  const numbers = new Intl.NumberFormat(language);
  return {
    ...choice,
    t: (key, values = {}) => fill(messages.ui[key], values),
    label: (field) => lookUp(messages.field, field),
    valueText: (value) => lookUp(messages.value, value),
    resourceTitle: (resource) => lookUp(messages.resource, resource),
    about: (resource) => messages.about[resource] ?? "",
    hint: (field) => messages.hint[field] ?? "",
    operationTitle: ({ name }) => messages.operation(name),
    problemTexts: ({ reason, message, fix }) => messages.problem[reason] ?? { message, fix },
    timeText: (time) => shown.format(new Date(time)),
    timeTip: (time) => {
      const date = new Date(time);
      const utc = date.toISOString().replace("T", " ").replace("Z", " UTC");
      return `${relativeText(language, date, new Date())} · ${local.format(date)} · ${utc}`;
    },
    numberText: (number) => numbers.format(number),
  };
}

const WordsContext = createContext<Words>(
  wordsOf({ language: "en", setLanguage() {}, zone: "local", setZone() {} }, vocabulary("en")),
);

/** The words of the chosen language. */
export const useWords = (): Words => useContext(WordsContext);

function languageOf(stored: string): Language {
  return (stored || navigator.language).startsWith("zh") ? "zh-CN" : "en";
}

async function libraryMessages(language: Language): Promise<I18nProviderProps.Messages> {
  const file =
    language === "en"
      ? await import("@cloudscape-design/components/i18n/messages/all.en")
      : await import("@cloudscape-design/components/i18n/messages/all.zh-CN");
  return file.default;
}

export function LanguageProvider({ children }: { children: ReactNode }) {
  const [stored, setLanguage] = usePreference("language");
  const [zoneText, setZone] = usePreference("zone");
  const language = languageOf(stored);
  const [messages, setMessages] = useState<I18nProviderProps.Messages>();
  useEffect(() => {
    document.documentElement.lang = language;
    void libraryMessages(language).then(setMessages);
  }, [language]);
  if (messages === undefined) return null;
  const choice: Choice = {
    language,
    setLanguage,
    zone: zoneText === "utc" ? "utc" : "local",
    setZone,
  };
  return (
    <I18nProvider locale={language} messages={[messages]}>
      <WordsContext.Provider value={wordsOf(choice, vocabulary(language))}>
        {children}
      </WordsContext.Provider>
    </I18nProvider>
  );
}
