/** Which kinds of leaks a site masks. */
import type { LeakKind } from "../../engines/leaks/mask.ts";
import type { LeakSettings } from "../../kernel/intent/site-delivery.ts";

/** The kinds that a site masks; null when it masks none. */
export function leakKinds(leaks: LeakSettings | undefined): ReadonlySet<LeakKind> | null {
  if (leaks === undefined) return null;
  const kinds = new Set<LeakKind>();
  if (leaks.maskIdCards) kinds.add("idCard");
  if (leaks.maskPhones) kinds.add("phone");
  if (leaks.maskEmails) kinds.add("email");
  if (leaks.maskBankCards) kinds.add("bankCard");
  if (leaks.maskStackTraces) kinds.add("stackTrace");
  return kinds.size === 0 ? null : kinds;
}
