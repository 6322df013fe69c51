/** What may differ from a site's rules when a request is explained, and what is replayed. */
import Type from "typebox";
import { Lacking, StoredId } from "./record-operations.ts";
import { RuleSetId, siteSettings } from "./resources.ts";

export const candidateFields = {
  /** Uid of an event, or a request id: what was stored of it stands for what is not given here. */
  event: Type.Optional(StoredId),
  paranoiaLevel: Type.Optional(siteSettings.paranoiaLevel),
  inboundThreshold: Type.Optional(siteSettings.inboundThreshold),
  /** Another rule set than the one that the site follows. */
  ruleSetId: Type.Optional(RuleSetId),
  /** Exclusions to try beside the site's: `RULE VARIABLE /PATH`, the last two may be left out. */
  draftExclusions: Type.Optional(
    Type.Array(
      Type.String({
        maxLength: 1_300,
        pattern: "^[1-9][0-9]{0,7}(?: [A-Z_]+(?::[^\\s/]+)?)?(?: /[^\\s]*)?$",
      }),
      { maxItems: 20 },
    ),
  ),
};

/** The stored request as it was run; null when none was named. */
export const Replayed = Type.Union([
  Type.Object({
    uid: Type.String(),
    method: Type.String(),
    target: Type.String(),
    headers: Type.Array(Type.String()),
    body: Type.String(),
    /** `record`: as it came, but for what is missing. `event`: what its event tells of it. */
    source: Type.Enum(["record", "event"]),
    /** Whether it was run as it came, nothing missing and nothing changed. */
    isWhole: Type.Boolean(),
    /** What was not run, or not as it came; `lacks` says the same in codes. */
    missing: Type.String(),
    lacks: Type.Array(Lacking),
  }),
  Type.Null(),
]);

export const candidateFaults = [
  "waf.requestNotFound",
  "waf.requestMissing",
  "waf.ruleSetNotFound",
  "waf.lakeUnavailable",
];

export const candidateProblems = {
  "waf.requestMissing": {
    code: 400,
    message: "There is no request to explain",
    fix: "Give a target such as /search?q=x, or the id of a stored request as event",
  },
  "waf.requestNotFound": {
    code: 404,
    message: "There is no stored request with this id on this site",
    fix: "Take X-Request-Id of the answer or a uid of events event search; details stay 30 days",
  },
  "waf.lakeUnavailable": {
    code: 503,
    message: "The event lake does not answer now",
    fix: "Try again in some seconds; ./cordon status shows the lake's state. Nothing is lost",
  },
} as const;
