/**
 * Desired state of the data planes: rebuilt from the services' tables after a change commits,
 * stored with a version that only grows, and handed to whoever waits for a newer one.
 */
import { isDeepStrictEqual } from "node:util";
import type { Database, Sql } from "../store/database.ts";
import { untilWoken, wakeAll } from "./wait.ts";

/** One service's part of a plane's document; lists of the same name are joined. */
export type IntentSection = (
  sql: Sql,
  nowMs: number,
) => Promise<Readonly<Record<string, readonly unknown[]>>>;

export type Intent = {
  readonly plane: string;
  readonly version: number;
  readonly document: Readonly<Record<string, unknown>>;
};

export type IntentPublisher = {
  /** Rebuilds what changed; safe to call at any time and from several processes. */
  refresh(): Promise<void>;
  /** Reads what another control plane has published. */
  load(): Promise<void>;
  current(plane: string): Intent | undefined;
  /** The intent once its version is above `version`; undefined when the signal ends the wait. */
  newerThan(plane: string, version: number, signal: AbortSignal): Promise<Intent | undefined>;
};

/** Any number that no other program uses as an advisory lock on this database. */
const INTENT_LOCK = 7_266_730_002;

/** Where control planes hear of a new version (LISTEN). */
export const INTENT_CHANNEL = "cordon_intent";

/** A publisher for planes made of these sections. */
export function createIntentPublisher(parts: {
  readonly database: Database;
  readonly planes: Readonly<Record<string, readonly IntentSection[]>>;
  readonly clock: () => number;
  /** Turns a stored document into what nodes get: sealed keys are opened here, never stored. */
  readonly reveal?: (document: Intent["document"]) => Promise<Intent["document"]>;
}): IntentPublisher {
  const known = new Map<string, Intent>();
  const waiting = new Set<() => void>();
  let running: Promise<void> | undefined;
  let again = false;

  const rebuildAll = async (): Promise<void> => {
    do {
      again = false;
      for (const plane of Object.keys(parts.planes)) {
        const intent = await rebuild(parts, plane);
        await take(intent);
      }
      wakeAll(waiting);
    } while (again);
  };

  const take = async (intent: Intent): Promise<void> => {
    // INVARIANT: the version that is handed out never goes back, whoever published it.
    if (intent.version <= (known.get(intent.plane)?.version ?? 0)) return;
    const document = (await parts.reveal?.(intent.document)) ?? intent.document;
    if (intent.version <= (known.get(intent.plane)?.version ?? 0)) return;
    known.set(intent.plane, { ...intent, document });
  };

  return {
    async refresh() {
      if (running !== undefined) {
        again = true;
        return running;
      }
      running = rebuildAll().finally(() => {
        running = undefined;
      });
      return running;
    },
    async load() {
      const stored = await parts.database.transaction(
        "system",
        (sql) => sql<Intent>`select plane, version, document from intent`,
      );
      for (const intent of stored) await take(intent);
      wakeAll(waiting);
    },
    current: (plane) => known.get(plane),
    async newerThan(plane, version, signal) {
      for (;;) {
        const intent = known.get(plane);
        if (intent !== undefined && intent.version > version) return intent;
        if (signal.aborted) return undefined;
        await untilWoken(waiting, signal);
      }
    },
  };
}

async function rebuild(
  { database, planes, clock }: Parameters<typeof createIntentPublisher>[0],
  plane: string,
): Promise<Intent> {
  return database.transaction("system", async (sql) => {
    // One builder at a time, or two could write the same version with different content.
    await sql`select pg_advisory_xact_lock(${INTENT_LOCK})`;
    await sql`delete from intent_change where plane = ${plane}`;
    const document = await assemble(sql, planes[plane] ?? [], clock());
    const [stored] = await sql<{ version: number; document: Intent["document"] }>`
      select version, document from intent where plane = ${plane}`;
    if (stored !== undefined && isDeepStrictEqual(stored.document, document)) {
      return { plane, version: stored.version, document };
    }
    const version = (stored?.version ?? 0) + 1;
    await sql`
      insert into intent (plane, version, document, update_time)
      values (${plane}, ${version}, ${document}, ${new Date(clock()).toISOString()})
      on conflict (plane) do update set version = excluded.version,
        document = excluded.document, update_time = excluded.update_time`;
    // Sent at the commit; every control plane then hands the new version to its nodes.
    await sql`select pg_notify(${INTENT_CHANNEL}, ${plane})`;
    return { plane, version, document };
  });
}

async function assemble(sql: Sql, sections: readonly IntentSection[], nowMs: number) {
  const document: Record<string, unknown[]> = {};
  for (const section of sections) {
    for (const [name, items] of Object.entries(await section(sql, nowMs))) {
      document[name] = [...(document[name] ?? []), ...items];
    }
  }
  return document;
}
