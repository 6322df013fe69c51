/**
 * Remembers whom a key stands for, for one second and until something changes: a client that calls
 * a thousand times a second would otherwise spend most of each call on reading its own rights.
 */
import type { CredentialLookup } from "./authenticate.ts";

export const limits = { ttlMs: 1_000, entriesMax: 10_000 } as const;

/**
 * The lookup with a memory. A change that this process commits acts at once, since every commit
 * empties it; one of another server, of a job, or an end of validity acts within `ttlMs`. Console
 * sessions are never remembered, and neither is what was not found.
 */
export function rememberedCredentials(lookup: CredentialLookup): CredentialLookup {
  const forgets: (() => void)[] = [];
  const remember = <Found>(read: (name: string, from: From) => Promise<Found | undefined>) => {
    const memory = shortMemory<Found>();
    forgets.push(memory.forget);
    return (name: string, from: From) =>
      memory.get(`${name} ${from.sourceIp}`, from.nowMs, () => read(name, from));
  };
  const accessKey = remember((id, from) => lookup.accessKey(id, from));
  const bearer = remember((hex, from) => lookup.bearerKey(Buffer.from(hex, "hex"), from));
  return {
    ...lookup,
    accessKey,
    bearerKey: (hash, from) => bearer(hash.toString("hex"), from),
    changed() {
      for (const forget of forgets) forget();
      lookup.changed?.();
    },
  };
}

type From = { readonly nowMs: number; readonly sourceIp: string };

/** Values that were read less than `ttlMs` ago, and since the last `forget`. */
export function shortMemory<Value>(ttlMs: number = limits.ttlMs) {
  let entries = new Map<string, { readonly value: Promise<Value | undefined>; untilMs: number }>();
  return {
    get(
      name: string,
      nowMs: number,
      read: () => Promise<Value | undefined>,
    ): Promise<Value | undefined> {
      const known = entries.get(name);
      if (known !== undefined && known.untilMs > nowMs) return known.value;
      if (entries.size >= limits.entriesMax) entries = new Map();
      const mine = entries;
      const value = read();
      mine.set(name, { value, untilMs: nowMs + ttlMs });
      // INVARIANT: neither a failure nor an absence is remembered.
      const drop = () => mine.delete(name);
      value.then((found) => found === undefined && drop(), drop);
      return value;
    },
    /** What is being read now counts as read before, so it is not kept either. */
    forget(): void {
      entries = new Map();
    },
  };
}
