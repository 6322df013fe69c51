/** From an operator's name and argument to a test. Negation is the caller's. */
import { detectSqli, sqliBytes } from "../../injection/sqli.ts";
import { detectXss, xssBytes } from "../../injection/xss.ts";
import { compilePattern, type Pattern, type PatternMatch } from "../../regex/pattern.ts";
import { addressOperator } from "./addresses.ts";
import { checkedOperator, isCardNumber, isCpf, isRut, isSsn, isSvnr } from "./check-digits.ts";
import {
  integerOf,
  lowerAscii,
  NO_REQUIREMENT,
  type Operator,
  type OperatorMatch,
  type OperatorResources,
  whole,
  withLastMatch,
} from "./operator.ts";
import { phraseOperator, phrasesOf, phrasesOfFile } from "./phrases.ts";
import { byteRangeOperator, urlEncodingOperator, utf8Operator } from "./validate.ts";

export type { Operator, OperatorMatch, OperatorResources } from "./operator.ts";

type Compiled = Operator | { readonly error: string };
type Compile = (argument: string, resources: OperatorResources) => Compiled;

/** PCRE as the Core Rule Set is written for: dot matches newline, `^` and `$` only at the ends. */
const RX_FLAGS = { dotAll: true, multiline: false, ignoreCase: false } as const;

function numeric(compare: (left: number, right: number) => boolean): Compile {
  return (given) => {
    const fixed = integerOf(given);
    return {
      ...whole((value, argument) => compare(integerOf(value), integerOf(argument))),
      ...(given.includes("%{") ? {} : { number: (value: number) => compare(value, fixed) }),
    };
  };
}

/** A literal that the value must contain, when it has no macros. */
function literal(argument: string): Operator["required"] {
  const usable = argument !== "" && !argument.includes("%{");
  return usable ? { kind: "literals", literals: [lowerAscii(argument)] } : NO_REQUIREMENT;
}

function checked(check: (text: string) => boolean): Compile {
  return (argument) => {
    const pattern = patternOf(argument);
    return "error" in pattern ? pattern : checkedOperator(pattern, check);
  };
}

/** `@validateNid cl REGEX`, as Coraza has it. */
function compileNationalId(argument: string, resources: OperatorResources): Compiled {
  const [country = "", source = ""] = argument.split(/\s+(.*)/s);
  const check = country === "cl" ? isRut : country === "us" ? isSsn : undefined;
  if (check === undefined) return { error: `knows no numbers of the country "${country}"` };
  return checked(check)(source, resources);
}

function found(start: number, length: number) {
  return start === -1 ? undefined : { start, end: start + length };
}

function fileOperator(make: (text: string) => Compiled): Compile {
  return (argument, resources) => {
    const texts: string[] = [];
    for (const name of argument.split(/\s+/).filter((one) => one !== "")) {
      const text = resources.dataFile(name);
      if (text === undefined) return { error: `there is no data file "${name}"` };
      texts.push(text);
    }
    return make(texts.join("\n"));
  };
}

const pmFromFile = fileOperator((text) => phraseOperator(phrasesOfFile(text)));
const ipMatchFromFile = fileOperator((text) => addressOperator(phrasesOfFile(text)));

const operators: Readonly<Record<string, Compile>> = {
  rx: compileRx,
  rxglobal: compileRxGlobal,
  pm: (argument) => phraseOperator(phrasesOf(argument)),
  pmf: pmFromFile,
  pmfromfile: pmFromFile,
  ipmatch: (argument) => addressOperator(argument.split(",").map((one) => one.trim())),
  ipmatchf: ipMatchFromFile,
  ipmatchfromfile: ipMatchFromFile,
  contains: (given) => ({
    required: literal(given),
    match: (value, argument) => found(value.indexOf(argument), argument.length),
  }),
  strmatch: (given) => ({
    required: literal(given),
    match: (value, argument) => found(value.indexOf(argument), argument.length),
  }),
  containsword: (given) => ({ required: literal(given), match: findWord }),
  beginswith: (given) => ({
    required: literal(given),
    match: (value, argument) =>
      value.startsWith(argument) ? found(0, argument.length) : undefined,
  }),
  endswith: (given) => ({
    required: literal(given),
    match: (value, argument) =>
      value.endsWith(argument) ? found(value.length - argument.length, argument.length) : undefined,
  }),
  streq: (given) => ({
    ...whole((value, argument) => value === argument),
    required: literal(given),
  }),
  within: () => withLastMatch(whole((value, argument) => argument.includes(value))),
  eq: numeric((left, right) => left === right),
  ge: numeric((left, right) => left >= right),
  gt: numeric((left, right) => left > right),
  le: numeric((left, right) => left <= right),
  lt: numeric((left, right) => left < right),
  validatebyterange: byteRangeOperator,
  validateurlencoding: () => urlEncodingOperator,
  validateutf8encoding: () => utf8Operator,
  validatenid: compileNationalId,
  verifycc: checked(isCardNumber),
  verifycpf: checked(isCpf),
  verifyssn: checked(isSsn),
  verifysvnr: checked(isSvnr),
  detectsqli: () => ({
    required: { kind: "bytes", bytes: sqliBytes },
    match(value) {
      const answer = detectSqli(value);
      return answer === undefined
        ? undefined
        : { start: 0, end: value.length, captures: [answer.fingerprint] };
    },
  }),
  detectxss: () => ({ ...whole(detectXss), required: { kind: "bytes", bytes: xssBytes } }),
  unconditionalmatch: () => whole(() => true),
  nomatch: () => whole(() => false),
  // Both ask a service outside: without a country file, and with no look-ups in a request's path,
  // they answer as the reference engine does when it has no database: no match.
  geolookup: () => whole(() => false),
  rbl: () => whole(() => false),
};

const UNSUPPORTED = new Set([
  "fuzzyhash",
  "gsblookup",
  "inspectfile",
  "rsub",
  "validatedtd",
  "validatehash",
  "validateschema",
]);

/** Compiles one operator; an error names what is wrong with it. */
export function compileOperator(
  name: string,
  argument: string,
  resources: OperatorResources,
): Compiled {
  const lowered = name.toLowerCase();
  const compile = Object.hasOwn(operators, lowered) ? operators[lowered] : undefined;
  if (compile !== undefined) return compile(argument, resources);
  if (UNSUPPORTED.has(lowered)) return { error: "is not supported here" };
  return { error: "is an unknown operator" };
}

function patternOf(source: string): Pattern | { readonly error: string } {
  try {
    return compilePattern(source, RX_FLAGS);
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) };
  }
}

/** A pattern with macros is compiled when its text is known; a bounded number is kept. */
const EXPANDED_PATTERNS_MAX = 256;

function compileRx(argument: string): Compiled {
  // Rules capture a whole value this way.
  if (argument === "^.*$") return whole(() => true);
  return patternOperator(argument, (pattern, value) => pattern.exec(value));
}

/** Captures there are: `TX:0` to `TX:9`. */
const CAPTURES_MAX = 10;

/** All matches: what each captures goes behind what the one before has captured. */
function compileRxGlobal(argument: string): Compiled {
  return patternOperator(argument, (pattern, value) => {
    let first: PatternMatch | undefined;
    const captures: (string | undefined)[] = [];
    for (const match of pattern.matches(value)) {
      first ??= match;
      captures.push(...match.captures);
      if (captures.length >= CAPTURES_MAX) break;
    }
    return first === undefined ? undefined : { start: first.start, end: first.end, captures };
  });
}

type Search = (pattern: Pattern, value: string) => OperatorMatch | undefined;

function patternOperator(argument: string, search: Search): Compiled {
  if (/%\{[A-Za-z_]+[.:}]/.test(argument)) return expandedPattern(search);
  const pattern = patternOf(argument);
  if ("error" in pattern) return pattern;
  const { required } = pattern;
  return withLastMatch({ required, match: (value) => search(pattern, value), ...ranOut(pattern) });
}

/** Tells of each search that ran out of steps once. */
function ranOut(pattern: Pattern): Pick<Required<Operator>, "ranOut"> {
  let told = pattern.limitExceeded();
  return {
    ranOut() {
      const before = told;
      told = pattern.limitExceeded();
      return told > before;
    },
  };
}

function expandedPattern(search: Search): Operator {
  const known = new Map<string, Pattern | undefined>();
  return {
    required: NO_REQUIREMENT,
    match(value, argument) {
      if (!known.has(argument)) {
        const pattern = patternOf(argument);
        if (known.size >= EXPANDED_PATTERNS_MAX) known.clear();
        known.set(argument, "error" in pattern ? undefined : pattern);
      }
      const pattern = known.get(argument);
      return pattern === undefined ? undefined : search(pattern, value);
    },
  };
}

function findWord(value: string, argument: string) {
  if (argument === "") return found(0, 0);
  for (let at = value.indexOf(argument); at !== -1; at = value.indexOf(argument, at + 1)) {
    const before = value.charAt(at - 1);
    const after = value.charAt(at + argument.length);
    if (!/[A-Za-z]/.test(before) && !/[A-Za-z]/.test(after)) return found(at, argument.length);
  }
  return undefined;
}
