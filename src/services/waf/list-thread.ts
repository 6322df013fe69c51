/** Reads address lists in a thread of its own, so that a million lines hold nobody up. */
import { answerInThread, askThread } from "../../kernel/process/thread.ts";
import { type ListChange, type ReadList, readList } from "./list-text.ts";

const limits = { timeoutMs: 60_000, heapMiBMax: 1_024 } as const;

/** What `readList` says, from another thread. @throws Error when it takes too long. */
export async function readListApart(change: ListChange): Promise<ReadList> {
  const read = await askThread<ReadList>(import.meta.url, change, limits);
  if (read !== undefined) return read;
  throw new Error(`The list could not be read within ${limits.timeoutMs / 1_000} seconds`);
}

answerInThread(readList);
