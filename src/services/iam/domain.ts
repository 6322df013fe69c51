/** Rules of users, policies and credentials. */
import type { PolicyDocument, SecuritySettings, User } from "./contract.ts";

export const limits = {
  sessionIdleMs: 8 * 3_600_000,
  sessionAbsoluteMs: 24 * 3_600_000,
  bearerKeysPerUserMax: 2,
  accessKeysPerUserMax: 2,
  policiesPerPrincipalMax: 10,
  groupsPerUserMax: 10,
  usersPerGroupMax: 100,
  groupsMax: 300,
  usersMax: 5_000,
  rolesMax: 1_000,
  policiesMax: 1_500,
  policyVersionsKept: 20,
  resourcePoliciesMax: 200,
  /** How long a sign-in may wait for its second factor, or a browser for a passkey. */
  ceremonyTtlMs: 5 * 60_000,
  oidcProvidersMax: 20,
  scimCredentialsMax: 5,
  invitationTtlMs: 7 * 86_400_000,
  /** How long an opened root user stays open. */
  rootOpenMs: 3_600_000,
  passkeysPerUserMax: 10,
  backupCodes: 10,
  /** Requests that a replay looks at, and kinds of change that it tells. */
  replayMax: 100_000,
  replayChangesMax: 500,
  failuresFree: 5,
  lockMsMax: 15 * 60_000,
} as const;

export const ADMINISTRATOR = "Administrator";

/** In the place of a password's hash: no password is this one's. */
export const NO_PASSWORD = "!";

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
            "iam:ExplainDecision",
            "iam:ValidatePolicy",
            "iam:*Own*",
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

/**
 * What every user may do without any policy and under every boundary: know who he is, leave, and
 * look after his own password and second factors.
 */
export const selfServicePolicy = {
  policyId: "self-service",
  version: 2,
  document: {
    version: "1",
    statement: [
      { effect: "allow", action: ["iam:GetCaller", "iam:SignOut"], resource: "*" },
      { effect: "allow", action: "iam:*Own*", resource: "*" },
    ],
  },
} as const;

/** True when some enabled user would still hold Administrator after the change. */
export function keepsAdministrator(
  users: readonly Pick<User, "userId" | "enabled" | "policyIds" | "boundaryPolicyId" | "sealed">[],
  administratorPolicyId: string,
): boolean {
  // Only what is attached to the user itself counts: a group's policy can be taken elsewhere.
  return users.some(
    (user) =>
      user.enabled &&
      !user.sealed &&
      user.boundaryPolicyId === null &&
      user.policyIds.includes(administratorPolicyId),
  );
}

/** What holds for an account until it says otherwise. */
export const securityDefaults: SecuritySettings = {
  passwordLengthMin: 12,
  passwordClassesMin: 1,
  passwordHistory: 0,
  requireMfa: false,
};

const CLASSES = [/\p{Ll}/u, /\p{Lu}/u, /\p{N}/u, /[^\p{L}\p{N}]/u];

/** What is wrong with a password by the account's rules. */
export function passwordFaults(
  password: string,
  userName: string,
  settings: SecuritySettings,
): string[] {
  const faults: string[] = [];
  const length = [...password].length;
  if (length < settings.passwordLengthMin) {
    faults.push(`has ${length} characters and must have ${settings.passwordLengthMin}`);
  }
  const classes = CLASSES.filter((one) => one.test(password)).length;
  if (classes < settings.passwordClassesMin) {
    faults.push(
      `has ${classes} of lower case, upper case, digits and others, and must have ` +
        `${settings.passwordClassesMin}`,
    );
  }
  if (userName.length >= 3 && password.toLowerCase().includes(userName.toLowerCase())) {
    faults.push("holds the user's name");
  }
  if (new Set(password).size < 5) faults.push("has fewer than 5 different characters");
  return faults;
}

const KEY_PREFIX = "cordon_";

/** A bearer key's text: a prefix that secret scanners can find, then 256 random bits. */
export function bearerKeyText(secret: string): string {
  return `${KEY_PREFIX}${secret}`;
}

/** A directory's token as it is shown once; it can be told from a bearer key. */
export function scimTokenText(secret: string): string {
  return `${KEY_PREFIX}scim_${secret}`;
}

/** What the credential of a directory may do, and nothing else. */
export const directoryPolicy = {
  policyId: "directory",
  version: 1,
  document: {
    version: "1",
    statement: [{ effect: "allow", action: "iam:Scim*", resource: "*" }],
  },
} as const;

/** How long attempts are refused after this many failures: a minute, doubling to a quarter hour. */
export function lockMs(failures: number): number {
  if (failures < limits.failuresFree) return 0;
  return Math.min(60_000 * 2 ** Math.min(failures - limits.failuresFree, 10), limits.lockMsMax);
}

const CODE_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz";

/** A back-up code of 50 random bits, without letters that look like others. */
export function backupCodeOf(random: Buffer): string {
  const text = [...random.subarray(0, 10)].map((byte) => CODE_ALPHABET.charAt(byte & 31)).join("");
  return `${text.slice(0, 5)}-${text.slice(5)}`;
}
