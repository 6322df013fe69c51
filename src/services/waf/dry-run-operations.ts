/** Trying a rule against the requests of the last hour before it is switched on. */
import Type, { type Static } from "typebox";
import { RuleAction, RuleCondition } from "../../kernel/intent/site-policy-document.ts";
import { input, operation, Time } from "../../kernel/operation.ts";
import { SiteId } from "./resources.ts";

const Count = Type.Integer({ minimum: 0 });

export const DryRun = Type.Object({
  /** Requests of the site that were looked at. */
  events: Count,
  /** True when there were more than are looked at; the newest were. */
  isTruncated: Type.Boolean(),
  /** Requests that the condition meets. */
  hits: Count,
  /** Requests of which the event does not keep what the condition asks for. */
  undecided: Count,
  /** Hits that the action would have refused or challenged. */
  wouldStop: Count,
  /** Those of them that passed: what would be new. */
  wouldStopPassed: Count,
  /** Different addresses among the hits. */
  sources: Count,
  samples: Type.Array(
    Type.Object({
      uid: Type.String(),
      time: Time,
      sourceIp: Type.String(),
      method: Type.String(),
      path: Type.String(),
      status: Count,
      wasBlocked: Type.Boolean(),
      wouldStop: Type.Boolean(),
    }),
  ),
});
export type DryRun = Static<typeof DryRun>;

export const dryRunOperations = {
  dryRunRule: operation({
    name: "waf.dryRunRule",
    summary: "Try a rule against the requests of the last hour; nothing is changed",
    method: "POST",
    path: "/sites/{siteId}:dryRunRule",
    action: "waf:DryRunRule",
    resource: "site/{siteId}",
    input: input({
      siteId: SiteId,
      /** Null or absent: every request. */
      when: Type.Optional(Type.Union([RuleCondition, Type.Null()])),
      action: RuleAction,
    }),
    output: DryRun,
    problems: [
      "waf.siteNotFound",
      "waf.conditionInvalid",
      "waf.actionInvalid",
      "waf.eventsUnavailable",
    ],
    limits: { perMinute: 30 },
  }),
};

export const dryRunProblems = {
  "waf.eventsUnavailable": {
    code: 503,
    message: "The event lake does not answer now, so that there is nothing to try the rule on",
    fix: "Try again in some seconds; ./cordon status shows the lake's state",
  },
} as const;
