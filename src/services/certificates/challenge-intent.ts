/** Proofs of HTTP-01 for the gateways: they answer them before anything else of a request. */
import type { IntentSection } from "../../kernel/intent/publisher.ts";
import type { Sql } from "../../kernel/store/database.ts";
import { applySystemStore } from "./apply-store.ts";

/** Answers below `/.well-known/acme-challenge/`, each for one domain. */
export function challengeSection(
  ownsDomain: (sql: Sql, accountId: string, domain: string) => Promise<boolean>,
): IntentSection {
  return async (sql) => {
    const challenges: { domain: string; token: string; keyAuthorization: string }[] = [];
    for (const row of await applySystemStore(sql).listAnswers()) {
      const { domain, token, keyAuthorization } = row;
      // A site may have gone, or gone to another account, since the proof was written.
      if (!(await ownsDomain(sql, row.accountId, domain))) continue;
      challenges.push({ domain, token, keyAuthorization });
    }
    return { challenges };
  };
}
