/** Work that comes back by itself. A failure is reported and the next turn tries again. */
import { setTimeout as sleep } from "node:timers/promises";

export type Job = {
  readonly name: string;
  readonly everyMs: number;
  readonly run: () => Promise<unknown>;
};

/** Runs jobs until the signal ends them; resolves when none runs any more. */
export async function runJobs(
  jobs: readonly Job[],
  signal: AbortSignal,
  report: (line: Readonly<Record<string, unknown>>) => void,
): Promise<void> {
  await Promise.all(
    jobs.map(async ({ name, everyMs, run }) => {
      while (!signal.aborted) {
        try {
          await run();
        } catch (error) {
          if (!signal.aborted) report({ level: "error", job: name, error: String(error) });
        }
        await sleep(everyMs, undefined, { signal }).catch(() => {});
      }
    }),
  );
}
