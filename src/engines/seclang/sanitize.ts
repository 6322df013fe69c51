/**
 * `sanitiseArg` and its like: what a rule set calls secret is not told. Rules see it; reports of
 * matches have asterisks in its place, also those of matches before.
 */
import type { Collection } from "./collection.ts";
import type { Hidden, Secret } from "./secret.ts";
import type { RuleMatch, State } from "./state.ts";
import { urlDecode } from "./transformations/url.ts";

const limits = { namesMax: 256, textsMax: 16, textCharsMin: 3 } as const;

/** Notes what is secret from now on. */
export function hide(state: State, secrets: readonly Secret[]): void {
  state.hidden ??= { names: new Set(), texts: new Set() };
  const { names, texts } = state.hidden;
  for (const secret of secrets) {
    if (names.size >= limits.namesMax) return;
    if (secret.kind !== "matched") for (const name of namesOf(secret)) names.add(name);
    else {
      const variable = state.matchedName.toLowerCase();
      const named = ofVariable(variable);
      for (const name of named ?? [variable]) names.add(name);
      if (named === undefined && texts.size < limits.textsMax) texts.add(state.matchedValue);
    }
  }
}

function namesOf({ kind, name }: Exclude<Secret, { kind: "matched" }>): string[] {
  const lowered = name.toLowerCase();
  if (kind === "argument") {
    return ["args", "args_get", "args_post"].map((variable) => `${variable}:${lowered}`);
  }
  return [`${kind === "requestHeader" ? "request_headers" : "response_headers"}:${lowered}`];
}

/**
 * Names under which the value of an argument or a header is found; of a name it is the value that
 * it names. Undefined for another variable.
 */
function ofVariable(variable: string): string[] | undefined {
  const [, kind, name = ""] =
    /^(args|request_headers|response_headers)[a-z_]*:(.*)$/s.exec(variable) ?? [];
  if (kind === undefined) return undefined;
  if (kind === "args") return namesOf({ kind: "argument", name });
  return [`${kind}:${name}`];
}

const stars = (text: string): string => "*".repeat(text.length);

/** The text without the secret, and without the part of it where the text was cut. */
function without(text: string, secret: string): string {
  const masked = text.replaceAll(secret, stars(secret));
  const first = secret.charCodeAt(0);
  const last = secret.charCodeAt(secret.length - 1);
  let from = 0;
  let to = masked.length;
  for (let at = 0; at < masked.length; at += 1) {
    const code = masked.charCodeAt(at);
    if (code === last && secret.endsWith(masked.slice(0, at + 1))) from = at + 1;
    if (code === first && to > at && secret.startsWith(masked.slice(at))) to = at;
  }
  const isPart = (length: number): boolean => length >= limits.textCharsMin;
  const start = isPart(from) ? from : 0;
  const end = isPart(masked.length - to) ? Math.max(to, start) : masked.length;
  return stars(masked.slice(0, start)) + masked.slice(start, end) + stars(masked.slice(end));
}

/** The matches as they may be told. */
export function toldMatches(state: State): readonly RuleMatch[] {
  const { hidden, matches } = state;
  if (hidden === undefined) return matches;
  const texts = [...hidden.texts, ...textsOf(state, hidden.names)]
    .filter((text) => text.length >= limits.textCharsMin)
    .sort((a, b) => b.length - a.length);
  // Of too many secrets none is looked for: nothing is told then.
  const masked = (text: string): string =>
    texts.length > limits.textsMax ? stars(text) : texts.reduce(without, text);
  return matches.map((match) => {
    const isSecret = isHidden(hidden, match.variable.toLowerCase());
    const hideAll = isSecret ? stars : masked;
    return {
      ...match,
      value: hideAll(match.value),
      logData: hideAll(match.logData),
      message: masked(match.message),
    };
  });
}

function isHidden({ names }: Hidden, variable: string): boolean {
  if (names.has(variable)) return true;
  return names.has("request_headers:cookie") && variable.startsWith("request_cookies:");
}

/** Values of the hidden names, which other variables such as REQUEST_URI may hold as well. */
function textsOf(state: State, names: ReadonlySet<string>): string[] {
  const of = (variable: string, { lowered, values }: Collection): string[] =>
    values.flatMap(({ text }, at) => (names.has(`${variable}:${lowered[at] ?? ""}`) ? [text] : []));
  return [
    ...of("args", state.argsGet),
    ...of("args", state.argsPost),
    ...of("request_headers", state.headers),
    ...of("response_headers", state.responseHeaders),
    ...encodedTexts(state, names),
  ];
}

/** Values of hidden arguments as they were sent, where that is encoded. */
function encodedTexts(state: State, names: ReadonlySet<string>): string[] {
  const sent = [state.queryString, state.requestBody].filter((text) => /[%+]/.test(text));
  return sent
    .flatMap((text) => text.split(state.ruleset.settings.argumentSeparator))
    .flatMap((pair) => {
      const equals = pair.indexOf("=");
      if (equals === -1 || !/[%+]/.test(pair.slice(equals))) return [];
      const name = urlDecode(pair.slice(0, equals)).toLowerCase();
      return names.has(`args:${name}`) ? [pair.slice(equals + 1)] : [];
    });
}
