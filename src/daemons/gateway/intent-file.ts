/** Intents from a JSON file, read at the start and at every SIGHUP: for tests, and standalone. */
import { readFile } from "node:fs/promises";

/** Yields the parsed file; what cannot be read or parsed is told to `onFault` and passed over. */
export async function* intentsOfFile(
  path: string,
  options: { signal: AbortSignal; onFault: (message: string) => void },
): AsyncGenerator<unknown> {
  let isDue = true;
  let wake = () => {};
  const onHangup = () => {
    isDue = true;
    wake();
  };
  process.on("SIGHUP", onHangup);
  options.signal.addEventListener("abort", () => wake());
  try {
    while (!options.signal.aborted) {
      if (isDue) {
        isDue = false;
        const document = await readDocument(path, options.onFault);
        if (document !== undefined) yield document;
      } else {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    }
  } finally {
    process.off("SIGHUP", onHangup);
  }
}

async function readDocument(path: string, onFault: (message: string) => void): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, "utf8"));
  } catch (error) {
    onFault(`Cannot read the intent ${path}: ${error instanceof Error ? error.message : error}`);
    return undefined;
  }
}
