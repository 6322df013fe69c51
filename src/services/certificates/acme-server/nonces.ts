/** Nonces (RFC 8555 §6.5): given out, taken once. Lost with the process; clients then ask again. */
import { randomBytes } from "node:crypto";
import { acmeLimits } from "./protocol.ts";

export type Nonces = { give(): string; take(nonce: string): boolean };

/** @param clock milliseconds. */
export function createNonces(clock: () => number): Nonces {
  const given = new Map<string, number>();
  return {
    give() {
      // A flood of new nonces pushes out the oldest: it costs its sender a retry, not us memory.
      for (const oldest of given.keys()) {
        if (given.size < acmeLimits.noncesMax) break;
        given.delete(oldest);
      }
      const nonce = randomBytes(16).toString("base64url");
      given.set(nonce, clock());
      return nonce;
    },
    take(nonce) {
      const givenMs = given.get(nonce);
      given.delete(nonce);
      return givenMs !== undefined && clock() - givenMs < acmeLimits.nonceLifeMs;
    },
  };
}
