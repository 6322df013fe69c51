/** Work that comes back by itself. A failure is reported and the next turn tries again. */
import { setTimeout as sleep } from "node:timers/promises";

export type Job = {
  readonly name: string;
  readonly everyMs: number;
  /** Runs in every control plane; without it only in the one that leads. */
  readonly everywhere?: true;
  readonly run: () => Promise<unknown>;
};

/** How soon a process that does not lead looks whether it does. */
const FOLLOW_MS = 1_000;

export type JobRun = {
  readonly name: string;
  readonly outcome: "ok" | "failed";
  readonly seconds: number;
};

export type JobParts = {
  readonly report: (line: Readonly<Record<string, unknown>>) => void;
  /** Whether this process does the work that only one may do; always, when not given. */
  readonly leads?: () => boolean;
  /** Told of each turn; for metrics. */
  readonly ran?: (run: JobRun) => void;
};

/** Runs jobs until the signal ends them; resolves when none runs any more. */
export async function runJobs(
  jobs: readonly Job[],
  signal: AbortSignal,
  parts: JobParts,
): Promise<void> {
  const { report, ran = () => {}, leads = () => true } = parts;
  await Promise.all(
    jobs.map(async ({ name, everyMs, run, everywhere }) => {
      while (!signal.aborted) {
        if (everywhere !== true && !leads()) {
          await sleep(Math.min(everyMs, FOLLOW_MS), undefined, { signal }).catch(() => {});
          continue;
        }
        const beganMs = performance.now();
        let outcome: JobRun["outcome"] = "ok";
        try {
          await run();
        } catch (error) {
          outcome = "failed";
          if (!signal.aborted) report({ level: "error", job: name, error: String(error) });
        }
        ran({ name, outcome, seconds: (performance.now() - beganMs) / 1000 });
        await sleep(everyMs, undefined, { signal }).catch(() => {});
      }
    }),
  );
}
