/** What a new password must be: the account's policy, not used lately, not known as breached. */
import { createHash } from "node:crypto";
import type { Context } from "../../kernel/context.ts";
import { verifyPassword } from "../../kernel/identity/password.ts";
import { Problem } from "../../kernel/problem.ts";
import { passwordFaults } from "./domain.ts";
import { securityStore } from "./security-store.ts";

/** True when the SHA-1 of a password is in the operator's list of breached ones. */
export type BreachedPasswords = { has(sha1: Buffer): Promise<boolean> };

/**
 * Accepts a password for a user.
 *
 * @throws Problem iam.passwordRefused with each reason.
 */
export async function acceptPassword(
  { breached }: { readonly breached: BreachedPasswords },
  { sql, accountId }: Context,
  {
    user,
    password,
  }: { user: { readonly userId: string; readonly name: string }; password: string },
): Promise<void> {
  const store = securityStore(sql);
  const settings = await store.settings(accountId);
  const faults = passwordFaults(password, user.name, settings);
  // SHA-1 is what such lists are published in; it protects nothing here.
  const sha1 = createHash("sha1").update(password, "utf8").digest();
  if (await breached.has(sha1)) faults.push("is in the list of breached passwords");
  const used = await store.lastPasswords(accountId, user.userId, settings.passwordHistory);
  for (const hash of used) {
    if (await verifyPassword(password, hash)) {
      faults.push(`is one of the last ${settings.passwordHistory} passwords`);
      break;
    }
  }
  if (faults.length === 0) return;
  const details = faults.map((message) => ({ path: "/password", message }));
  throw new Problem("iam.passwordRefused", { details });
}
