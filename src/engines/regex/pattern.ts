/**
 * A compiled regular expression with PCRE semantics on bytes (latin1 strings, one character per
 * byte), matched in time linear in the value. Method and limits: docs/decisions/0006.
 */
import { createAlive, scanBackward } from "./alive.ts";
import { type SearchResult, search } from "./backtrack.ts";
import { createDfa, GAVE_UP, NO_MATCH, scanForward } from "./dfa.ts";
import { createWalker, traceMatch } from "./moves.ts";
import { parsePattern } from "./parser.ts";
import { simulate } from "./pike.ts";
import { compileProgram, isRegular, type Program } from "./program.ts";
import { type Requirement, requirementOf } from "./required.ts";

export type { Requirement } from "./required.ts";
export { PatternSyntaxError } from "./syntax.ts";

export type PatternFlags = {
  readonly dotAll: boolean;
  readonly multiline: boolean;
  readonly ignoreCase: boolean;
};
/** captures[0] is the whole match; a group that took no part is undefined. */
export type PatternMatch = {
  readonly start: number;
  readonly end: number;
  readonly captures: readonly (string | undefined)[];
};
export type Pattern = {
  readonly source: string;
  readonly required: Requirement;
  /** Searches that ran out of steps (and reported no match); stays 0 for regular patterns. */
  readonly limitExceeded: () => number;
  test(value: string): boolean;
  exec(value: string): PatternMatch | undefined;
  /**
   * Every match from left to right, found as it is asked for. The next one starts behind the last;
   * `overlapping`: behind where the last started.
   */
  matches(value: string, options?: { readonly overlapping?: boolean }): Iterable<PatternMatch>;
};

/** Compiles a latin1 pattern; throws PatternSyntaxError {message, position}. */
export function compilePattern(source: string, flags: PatternFlags): Pattern {
  const { dotAll: s, multiline: m, ignoreCase: i } = flags;
  const parse = () => parsePattern(source, { i, s, m, x: false });
  const parsed = parse();
  // Too large a program is a fault of the pattern; it is made again when a value first needs it,
  // since most patterns of a rule set are never asked anything.
  compileProgram(parsed.node);
  const exact = lazily(() => compileProgram(parse().node));
  const slots = (parsed.groups + 1) * 2;
  const required = requirementOf(parsed.node);
  const matcher = (isRegular(parsed.node) ? regularMatcher : irregularMatcher)(exact, slots);
  return { source, required, ...matcher };
}

type Matcher = Pick<Pattern, "test" | "exec" | "matches" | "limitExceeded">;

/** Goes through the matches that `find` finds from a position on; an empty one is stepped over. */
function* matchesOf(
  value: string,
  find: (value: string, from: number) => PatternMatch | undefined,
  overlapping: boolean,
): Iterable<PatternMatch> {
  for (let from = 0; from <= value.length; ) {
    const match = find(value, from);
    if (match === undefined) return;
    yield match;
    from = overlapping ? match.start + 1 : Math.max(match.end, match.start + 1);
  }
}

function lazily<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

/** The match whose start and end, and those of each group, the slots are; -1 is unset. */
export function toMatch(value: string, slots: readonly number[]): PatternMatch {
  const captures: (string | undefined)[] = [];
  for (let slot = 0; slot < slots.length; slot += 2) {
    const from = slots[slot] ?? -1;
    const to = slots[slot + 1] ?? -1;
    captures.push(from < 0 || to < 0 ? undefined : value.slice(from, to));
  }
  return { start: slots[0] ?? 0, end: slots[1] ?? 0, captures };
}

function regularMatcher(exact: () => Program, slots: number): Matcher {
  const any = lazily(() => createDfa(exact(), "any"));
  const first = lazily(() => createDfa(exact(), "first"));
  const backward = lazily(() => createWalker(createAlive(exact(), "once"), true));
  const pike = (value: string, from: number) => {
    const found = simulate(exact(), value, { from, slots });
    return found && toMatch(value, found);
  };
  const find = (value: string, from: number): PatternMatch | undefined => {
    const end = scanForward(first(), value, from);
    if (end === NO_MATCH) return undefined;
    if (end === GAVE_UP) return pike(value, from);
    const walker = backward();
    // Without groups only the start is asked for.
    const entries = slots === 2 ? undefined : new Int32Array(end + 1);
    const start = scanBackward(walker.automaton, value, { end, until: from, entries });
    if (start < 0) return pike(value, from);
    return toMatch(value, entries ? traceMatch(walker, entries, { start, slots }) : [start, end]);
  };
  return {
    exec: (value) => find(value, 0),
    test(value) {
      const end = scanForward(any(), value, 0);
      return end === GAVE_UP ? pike(value, 0) !== undefined : end !== NO_MATCH;
    },
    matches: (value, { overlapping = false } = {}) => matchesOf(value, find, overlapping),
    limitExceeded: () => 0,
  };
}

function irregularMatcher(exact: () => Program, slots: number): Matcher {
  const backward = lazily(() => createWalker(createAlive(exact(), "anywhere"), false));
  let exceeded = 0;
  const find = (value: string, from: number): PatternMatch | undefined => {
    const walker = backward();
    const entries = new Int32Array(value.length + 1);
    const at = { end: value.length, until: from, entries };
    const start = scanBackward(walker.automaton, value, at);
    if (start === NO_MATCH) return undefined;
    const result: SearchResult =
      start === GAVE_UP
        ? { kind: "limit exceeded" }
        : search(walker, value, { slots, entries, from: start });
    if (result.kind === "limit exceeded") exceeded++;
    return result.kind === "match" ? toMatch(value, result.slots) : undefined;
  };
  return {
    exec: (value) => find(value, 0),
    test: (value) => find(value, 0) !== undefined,
    matches: (value, { overlapping = false } = {}) => matchesOf(value, find, overlapping),
    limitExceeded: () => exceeded,
  };
}
