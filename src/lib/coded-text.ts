/**
 * Texts that Cordon composes and that people read in their own language: a code, the values that
 * it is about, and the English beside them for those who read neither.
 */

/** One whole text in both languages; what stands in braces is filled in. */
export type TextPair = readonly [english: string, chinese: string];
/** Texts by code, `<service>.<name>` as the reasons of problems are. */
export type Texts = Readonly<Record<string, TextPair>>;

/** A text without its words: enough to tell it in any language. */
export type Coded = {
  readonly code: string;
  readonly values: Readonly<Record<string, string>>;
};

/** A text in English, and how to tell it in another language; null for what was kept without. */
export type CodedText = { readonly text: string; readonly coded: Coded | null };

/** The names in braces of a text. */
type Places<Text extends string> = Text extends `${string}{${infer Name}}${infer Rest}`
  ? Name | Places<Rest>
  : never;

type ValuesFor<Text extends string> = { readonly [Name in Places<Text>]: string | number };

/** Fills a text in. What is filled in is not looked at again, so that it cannot hold places. */
export function filledIn(template: string, values: Readonly<Record<string, string>>): string {
  return template.replace(/\{(\w+)\}/g, (place, name: string) =>
    Object.hasOwn(values, name) ? (values[name] ?? place) : place,
  );
}

/** Composes the texts of a table: only its codes, and each with all of its values. */
export function tellerOf<const Told extends Texts>(texts: Told) {
  return <Code extends keyof Told & string>(
    code: Code,
    values: ValuesFor<Told[Code][0]>,
  ): CodedText => {
    const pair: TextPair = texts[code] ?? [code, code];
    const entries = Object.entries<string | number>(values);
    const told = Object.fromEntries(entries.map(([name, value]) => [name, String(value)]));
    return { text: filledIn(pair[0], told), coded: { code, values: told } };
  };
}

/** Languages that texts are kept in; the place of each in a pair. */
export const languages = ["en", "zh-CN"] as const;
export type Language = (typeof languages)[number];

/** The language of a reader who sent this `Accept-Language`: the first it names, else English. */
export const acceptedLanguage = (acceptLanguage: string): Language =>
  /^\s*zh\b/i.test(acceptLanguage) ? "zh-CN" : "en";

/** A text in a language, by the table of all texts; what has no words there is told in English. */
export function toldIn(texts: Texts, language: Language, { text, coded }: CodedText): string {
  if (language === "en" || coded === null || !Object.hasOwn(texts, coded.code)) return text;
  const template = texts[coded.code]?.[languages.indexOf(language)];
  return template === undefined ? text : filledIn(template, coded.values);
}

/** An event's message as it is kept and sent. */
export const messageFields = (message: string | CodedText) =>
  typeof message === "string"
    ? { message }
    : { message: message.text, messageCoded: message.coded };
