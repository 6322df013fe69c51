/**
 * Collections that `initcol` opens. `expirevar` notes beside a variable when it ends; whoever reads
 * it from then on finds nothing.
 */
import { type Collection, collectionOf, createCollection } from "./collection.ts";
import type { State } from "./state.ts";

const EXPIRES = "__expires";
const EMPTY = createCollection();

/** Opens the collection of this key; without a store it lives as long as the request. */
export function openPersistent(state: State, collection: string, key: string): void {
  const opened = state.store?.load(collection, key, state.connection.timeMs);
  state.persistent.set(collection, opened ?? new Map());
  state.opened.set(collection, key);
}

/** A variable's text; undefined when it is unset or its time is over. */
export function persistentText(state: State, collection: string, key: string): string | undefined {
  const map = state.persistent.get(collection);
  if (map === undefined || isOver(state, map, key)) return undefined;
  return map.get(key);
}

export function setPersistent(state: State, collection: string, key: string, text: string): void {
  const map = state.persistent.get(collection);
  if (map === undefined) return;
  if (isOver(state, map, key)) map.delete(key + EXPIRES);
  map.set(key, text);
}

export function removePersistent(state: State, collection: string, key: string): void {
  const map = state.persistent.get(collection);
  map?.delete(key);
  map?.delete(key + EXPIRES);
}

/** Lets a variable end so many seconds after the request began. */
export function expirePersistent(
  state: State,
  collection: string,
  { key, seconds }: { key: string; seconds: number },
): void {
  const endMs = state.connection.timeMs + seconds * 1000;
  state.persistent.get(collection)?.set(key + EXPIRES, String(endMs));
}

/** All variables of an open collection. */
export function persistentCollection(state: State, collection: string): Collection {
  const map = state.persistent.get(collection);
  if (map === undefined || map.size === 0) return EMPTY;
  const items = [...map].filter(([key]) => !key.endsWith(EXPIRES) && !isOver(state, map, key));
  return collectionOf(
    items.map(([key]) => key),
    items.map(([, text]) => text),
  );
}

function isOver(state: State, map: ReadonlyMap<string, string>, key: string): boolean {
  const endMs = map.get(key + EXPIRES);
  return endMs !== undefined && Number(endMs) <= state.connection.timeMs;
}
