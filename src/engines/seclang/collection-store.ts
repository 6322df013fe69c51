/** Keeps collections of rules between requests, in memory: so many, and each until it is unused. */
import { hash } from "node:crypto";
import { ownText } from "./own-text.ts";
import type { CollectionStore, CollectionUse } from "./state.ts";

/** How much older the time of its last use may be than what is noted of a collection. */
const USE_NOTED_MS = 1_000;
/** With the limits of one collection 170 MB, if rules fill each with what clients send. */
const COLLECTIONS_MAX = 10_000;
/** A longer key, which a client may have chosen, is kept as its digest. */
const KEY_CHARS_MAX = 256;

type Kept = { readonly variables: Map<string, string>; readonly usedMs: number; endMs: number };
/** By id, in the order of their last use. */
type Collections = Map<string, Kept>;

/**
 * A keeper. When there are too many collections, the one that was unused for longest goes.
 *
 * @returns the store of whoever the name stands for; nobody sees another's collections.
 */
export function createCollectionStore(
  collectionsMax: number = COLLECTIONS_MAX,
): (owner: string) => CollectionStore {
  const kept: Collections = new Map();
  return (owner) => ({
    // Rules that set nothing are the usual case: then nobody pays for an id.
    find: (collection, key, use) =>
      kept.size === 0 ? undefined : findKept(kept, idOf(owner, collection, key), use),
    load(collection, key, use) {
      const id = idOf(owner, collection, key);
      const known = findKept(kept, id, use);
      if (known !== undefined) return known;
      const variables = new Map<string, string>();
      keep(kept, id, variables, use);
      const [oldest] = kept.keys();
      if (kept.size > collectionsMax && oldest !== undefined) kept.delete(oldest);
      return variables;
    },
  });
}

function idOf(owner: string, collection: string, key: string): string {
  const shortKey = key.length > KEY_CHARS_MAX ? hash("sha256", key, "hex") : key;
  return `${owner}\n${collection}\n${shortKey}`;
}

/** What is kept by this id and not over; a use puts it behind all that were used before. */
function findKept(kept: Collections, id: string, use: CollectionUse) {
  const { nowMs, timeoutMs } = use;
  const before = kept.get(id);
  if (before === undefined || before.endMs <= nowMs) return undefined;
  if (nowMs >= before.usedMs && nowMs - before.usedMs < USE_NOTED_MS) {
    before.endMs = nowMs + timeoutMs;
  } else keep(kept, id, before.variables, use);
  return before.variables;
}

function keep(
  kept: Collections,
  id: string,
  variables: Map<string, string>,
  { nowMs, timeoutMs }: CollectionUse,
): void {
  kept.delete(id);
  kept.set(ownText(id), { variables, usedMs: nowMs, endMs: nowMs + timeoutMs });
}
