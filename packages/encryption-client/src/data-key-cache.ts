/**
 * Data keys in clear, for a while: so that not every message is a call of the key service. An entry
 * belongs to one key and one context and has an age, a number of messages and of bytes after which
 * it is overwritten and forgotten.
 *
 * Overwriting reaches the buffers of this library. It does not reach what the runtime copied, such
 * as the text of the answer that the key came in: that lies in memory until it is reused.
 */
import { createHash } from "node:crypto";
import { contextHash, type EncryptionContext, lengthPrefixed } from "./canonical.ts";
import { EncryptionError } from "./errors.ts";
import type { DataKey, Kms } from "./kms.ts";
import { DATA_KEY_BYTES } from "./message-key.ts";

export type CacheLimits = {
  /** How long a data key is used: also how long a revoked right goes on to work here. */
  readonly ageMsMax: number;
  /** Encrypted under one data key. */
  readonly messagesMax: number;
  readonly bytesMax: number;
  /** Entries; the one that was not used for longest goes first. */
  readonly entriesMax: number;
};

export const cacheLimitsDefault: CacheLimits = {
  ageMsMax: 300_000,
  messagesMax: 1_000,
  bytesMax: 2 ** 30,
  entriesMax: 1_000,
};

type Entry = DataKey & {
  readonly endMs: number;
  messages: number;
  bytes: number;
};

export type DataKeyCache = {
  /** Calls `use` at once with a data key for a message of so many bytes. */
  forEncryption<Result>(
    wanted: { readonly keyId: string; readonly context: EncryptionContext; readonly bytes: number },
    use: (dataKey: DataKey) => Result,
  ): Promise<Result>;
  /** Calls `use` at once with the data key in clear. */
  forDecryption<Result>(
    wanted: {
      readonly keyId: string;
      readonly encryptedDataKey: Buffer;
      readonly context: EncryptionContext;
    },
    use: (dataKey: Buffer) => Result,
  ): Promise<Result>;
  /** Overwrites and forgets every data key. */
  clear(): void;
  readonly size: number;
};

/** @throws EncryptionError inputInvalid when a limit is not a number above zero. */
export function createDataKeyCache(
  kms: Kms,
  { limits, clock }: { readonly limits: CacheLimits; readonly clock: () => number },
): DataKeyCache {
  checkLimits(limits);
  const kept = keptEntries(limits, clock);
  const pending = new Map<string, Promise<void>>();
  /** The entry, fetched once however many wait for it. */
  const fetched = (name: string, fetch: () => Promise<DataKey>): Promise<void> => {
    const known = pending.get(name);
    if (known !== undefined) return known;
    const started = fetch()
      .then((dataKey) => kept.add(name, checked(dataKey)))
      .finally(() => pending.delete(name));
    pending.set(name, started);
    return started;
  };
  return {
    async forEncryption({ keyId, context, bytes }, use) {
      if (bytes > limits.bytesMax) {
        const dataKey = checked(await kms.generateDataKey(keyId, context));
        return usedOnce(dataKey, use);
      }
      const name = nameOf("encrypt", [keyId, contextHash(context)]);
      for (;;) {
        const entry = kept.forMessage(name, bytes);
        if (entry !== undefined) return use(entry);
        await fetched(name, () => kms.generateDataKey(keyId, context));
      }
    },
    async forDecryption({ keyId, encryptedDataKey, context }, use) {
      const name = nameOf("decrypt", [keyId, contextHash(context), encryptedDataKey]);
      for (;;) {
        const entry = kept.find(name);
        if (entry !== undefined) return use(entry.plaintext);
        await fetched(name, async () => {
          const plaintext = await kms.decrypt(keyId, encryptedDataKey, context);
          return { plaintext, encryptedDataKey };
        });
      }
    },
    clear: kept.clear,
    get size() {
      return kept.entries.size;
    },
  };
}

function checkLimits(limits: CacheLimits): void {
  for (const [name, value] of Object.entries(limits)) {
    if (Number.isSafeInteger(value) && value >= 1) continue;
    throw new EncryptionError("inputInvalid", `${name} is ${value}, wanted a whole number above 0`);
  }
}

/** INVARIANT: no two kinds, keys, contexts or encrypted keys have one name. */
function nameOf(kind: "encrypt" | "decrypt", fields: readonly (string | Buffer)[]): string {
  return createHash("sha256")
    .update(lengthPrefixed([kind, ...fields]))
    .digest("base64");
}

function checked(dataKey: DataKey): DataKey {
  const { length } = dataKey.plaintext;
  if (length === DATA_KEY_BYTES) return dataKey;
  const message = `The key service gave a data key of ${length} bytes, wanted ${DATA_KEY_BYTES}`;
  throw new EncryptionError("messageInvalid", message);
}

/** Uses a data key that nobody keeps. */
export function usedOnce<Result>(dataKey: DataKey, use: (dataKey: DataKey) => Result): Result {
  try {
    return use(dataKey);
  } finally {
    dataKey.plaintext.fill(0);
  }
}

function keptEntries(limits: CacheLimits, clock: () => number) {
  const entries = new Map<string, Entry>();
  const drop = (name: string) => {
    entries.get(name)?.plaintext.fill(0);
    entries.delete(name);
  };
  /** A live entry, moved to the end of the line of those that go. */
  const find = (name: string): Entry | undefined => {
    const entry = entries.get(name);
    if (entry === undefined) return undefined;
    if (clock() >= entry.endMs) {
      drop(name);
      return undefined;
    }
    entries.delete(name);
    entries.set(name, entry);
    return entry;
  };
  return {
    entries,
    find,
    add(name: string, dataKey: DataKey): void {
      drop(name);
      const [oldest] = entries.keys();
      if (entries.size >= limits.entriesMax && oldest !== undefined) drop(oldest);
      const entry = { ...dataKey, endMs: clock() + limits.ageMsMax, messages: 0, bytes: 0 };
      entries.set(name, entry);
      // Nobody may ask for it again; it is overwritten all the same.
      const end = () => {
        if (entries.get(name) === entry) drop(name);
      };
      setTimeout(end, Math.min(limits.ageMsMax, TIMER_MS_MAX)).unref();
    },
    /** An entry that may encrypt one more message, which is counted. */
    forMessage(name: string, bytes: number): Entry | undefined {
      const entry = find(name);
      if (entry === undefined) return undefined;
      if (entry.messages >= limits.messagesMax || entry.bytes + bytes > limits.bytesMax) {
        drop(name);
        return undefined;
      }
      entry.messages += 1;
      entry.bytes += bytes;
      return entry;
    },
    clear(): void {
      for (const name of [...entries.keys()]) drop(name);
    },
  };
}

const TIMER_MS_MAX = 2 ** 31 - 1;
