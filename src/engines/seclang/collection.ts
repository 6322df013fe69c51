/** Named values in order, as a request gives them: several of one name are kept apart. */
import type { RuleBits } from "./rule-bits.ts";
import { toValue, type Value } from "./value.ts";

export type Collection = {
  readonly names: string[];
  /** Lower case, for selection: names are compared without case. */
  readonly lowered: string[];
  readonly values: Value[];
  /** Made when a rule asks for the names as values. */
  nameValues: Value[] | undefined;
  /** Rules of `readers` that may match any of the values, made when a phase asks for it. */
  candidates: RuleBits | undefined;
  readers: object | undefined;
};

export function createCollection(): Collection {
  return collectionWith([], [], []);
}

function collectionWith(names: string[], lowered: string[], values: Value[]): Collection {
  return {
    names,
    lowered,
    values,
    nameValues: undefined,
    candidates: undefined,
    readers: undefined,
  };
}

/** A single value, which has no name. */
export function collectionOfOne(text: string): Collection {
  return collectionWith([""], [""], [toValue(text)]);
}

/** Adds an item. */
export function addTo(collection: Collection, name: string, text: string): void {
  collection.names.push(name);
  collection.lowered.push(name.toLowerCase());
  collection.values.push(toValue(text));
  collection.nameValues = undefined;
  collection.candidates = undefined;
}

/** A collection of these parallel arrays; `lowered` are the names in lower case. */
export function collectionOf(
  names: readonly string[],
  texts: readonly string[],
  lowered: readonly string[] = names.map((name) => name.toLowerCase()),
): Collection {
  const values = names.map((_, at) => toValue(texts[at] ?? ""));
  return collectionWith(names.slice(), lowered.slice(), values);
}

/** The names as values, one for each item. */
export function nameValuesOf(collection: Collection): Value[] {
  collection.nameValues ??= collection.names.map(toValue);
  return collection.nameValues;
}

/** The first text of a name in lower case; empty when there is none. */
export function firstText({ lowered, values }: Collection, name: string): string {
  const at = lowered.indexOf(name);
  return at === -1 ? "" : (values[at]?.text ?? "");
}

/** One collection after the other, sharing the values. */
export function joinCollections(first: Collection, second: Collection): Collection {
  if (second.names.length === 0) return first;
  if (first.names.length === 0) return second;
  return collectionWith(
    [...first.names, ...second.names],
    [...first.lowered, ...second.lowered],
    [...first.values, ...second.values],
  );
}
