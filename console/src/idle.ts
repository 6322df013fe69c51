/** What may wait until the page answers to the person who opened it. */
import { startTransition, useEffect, useState } from "react";

const WAIT_MAX_MS = 1_000;

/** Resolves when the browser has nothing else to do, at the latest after a second. */
export const idle = (): Promise<unknown> =>
  new Promise((resolve) => {
    if ("requestIdleCallback" in window) requestIdleCallback(resolve, { timeout: WAIT_MAX_MS });
    else setTimeout(resolve, WAIT_MAX_MS);
  });

/** False while what is seen first is drawn; what comes with true never holds up a key. */
export function useAfterFirst(): boolean {
  const [after, setAfter] = useState(false);
  useEffect(() => {
    let current = true;
    void idle().then(() => {
      if (current) startTransition(() => setAfter(true));
    });
    return () => {
      current = false;
    };
  }, []);
  return after;
}
