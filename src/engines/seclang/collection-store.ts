/** Keeps collections of rules between requests, in memory: so many, and each until it is unused. */
import { hash } from "node:crypto";
import { ownText } from "./own-text.ts";
import type { CollectionStore } from "./state.ts";

/** How much older the time of its last use may be than what is noted of a collection. */
const USE_NOTED_MS = 1_000;
/** With the limits of one collection 170 MB, if rules fill each with what clients send. */
const COLLECTIONS_MAX = 10_000;
/** A longer key, which a client may have chosen, is kept as its digest. */
const KEY_CHARS_MAX = 256;

type Kept = { readonly variables: Map<string, string>; readonly usedMs: number; endMs: number };

/**
 * A keeper. When there are too many collections, the one that was unused for longest goes.
 *
 * @returns the store of whoever the name stands for; nobody sees another's collections.
 */
export function createCollectionStore(
  collectionsMax: number = COLLECTIONS_MAX,
): (owner: string) => CollectionStore {
  const kept = new Map<string, Kept>();
  return (owner) => ({
    load(collection, key, { nowMs, timeoutMs }) {
      const shortKey = key.length > KEY_CHARS_MAX ? hash("sha256", key, "hex") : key;
      const id = `${owner}\n${collection}\n${shortKey}`;
      const before = kept.get(id);
      const isOver = before === undefined || before.endMs <= nowMs;
      if (!isOver && nowMs >= before.usedMs && nowMs - before.usedMs < USE_NOTED_MS) {
        before.endMs = nowMs + timeoutMs;
        return before.variables;
      }
      const variables = isOver ? new Map<string, string>() : before.variables;
      kept.delete(id);
      kept.set(ownText(id), { variables, usedMs: nowMs, endMs: nowMs + timeoutMs });
      const [oldest] = kept.keys();
      if (kept.size > collectionsMax && oldest !== undefined) kept.delete(oldest);
      return variables;
    },
  });
}
