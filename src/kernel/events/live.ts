/**
 * Events as they arrive, fanned out to whoever watches an account. Bounded: a slow watcher loses.
 */

export type LiveEvent = {
  readonly accountId: string;
  readonly event: Readonly<Record<string, unknown>>;
};

export type LiveEvents = {
  publish(event: LiveEvent): void;
  /** Number of watchers, so that nobody parses what nobody sees. */
  watcherCount(): number;
  /**
   * Events of one account from now on, until the signal ends it; `undefined` marks a quiet period,
   * so that the connection can be kept alive.
   */
  watch(
    accountId: string,
    signal: AbortSignal,
  ): AsyncIterable<Readonly<Record<string, unknown>> | undefined>;
};

const QUEUE_MAX = 2_000;
const WATCHERS_MAX = 200;
const QUIET_MS = 15_000;

type Watcher = { accountId: string; queue: LiveEvent["event"][]; wake: () => void };

/** A hub without watchers. */
export function createLiveEvents(): LiveEvents {
  const watchers = new Set<Watcher>();
  return {
    publish({ accountId, event }) {
      for (const watcher of watchers) {
        if (watcher.accountId !== accountId || watcher.queue.length >= QUEUE_MAX) continue;
        watcher.queue.push(event);
        watcher.wake();
      }
    },
    watcherCount: () => watchers.size,
    async *watch(accountId, signal) {
      if (watchers.size >= WATCHERS_MAX) return;
      const watcher: Watcher = { accountId, queue: [], wake: () => {} };
      watchers.add(watcher);
      try {
        while (!signal.aborted) {
          const next = watcher.queue.shift();
          if (next !== undefined) yield next;
          else if (!(await waitFor(watcher, signal))) yield undefined;
        }
      } finally {
        watchers.delete(watcher);
      }
    },
  };
}

/** Resolves true when something came, false when it stayed quiet. */
function waitFor(watcher: Watcher, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const done = (came: boolean) => {
      clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
      watcher.wake = () => {};
      resolve(came);
    };
    const onAbort = () => done(true);
    const timer = setTimeout(() => done(false), QUIET_MS);
    signal.addEventListener("abort", onAbort);
    watcher.wake = () => done(true);
  });
}
