/** Rules of users, policies and credentials. */
import type { Policy, PolicyDocument, User } from "./contract.ts";

export const limits = {
  sessionIdleMs: 8 * 3_600_000,
  sessionAbsoluteMs: 24 * 3_600_000,
  bearerKeysPerUserMax: 2,
  accessKeysPerUserMax: 2,
} as const;

export const ADMINISTRATOR = "Administrator";

/** Policies that every account has from its first day. */
export const managedPolicies: readonly {
  readonly name: string;
  readonly description: string;
  readonly document: PolicyDocument;
}[] = [
  {
    name: ADMINISTRATOR,
    description: "Everything in this account",
    document: { version: "1", statement: [{ effect: "allow", action: "*", resource: "*" }] },
  },
  {
    name: "Auditor",
    description: "Reads everything in this account and changes nothing",
    document: {
      version: "1",
      statement: [
        {
          effect: "allow",
          action: [
            "*:Get*",
            "*:List*",
            "events:SearchEvents",
            "events:ExportEvents",
            "iam:SignOut",
            "iam:SimulatePolicy",
            "waf:ExplainRequest",
          ],
          resource: "*",
        },
      ],
    },
  },
  {
    name: "SiteOperator",
    description: "Runs sites, exclusions and lists, and handles incidents",
    document: {
      version: "1",
      statement: [
        {
          effect: "allow",
          action: ["waf:*", "incident:*", "events:*", "iam:GetCaller", "iam:SignOut"],
          resource: "*",
        },
      ],
    },
  },
];

/** What every signed-in user may do without any policy: know who he is, and leave. */
export const selfServicePolicy = {
  policyId: "self-service",
  version: "1",
  document: {
    version: "1",
    statement: [{ effect: "allow", action: ["iam:GetCaller", "iam:SignOut"], resource: "*" }],
  },
} as const;

/** True when some enabled user would still hold Administrator after the change. */
export function keepsAdministrator(
  users: readonly Pick<User, "userId" | "enabled" | "policyIds">[],
  administratorPolicyId: string,
): boolean {
  return users.some((user) => user.enabled && user.policyIds.includes(administratorPolicyId));
}

/** The users as they would be after one of them is changed; `undefined` removes it. */
export function withUser<Kept extends { userId: string }>(
  users: readonly Kept[],
  userId: string,
  change: ((user: Kept) => Kept) | undefined,
): Kept[] {
  const others = users.filter((user) => user.userId !== userId);
  const user = users.find((candidate) => candidate.userId === userId);
  return user === undefined || change === undefined ? others : [...others, change(user)];
}

export type StoredPolicy = Policy & { readonly version: string };

const KEY_PREFIX = "cordon_";

/** A bearer key's text: a prefix that secret scanners can find, then 256 random bits. */
export function bearerKeyText(secret: string): string {
  return `${KEY_PREFIX}${secret}`;
}
