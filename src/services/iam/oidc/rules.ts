/** What a provider's claims make of a person: pure rules, decided without any I/O. */
import type { Fault } from "../../../kernel/problem.ts";
import type { ProviderRules } from "./resources.ts";

/** Claims of an ID token that was verified. */
export type Claims = Readonly<Record<string, unknown>> & { readonly sub: string };

export type Person = {
  readonly subject: string;
  readonly name: string;
  /** Groups that the rules give, and all that they could give. */
  readonly groupIds: readonly string[];
  readonly groupIdsManaged: readonly string[];
  readonly tags: Readonly<Record<string, string>>;
  /** The provider proved a second factor, and that counts. */
  readonly mfa: boolean;
};

/** The form of user names; claims are others' input. */
const USER_NAME = /^[A-Za-z0-9](?:[A-Za-z0-9._@+-]*[A-Za-z0-9])?$/;
const USER_NAME_LENGTH_MAX = 64;
const SUBJECT_LENGTH_MAX = 255;
const TAG_LENGTH_MAX = 256;

/** The claims that the rules look at. */
export function claimsWanted(rules: ProviderRules): string[] {
  const { nameClaim, emailDomains, groupRules, tagClaims } = rules;
  const email = emailDomains.length > 0 || nameClaim === "email" ? ["email", "email_verified"] : [];
  return [
    nameClaim,
    ...email,
    ...groupRules.map(({ claim }) => claim),
    ...Object.values(tagClaims),
  ];
}

/** Reads a person off the claims, or says what is wrong with them. */
export function personOf(claims: Claims, rules: ProviderRules): Person | { faults: Fault[] } {
  const faults: Fault[] = [];
  const { sub } = claims;
  // OpenID Connect Core §2: at most 255 ASCII characters.
  if (sub === "" || sub.length > SUBJECT_LENGTH_MAX) {
    faults.push({ path: "sub", message: "must have 1 to 255 characters" });
  }
  faults.push(...emailFaults(claims, rules));
  const name = claims[rules.nameClaim];
  if (typeof name !== "string" || !USER_NAME.test(name) || name.length > USER_NAME_LENGTH_MAX) {
    const message = "must be a user name: letters, digits and . _ @ + -, at most 64";
    faults.push({ path: rules.nameClaim, message });
  }
  if (faults.length > 0 || typeof name !== "string") return { faults };
  const matching = rules.groupRules.filter(({ claim, value }) => holds(claims[claim], value));
  return {
    subject: sub,
    name: rules.nameClaim === "email" ? name.toLowerCase() : name,
    groupIds: unique(matching.flatMap(({ groupIds }) => groupIds)),
    groupIdsManaged: unique(rules.groupRules.flatMap(({ groupIds }) => groupIds)),
    tags: tagsOf(claims, rules),
    mfa: rules.trustMfa && holds(claims.amr, "mfa"),
  };
}

/** An address that nobody verified is what somebody typed in: it identifies nobody. */
function emailFaults(claims: Claims, { nameClaim, emailDomains }: ProviderRules): Fault[] {
  if (nameClaim !== "email" && emailDomains.length === 0) return [];
  const { email, email_verified: verified } = claims;
  if (typeof email !== "string") return [{ path: "email", message: "is missing" }];
  // Some providers write the boolean as text.
  if (verified !== true && verified !== "true") {
    return [{ path: "email_verified", message: "the provider has not verified this address" }];
  }
  const domain = email.slice(email.lastIndexOf("@") + 1).toLowerCase();
  if (emailDomains.length > 0 && !emailDomains.includes(domain)) {
    return [{ path: "email", message: "its domain may not sign in here" }];
  }
  return [];
}

function holds(claim: unknown, value: string): boolean {
  return Array.isArray(claim) ? claim.includes(value) : claim === value;
}

function tagsOf(claims: Claims, { tagClaims }: ProviderRules): Record<string, string> {
  const tags: Record<string, string> = {};
  for (const [tag, claim] of Object.entries(tagClaims)) {
    const value = claims[claim];
    if (typeof value === "string") tags[tag] = value.slice(0, TAG_LENGTH_MAX);
  }
  return tags;
}

function unique(values: readonly string[]): string[] {
  return [...new Set(values)];
}
