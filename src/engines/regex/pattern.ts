/**
 * A compiled regular expression with PCRE semantics on bytes (latin1 strings, one character per
 * byte), matched in time linear in the value. Method and limits: docs/decisions/0006.
 */
import { search } from "./backtrack.ts";
import {
  createDfa,
  type Dfa,
  GAVE_UP,
  markStarts,
  NO_MATCH,
  scanBackward,
  scanForward,
} from "./dfa.ts";
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
  compileProgram(parsed.node, EXACT);
  const programs: Programs = {
    exact: lazily(() => compileProgram(parse().node, EXACT)),
    of: (how) => compileProgram(parse().node, how),
  };
  const slots = (parsed.groups + 1) * 2;
  const required = requirementOf(parsed.node);
  const isExact = isRegular(parsed.node);
  const matcher = isExact ? regularMatcher(programs, slots) : irregularMatcher(programs, slots);
  return { source, required, ...matcher };
}

type ProgramOptions = Parameters<typeof compileProgram>[1];
const EXACT: ProgramOptions = { reverse: false, widen: false };

/** What a pattern's source is compiled to, each when it is first needed. */
type Programs = {
  readonly exact: () => Program;
  readonly of: (how: ProgramOptions) => Program;
};

type Matcher = Pick<Pattern, "test" | "exec" | "matches" | "limitExceeded">;

/** Goes through the matches that `next` finds from a position on; an empty one is stepped over. */
function* matchesOf(
  value: string,
  first: PatternMatch | undefined,
  { overlapping, next }: { overlapping: boolean; next: (from: number) => PatternMatch | undefined },
): Iterable<PatternMatch> {
  for (let match = first; match !== undefined; ) {
    yield match;
    const from = overlapping ? match.start + 1 : Math.max(match.end, match.start + 1);
    match = from > value.length ? undefined : next(from);
  }
}

function lazily<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

function toMatch(value: string, slots: readonly number[]): PatternMatch {
  const captures: (string | undefined)[] = [];
  for (let slot = 0; slot < slots.length; slot += 2) {
    const from = slots[slot] ?? -1;
    const to = slots[slot + 1] ?? -1;
    captures.push(from < 0 || to < 0 ? undefined : value.slice(from, to));
  }
  return { start: slots[0] ?? 0, end: slots[1] ?? 0, captures };
}

function regularMatcher({ exact, of }: Programs, slots: number): Matcher {
  const any = lazily(() => createDfa(exact(), "any"));
  const first = lazily(() => createDfa(exact(), "first"));
  const backward = lazily<Dfa>(() => createDfa(of({ reverse: true, widen: false }), "longest"));
  const pike = (value: string, from: number, anchored: boolean) => {
    const found = simulate(exact(), value, { from, anchored, slots });
    return found && toMatch(value, found);
  };
  const exec = (value: string): PatternMatch | undefined => {
    const end = scanForward(first(), value);
    if (end === NO_MATCH) return undefined;
    const start = end === GAVE_UP ? GAVE_UP : scanBackward(backward(), value, end);
    if (start < 0) return pike(value, 0, false);
    if (slots === 2) return { start, end, captures: [value.slice(start, end)] };
    return pike(value, start, true);
  };
  const test = (value: string): boolean => {
    const end = scanForward(any(), value);
    return end === GAVE_UP ? pike(value, 0, false) !== undefined : end !== NO_MATCH;
  };
  const matches: Matcher["matches"] = (value, { overlapping = false } = {}) =>
    matchesOf(value, exec(value), { overlapping, next: (from) => pike(value, from, false) });
  return { test, exec, matches, limitExceeded: () => 0 };
}

function irregularMatcher({ exact, of }: Programs, slots: number): Matcher {
  // A superset of the language without lookarounds and references answers most values.
  const superset = lazily(() => createDfa(of({ reverse: false, widen: true }), "any"));
  const backward = lazily(() => createDfa(of({ reverse: true, widen: true }), "every"));
  let exceeded = 0;
  const find = (value: string, starts: Uint8Array | undefined): PatternMatch | undefined => {
    const result = search(exact(), value, { slots, starts });
    if (result.kind === "limit exceeded") exceeded++;
    return result.kind === "match" ? toMatch(value, result.slots) : undefined;
  };
  const exec = (value: string): PatternMatch | undefined => {
    if (scanForward(superset(), value) === NO_MATCH) return undefined;
    return find(value, markStarts(backward(), value));
  };
  function* matches(value: string, { overlapping = false } = {}): Iterable<PatternMatch> {
    if (scanForward(superset(), value) === NO_MATCH) return;
    const starts = markStarts(backward(), value) ?? new Uint8Array(value.length + 1).fill(1);
    yield* matchesOf(value, find(value, starts), {
      overlapping,
      next: (from) => find(value, starts.fill(0, 0, from)),
    });
  }
  return {
    exec,
    matches,
    test: (value) => exec(value) !== undefined,
    limitExceeded: () => exceeded,
  };
}
