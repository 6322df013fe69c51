/**
 * What all control planes must remember together: nonces of signed requests, and calls of the
 * operations whose limit is tight. Each process looks in its own memory first.
 */
import { createHash } from "node:crypto";
import type { Job } from "../jobs.ts";
import type { Database } from "../store/database.ts";
import { limits } from "./signed-request.ts";

const WINDOW_MS = 60_000;
const hashOf = (text: string) => createHash("sha256").update(text).digest();

export type SharedMemory = {
  /** False when any control plane took this nonce of this key before. */
  useNonce(accessKeyId: string, nonce: string, nowMs: number): Promise<boolean>;
  /** False when the key has had `perMinute` calls at all control planes in this minute. */
  allow(key: string, perMinute: number, nowMs: number): Promise<boolean>;
};

/** Limits up to this are counted together; above it each process brakes for itself. */
export const SHARED_PER_MINUTE_MAX = 120;

/** The memory in this database. */
export function createSharedMemory(database: Database): SharedMemory {
  return {
    useNonce: (accessKeyId, nonce, nowMs) =>
      database.transaction("system", async (sql) => {
        // Read by every other process at once; only a crash of the database may forget the last.
        await sql`set local synchronous_commit = off`;
        const expire = new Date(nowMs + 2 * limits.dateWindowMs).toISOString();
        const inserted = await sql`
          insert into signed_nonce (key_hash, expire_time)
          values (${hashOf(`${accessKeyId} ${nonce}`)}, ${expire})
          on conflict do nothing returning 1 as one`;
        return inserted.length === 1;
      }),
    allow: (key, perMinute, nowMs) =>
      database.transaction("system", async (sql) => {
        await sql`set local synchronous_commit = off`;
        const [row] = await sql<{ calls: number }>`
          insert into rate_count (key_hash, window_start, calls)
          values (${hashOf(key)}, ${Math.floor(nowMs / WINDOW_MS)}, 1)
          on conflict (key_hash, window_start) do update set calls = rate_count.calls + 1
          returning calls`;
        return (row?.calls ?? 1) <= perMinute;
      }),
  };
}

/** Forgets what can no longer matter. */
export function forgetJob(database: Database, clock: () => number): Job {
  return {
    name: "sharedMemory",
    everyMs: 60_000,
    run: () =>
      database.transaction("system", async (sql) => {
        const window = Math.floor(clock() / WINDOW_MS);
        await sql`delete from signed_nonce where expire_time < ${new Date(clock()).toISOString()}`;
        await sql`delete from rate_count where window_start < ${window - 1}`;
      }),
  };
}
