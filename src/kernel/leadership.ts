/**
 * The one control plane that does the work only one may do. A lease in the database, by the
 * database's clock; every transaction of that work holds the lease, so that a leader that was
 * thought dead can finish what it began and begin nothing more. docs/decisions/0025.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Database } from "./store/database.ts";

export const leaseTimes = { ttlMs: 10_000, renewMs: 3_000, marginMs: 1_500 } as const;

/** Thrown in a transaction of leader's work when the lease is another's or is over. */
export class LeadershipLost extends Error {
  override readonly name = "LeadershipLost";
}

export type Leadership = {
  /** Whether this process leads now, as far as it knows; what counts is `fenced`. */
  leads(): boolean;
  /** The database for leader's work: no transaction commits after the lease was taken over. */
  readonly fenced: Database;
  /** Takes or renews the lease once. */
  renew(): Promise<void>;
  /** Renews until the signal ends it, then gives the lease back. */
  keep(signal: AbortSignal): Promise<void>;
};

const NAME = "jobs";

/** The leadership of this process, which does not lead before `renew`. */
export function createLeadership(parts: {
  readonly database: Database;
  readonly instance: string;
  readonly report: (line: Readonly<Record<string, unknown>>) => void;
  readonly times?: { readonly ttlMs: number; readonly renewMs: number; readonly marginMs: number };
}): Leadership {
  const { database, instance, report } = parts;
  const { ttlMs, renewMs, marginMs } = parts.times ?? leaseTimes;
  let epoch: number | undefined;
  let untilMs = 0;
  const leads = () => epoch !== undefined && performance.now() < untilMs;

  const renew = async (): Promise<void> => {
    // Counted from before the question: the lease ends earlier here than in the database.
    const askedMs = performance.now();
    const held = await takeLease(database, { instance, ttlMs });
    if (held !== epoch) report({ level: "info", part: "leadership", leads: held !== undefined });
    epoch = held;
    untilMs = held === undefined ? 0 : askedMs + ttlMs - marginMs;
  };

  return {
    leads,
    renew,
    fenced: {
      ...database,
      transaction: (scope, work) =>
        database.transaction(scope, async (sql) => {
          const [row] = await sql<{ held: boolean }>`
            select cordon_hold_lease(${NAME}, ${instance}, ${epoch ?? -1}) as held`;
          if (row?.held !== true) throw new LeadershipLost("Another control plane leads now");
          return work(sql);
        }),
    },
    async keep(signal) {
      while (!signal.aborted) {
        await renew().catch((error: unknown) =>
          report({ level: "error", part: "leadership", error: String(error) }),
        );
        await sleep(renewMs, undefined, { signal }).catch(() => {});
      }
      epoch = undefined;
      await giveBack(database, instance).catch(() => {});
    },
  };
}

/** The epoch of the lease when it is this instance's now. */
function takeLease(
  database: Database,
  { instance, ttlMs }: { readonly instance: string; readonly ttlMs: number },
): Promise<number | undefined> {
  const seconds = ttlMs / 1000;
  return database.transaction("system", async (sql) => {
    // Its own first and by itself: an update that names the epoch would wait for its own jobs.
    const [kept] = await sql<{ epoch: number }>`
      update leader set expire_time = clock_timestamp() + make_interval(secs => ${seconds})
      where name = ${NAME} and instance = ${instance} returning epoch`;
    if (kept !== undefined) return kept.epoch;
    const [taken] = await sql<{ epoch: number }>`
      update leader set instance = ${instance}, epoch = epoch + 1,
        expire_time = clock_timestamp() + make_interval(secs => ${seconds})
      where name = ${NAME} and expire_time < clock_timestamp() returning epoch`;
    if (taken !== undefined) return taken.epoch;
    const [first] = await sql<{ epoch: number }>`
      insert into leader (name, epoch, instance, expire_time)
      values (${NAME}, 1, ${instance}, clock_timestamp() + make_interval(secs => ${seconds}))
      on conflict do nothing returning epoch`;
    return first?.epoch;
  });
}

function giveBack(database: Database, instance: string): Promise<unknown> {
  return database.transaction(
    "system",
    (sql) => sql`update leader set expire_time = clock_timestamp()
      where name = ${NAME} and instance = ${instance}`,
  );
}
