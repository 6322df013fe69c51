/** Work that holds nobody up: one module run in a thread of its own, bound in time and memory. */
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";

/**
 * Asks a module that ends with `answerInThread`.
 *
 * @returns undefined when it took longer than allowed.
 * @throws Error when the thread failed; past its heap one that `isOutOfMemory`.
 */
export function askThread<Answer>(
  moduleUrl: string,
  given: unknown,
  limits: { readonly timeoutMs: number; readonly heapMiBMax: number },
): Promise<Answer | undefined> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL(moduleUrl), {
      workerData: given,
      resourceLimits: { maxOldGenerationSizeMb: limits.heapMiBMax },
    });
    const timer = setTimeout(() => {
      void worker.terminate();
      resolve(undefined);
    }, limits.timeoutMs);
    worker.once("message", (answer: Answer) => {
      clearTimeout(timer);
      resolve(answer);
    });
    worker.once("error", (error) => {
      clearTimeout(timer);
      reject(error);
    });
  });
}

/** Whether a thread failed since it needed more memory than it may have. */
export const isOutOfMemory = (error: unknown): boolean =>
  error instanceof Error && "code" in error && error.code === "ERR_WORKER_OUT_OF_MEMORY";

/** Answers what `askThread` gave, where this module runs as its thread; else does nothing. */
export function answerInThread<Given>(work: (given: Given) => unknown): void {
  if (isMainThread) return;
  // What stands in workerData is what askThread has put there.
  Promise.resolve(work(workerData as Given)).then(
    (answer) => parentPort?.postMessage(answer),
    (error: unknown) => {
      throw error;
    },
  );
}
