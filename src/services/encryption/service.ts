/** The handlers of the data encryption service, and the job that forgets what has ended. */
import { timeText } from "../../kernel/context.ts";
import { createRateLimiter } from "../../kernel/http/rate-limit.ts";
import { type Service, service } from "../../kernel/service.ts";
import type { Database } from "../../kernel/store/database.ts";
import { encryptionContract } from "./contract.ts";
import { profileHandlers } from "./profiles.ts";
import type { Seals } from "./sealed-values.ts";
import { tokenHandlers } from "./tokens.ts";

export function encryptionService({ keyd }: { readonly keyd: Seals }): Service {
  return service(encryptionContract, {
    ...profileHandlers(keyd),
    ...tokenHandlers({ keyd, rates: createRateLimiter() }),
  });
}

const ENDED_PER_RUN = 5_000;

/** Deletes tokens that have ended; until then they answer like those that never were. */
export function encryptionJobs(database: Database, clock: () => number) {
  const run = async (): Promise<void> => {
    const now = timeText(clock());
    await database.transaction(
      "system",
      (sql) => sql`
        delete from encryption_token where ctid = any(array(
          select ctid from encryption_token where expire_time <= ${now} limit ${ENDED_PER_RUN}))`,
    );
  };
  return [{ name: "tokens", everyMs: 60_000, run }];
}
