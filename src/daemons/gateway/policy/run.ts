/** What the policy of a site decided about one request, kept with its exchange for the event. */
import type { Facts } from "../../../engines/sitepolicy/facts.ts";

export type DecisionKind =
  | "list"
  | "geo"
  | "bot"
  | "honeypot"
  | "rule"
  | "patch"
  | "rateLimit"
  | "challenge"
  | "upload";

/** One decision; `enforced: false` in mode `observe`, and for what only logs. */
export type Decision = {
  readonly kind: DecisionKind;
  readonly id: string;
  readonly name: string;
  readonly action: string;
  readonly enforced: boolean;
  readonly detail: string;
};

/** What the event tells of it. */
export type PolicyFinding = {
  readonly routeId: string | null;
  readonly country: string;
  readonly asn: string;
  readonly fingerprint: string;
  readonly decisions: readonly Decision[];
};

export type HeaderChange = { readonly name: string; readonly value: string | null };

export type PolicyRun = {
  readonly routeId: string | null;
  facts: Facts | null;
  /** The facts by each way in which the path can be read, the one that decodes most first. */
  readings: readonly Facts[];
  readonly decisions: Decision[];
  /** The rule to go on with once the body is there; -1 when all is decided. */
  resumeAt: number;
  /** An `allow` that passes the rule set too. */
  skipsRules: boolean;
  headerChanges: HeaderChange[] | null;
};

export const DECISIONS_MAX = 32;

/** The finding of a run; null when the site's policy had no say. */
export function findingOf(run: PolicyRun | null): PolicyFinding | null {
  if (run === null) return null;
  const { facts, routeId, decisions } = run;
  return {
    routeId,
    country: facts?.country ?? "",
    asn: facts?.asn ?? "",
    fingerprint: facts?.fingerprint() ?? "",
    decisions,
  };
}
