/**
 * Which rules are asked about a value: those that read the variable it is of, among the rules that
 * a request may meet. A path is not taken through the transformations that only rules on cookies
 * use, nor anything through those of a paranoia level that the site does not have.
 */
import { compileChainTree } from "./compile-candidates.ts";
import type {
  CandidateFilter,
  CandidateScope,
  Rule,
  Target,
  ValueReader,
  VariableReaders,
} from "./compiled.ts";
import { emptyBits, maskOf, type RuleBits, setBit, wordOf } from "./rule-bits.ts";
import { sharedSlotOf } from "./variables.ts";

/** The scope of these rules, or of all. */
export function scopeOf(filter: CandidateFilter, asked?: RuleBits): CandidateScope {
  const key = asked?.join() ?? "all";
  const known = filter.scopes.get(key);
  if (known !== undefined) return known;
  const made: CandidateScope = { filter, asked, readers: [] };
  filter.scopes.set(key, made);
  return made;
}

/** The readers of the variable that a slot keeps. */
export function readersOf(scope: CandidateScope, slot: number): VariableReaders {
  scope.readers[slot] ??=
    sharedSlotOf(slot) === slot
      ? compileReaders(scope, slot)
      : readersOf(scope, sharedSlotOf(slot));
  return scope.readers[slot];
}

/** The reader of an item; `lowered` is its name in lower case. */
export function readerOfItem({ byName, others }: VariableReaders, lowered: string): ValueReader {
  return byName.size === 0 ? others : (byName.get(lowered) ?? others);
}

function compileReaders({ filter, asked }: CandidateScope, slot: number): VariableReaders {
  const reading = filter.rules.flatMap((rule) => {
    if (asked !== undefined && !hasBit(asked, rule)) return [];
    const names = namesRead(rule, slot);
    return names === undefined ? [] : [{ rule, names }];
  });
  const named = new Set(reading.flatMap(({ names }) => names));
  const readerOf = (name?: string): ValueReader =>
    compileReader(
      filter,
      reading.flatMap(({ rule, names }) =>
        names.length === 0 || (name !== undefined && names.includes(name)) ? [rule] : [],
      ),
    );
  return {
    isAsked: reading.length > 0,
    byName: new Map([...named].map((name) => [name, readerOf(name)])),
    others: readerOf(),
  };
}

const hasBit = (bits: RuleBits, rule: Rule): boolean =>
  ((bits[wordOf(rule)] ?? 0) & maskOf(rule)) !== 0;

/** The items of a variable that a rule names; none = it reads all, undefined = it reads nothing. */
function namesRead({ targets }: Rule, slot: number): readonly string[] | undefined {
  const reading = targets.filter(
    (target) => !target.count && target.slot !== -1 && sharedSlotOf(target.slot) === slot,
  );
  if (reading.length === 0) return undefined;
  const names = reading.flatMap(nameRead);
  return names.length === reading.length ? names : [];
}

/** A pattern may select any name, and the paths of `XML` select nothing by name. */
function nameRead({ variable, named, selector }: Target): readonly string[] {
  return variable !== "XML" && named && selector.kind === "name" ? [selector.lowered] : [];
}

let lastId = 0;

function compileReader(filter: CandidateFilter, rules: readonly Rule[]): ValueReader {
  const all = emptyBits(filter.words);
  for (const rule of rules) setBit(all, rule);
  const isFixed = rules.every((rule) => hasBit(filter.always, rule));
  lastId += 1;
  return {
    id: lastId,
    root: compileChainTree(filter, rules),
    fixed: isFixed ? all : undefined,
  };
}
