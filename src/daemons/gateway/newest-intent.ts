/** The intents of a worker: applied one at a time, and of those that wait only the newest. */
import type { GatewayIntent } from "./intent.ts";

export type NewestIntent = {
  readonly give: (intent: GatewayIntent) => void;
  /** Resolves when there is one. */
  readonly first: Promise<void>;
  /**
   * Applies the newest, then what came while its rule sets were compiled; resolves when nothing is
   * left. Called while it runs, it leaves the newest to that run.
   */
  readonly applyWith: (apply: (intent: GatewayIntent) => void) => Promise<void>;
};

export type ApplyingIntents = {
  /** What takes long, done in pieces while the intent before is in force. */
  readonly prepare: (intent: GatewayIntent) => Promise<void>;
  /** Told of each that was tried; null = it is in force. */
  readonly tell: (version: number, fault: unknown) => void;
};

export function newestIntent({ prepare, tell }: ApplyingIntents): NewestIntent {
  const first = Promise.withResolvers<void>();
  let newest: GatewayIntent | undefined;
  let tried: GatewayIntent | undefined;
  let isApplying = false;
  return {
    first: first.promise,
    give(intent) {
      newest = intent;
      first.resolve();
    },
    async applyWith(apply) {
      if (isApplying) return;
      isApplying = true;
      while (newest !== undefined && newest !== tried) {
        const intent = newest;
        tried = intent;
        try {
          await prepare(intent);
          apply(intent);
          tell(intent.version, null);
        } catch (error) {
          tell(intent.version, error);
        }
      }
      isApplying = false;
    },
  };
}
