/** Rules of accounts and of the first set-up. */

import { compilePolicySet, decide } from "../../engines/policy/index.ts";
import type { Context } from "../../kernel/context.ts";
import { Problem } from "../../kernel/problem.ts";

export const limits = {
  guardrailsMax: 20,
  /** How far back, and over how many requests, a dry run of a guardrail looks. */
  dryRunWindowMs: 30 * 86_400_000,
  dryRunMax: 50_000,
  /** How long a set-up link works. */
  setupTokenTtlMs: 30 * 60_000,
} as const;

/** Set-up is pending while there is no account at all. */
export function setupPending(accountCount: number): boolean {
  return accountCount === 0;
}

/** @throws Problem account.operatorOnly. */
export function requireOperator({ caller }: Pick<Context, "caller">): void {
  if (!caller.operator) throw new Problem("account.operatorOnly");
}

/** An audited request that was allowed. */
export type AllowedRequest = {
  readonly accountId: string;
  readonly principalType: "user" | "role" | "service";
  readonly principalId: string;
  readonly principalName: string;
  readonly action: string;
  readonly resource: string;
  readonly sourceIp: string;
  readonly time: string;
  readonly mfaAgeSeconds: number | null;
};

/** Which of these requests a guardrail would have refused, counted by principal and action. */
export function wouldRefuse(
  { document }: { readonly document: unknown },
  requests: readonly AllowedRequest[],
) {
  const set = compilePolicySet([{ policyId: "draft", document }]);
  const counts = new Map<string, { request: AllowedRequest; count: number }>();
  for (const request of requests) {
    const { decision } = decide(set, {
      principal: {
        type: request.principalType,
        id: request.principalId,
        name: request.principalName,
        accountId: request.accountId,
      },
      action: request.action,
      resource: request.resource,
      sourceIp: request.sourceIp,
      timeMs: Date.parse(request.time),
      secureTransport: true,
      mfaAgeSeconds: request.mfaAgeSeconds ?? undefined,
    });
    if (decision === "allow") continue;
    const key = `${request.principalId} ${request.action}`;
    const entry = counts.get(key) ?? { request, count: 0 };
    entry.count += 1;
    counts.set(key, entry);
  }
  return [...counts.values()]
    .sort((left, right) => right.count - left.count)
    .slice(0, 200)
    .map(({ request: { accountId, principalName, action }, count }) => ({
      accountId,
      principalName,
      action,
      count,
    }));
}
