/** What this service asks of keyd, with keyd's refusals in its own words. */
import type { KeydClient } from "../../kernel/keyd/client.ts";
import { KeydError } from "../../kernel/keyd/protocol.ts";
import { Problem } from "../../kernel/problem.ts";

export type Seals = Pick<KeydClient, "seal" | "open">;

/** @throws Problem in place of a KeydError. */
async function asked<Answer>(answer: Promise<Answer>): Promise<Answer> {
  try {
    return await answer;
  } catch (cause) {
    if (!(cause instanceof KeydError)) throw cause;
    const damaged = cause.reason === "ciphertextInvalid" || cause.reason === "rolledBack";
    const known = damaged ? "encryption.vaultDamaged" : "encryption.keysUnavailable";
    throw new Problem(cause.reason === "internal" ? "kernel.internal" : known, { cause });
  }
}

export function sealedValues(keyd: Seals, accountId: string) {
  return {
    async seal(purpose: string, bytes: Buffer): Promise<Buffer> {
      const sealed = await asked(keyd.seal(purpose, accountId, bytes));
      bytes.fill(0);
      return sealed;
    },
    open: (purpose: string, sealed: Buffer): Promise<Buffer> =>
      asked(keyd.open(purpose, accountId, sealed)),
  };
}
