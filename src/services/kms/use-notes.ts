/**
 * When each key was used last, kept in memory and written from time to time: a write for every use
 * would cost more than the use. A crash loses the last seconds of it; the audit log has every use.
 */
import type { Database } from "../../kernel/store/database.ts";
import { keyStore } from "./store.ts";
import type { UseNotes } from "./use.ts";

type Note = Parameters<UseNotes["note"]>[0];

const NOTES_MAX = 50_000;

export type KeptNotes = UseNotes & {
  /** Writes what was noted; what cannot be written now is kept. */
  flush(database: Database): Promise<void>;
};

export function keepNotes(): KeptNotes {
  let notes = new Map<string, Note>();
  return {
    note(use) {
      if (notes.size < NOTES_MAX || notes.has(use.keyId)) notes.set(use.keyId, use);
    },
    async flush(database) {
      const written = notes;
      notes = new Map();
      try {
        for (const { accountId, nowMs, ...use } of written.values()) {
          const row = { ...use, useTime: new Date(nowMs).toISOString() };
          await database.transaction({ accountId }, (sql) => keyStore(sql).setUse(accountId, row));
        }
      } catch (error) {
        for (const [keyId, use] of written) if (!notes.has(keyId)) notes.set(keyId, use);
        throw error;
      }
    },
  };
}
