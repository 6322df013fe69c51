/** Words in the chosen language, for our own components and for the library's. */
import { I18nProvider } from "@cloudscape-design/components/i18n";
import { createContext, type ReactNode, useContext, useEffect, useMemo, useState } from "react";
import type { Operation } from "../../src/kernel/operation.ts";
import { type Language, type LoadedWords, languageOf, loadWords } from "./messages/load-words.ts";
import { titleOfKey } from "./messages/operation-title.ts";
import type { UiKey, Vocabulary } from "./messages/vocabulary.ts";
import { usePreference } from "./preferences.ts";
import { quantityText } from "./quantities.ts";
import { relativeText, timeFormat, type Zone } from "./times.ts";
import { type Item, toldField } from "./told.ts";

export type { Language } from "./messages/load-words.ts";
export type { UiKey } from "./messages/vocabulary.ts";

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
  /**
   * A field of an item as it is told in the chosen language: a text that Cordon composed by its
   * code, what has none or an unknown one as it came.
   */
  told(item: Item, field: string): unknown;
  /** In the chosen zone. */
  timeText(time: string): string;
  /** Both zones and the age, for where the pointer rests. */
  timeTip(time: string): string;
  /** How long ago, such as "2 hours ago". */
  agoText(time: string): string;
  numberText(number: number): string;
  /** A number of seconds or bytes, told by its field's name, in a larger unit; else "". */
  quantityText(field: string, number: number): string;
  /** The same, with a service's own words for fields and values before the shared ones. */
  of(service: string): Words;
};
type ProblemTexts = { readonly message: string; readonly fix: string };

function fill(text: string, values: Values): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}

function lookUp(group: Readonly<Record<string, string>>, key: string): string {
  return Object.hasOwn(group, key) ? (group[key] ?? key) : key;
}

type Choice = Pick<Words, "language" | "setLanguage" | "zone" | "setZone">;

function wordsOf(choice: Choice, messages: Vocabulary, service = ""): Words {
  const { language, zone } = choice;
  const own = messages.own[service];
  const fields = { ...messages.field, ...own?.field };
  const values = { ...messages.value, ...own?.value };
  const shown = timeFormat(language, zone);
  const local = timeFormat(language, "local");
  const numbers = new Intl.NumberFormat(language);
  return {
    ...choice,
    t: (key, values = {}) => fill(messages.ui[key], values),
    label: (field) => (Object.hasOwn(fields, field) ? (fields[field] ?? field) : titleOfKey(field)),
    valueText: (value) => lookUp(values, value),
    resourceTitle: (resource) => lookUp(messages.resource, resource),
    about: (resource) => messages.about[resource] ?? "",
    hint: (field) => own?.hint[field] ?? "",
    operationTitle: ({ name }) =>
      messages.operation[name] ?? titleOfKey(name.split(".")[1] ?? name),
    problemTexts: ({ reason, message, fix }) => messages.problem[reason] ?? { message, fix },
    told: (item, field) => toldField(messages.text, item, field),
    timeText: (time) => shown.format(new Date(time)),
    timeTip: (time) => {
      const date = new Date(time);
      const utc = date.toISOString().replace("T", " ").replace("Z", " UTC");
      return `${relativeText(language, date, new Date())} · ${local.format(date)} · ${utc}`;
    },
    agoText: (time) => relativeText(language, new Date(time), new Date()),
    numberText: (number) => numbers.format(number),
    quantityText: (field, number) => quantityText(language, field, number),
    of: (other) => wordsOf(choice, messages, other),
  };
}

const WordsContext = createContext<Words | undefined>(undefined);

/** The words of the chosen language. */
export function useWords(): Words {
  const words = useContext(WordsContext);
  if (words === undefined) throw new Error("Words are used outside of LanguageProvider");
  return words;
}

/** What is inside is about one service: its own words come first. */
export function WordsOf({ service, children }: { service: string; children: ReactNode }) {
  const words = useWords();
  const own = useMemo(() => words.of(service), [words, service]);
  return <WordsContext.Provider value={own}>{children}</WordsContext.Provider>;
}

export function LanguageProvider({ children }: { children: ReactNode }) {
  const [stored, setLanguage] = usePreference("language");
  const [zoneText, setZone] = usePreference("zone");
  const language = languageOf(stored);
  const [loaded, setLoaded] = useState<LoadedWords>();
  useEffect(() => {
    document.documentElement.lang = language;
    let current = true;
    void loadWords(language).then((words) => current && setLoaded(words));
    return () => {
      current = false;
    };
  }, [language]);
  if (loaded === undefined) return null;
  const choice: Choice = {
    language: loaded.language,
    setLanguage,
    zone: zoneText === "utc" ? "utc" : "local",
    setZone,
  };
  return (
    <I18nProvider locale={loaded.language} messages={[loaded.library]}>
      <WordsContext.Provider value={wordsOf(choice, loaded.own)}>{children}</WordsContext.Provider>
    </I18nProvider>
  );
}
