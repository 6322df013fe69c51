/** Rules of taking on roles. */
import type { Identity } from "../../kernel/identity/identity.ts";

export const limits = {
  sessionSecondsDefault: 3_600,
  /** A session begun from another role's session; as the big clouds limit it. */
  chainedSecondsMax: 3_600,
} as const;

/** What this service must know of a role. */
export type TrustedRole = {
  readonly accountId: string;
  readonly accountName: string;
  readonly roleId: string;
  readonly name: string;
  readonly trust: unknown;
  readonly sessionSecondsMax: number;
};

/** How long the session lasts; undefined when more was asked than may be. */
export function sessionSeconds(
  role: Pick<TrustedRole, "sessionSecondsMax">,
  asked: number | undefined,
  chained: boolean,
): number | undefined {
  const max = chained
    ? Math.min(role.sessionSecondsMax, limits.chainedSecondsMax)
    : role.sessionSecondsMax;
  if (asked === undefined) return Math.min(limits.sessionSecondsDefault, max);
  return asked <= max ? asked : undefined;
}

/** The caller as the role's trust document sees it: who he is, without his own policies. */
export function asTrusted(identity: Identity, role: TrustedRole): Identity {
  const { caller, groupIds, tags, mfaTimeMs } = identity;
  return {
    caller,
    mfaTimeMs,
    ...(groupIds === undefined ? {} : { groupIds }),
    ...(tags === undefined ? {} : { tags }),
    policies: [
      // The trust text is its own version: two texts never share a compiled set.
      {
        policyId: `trust:${role.roleId}`,
        version: JSON.stringify(role.trust),
        document: role.trust,
      },
    ],
  };
}
