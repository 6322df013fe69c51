/** Reads address lists in a thread of its own, so that a million lines hold nobody up. */
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { type ListChange, type ReadList, readList } from "./list-text.ts";

const TIMEOUT_MS = 60_000;
const HEAP_MIB_MAX = 1_024;

/** What `readList` says, from another thread. @throws Error when it takes too long. */
export function readListApart(change: ListChange): Promise<ReadList> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL(import.meta.url), {
      workerData: change,
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MIB_MAX },
    });
    const timer = setTimeout(() => {
      void worker.terminate();
      reject(new Error(`The list could not be read within ${TIMEOUT_MS / 1_000} seconds`));
    }, TIMEOUT_MS);
    worker.once("message", (read: ReadList) => {
      clearTimeout(timer);
      resolve(read);
    });
    worker.once("error", (error) => {
      clearTimeout(timer);
      reject(error);
    });
  });
}

// What stands in workerData is what readListApart has put there.
if (!isMainThread) parentPort?.postMessage(readList(workerData as ListChange));
