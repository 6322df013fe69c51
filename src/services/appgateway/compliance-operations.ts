/** How well a site answers: TLS, headers, cookies, methods, conformance; each with its fix. */
import Type, { type Static } from "typebox";
import { idSchema, input, listInput, listOutput, operation, Time } from "../../kernel/operation.ts";
import { SiteId } from "./user-operations.ts";

const CheckId = idSchema("check");

export const ComplianceResult = Type.Object({
  rule: Type.String(),
  title: Type.String(),
  severity: Type.Enum(["high", "medium", "low"]),
  /** `notChecked`: what it needs could not be reached. */
  outcome: Type.Enum(["pass", "fail", "notChecked"]),
  /** What was seen, bounded. */
  evidence: Type.String(),
  fix: Type.String(),
  /**
   * What of Cordon mends it, where something does: the operation that sets it and the fields to
   * change. An operation with PUT replaces the whole, so read first and change these in it.
   */
  remedy: Type.Union([
    Type.Object({ operation: Type.String(), changesJson: Type.String() }),
    Type.Null(),
  ]),
});
export type ComplianceResult = Static<typeof ComplianceResult>;

export const ComplianceCheck = Type.Object({
  checkId: CheckId,
  siteId: SiteId,
  state: Type.Enum(["running", "done", "failed"]),
  /** Why it failed; empty otherwise. */
  failure: Type.String(),
  /** 0 to 100: the share of what could be checked that was good, by severity; null before. */
  score: Type.Union([Type.Integer(), Type.Null()]),
  failCount: Type.Integer(),
  results: Type.Array(ComplianceResult),
  createdBy: Type.String(),
  createTime: Time,
});
export type ComplianceCheck = Static<typeof ComplianceCheck>;

export const complianceOperations = {
  runComplianceCheck: operation({
    name: "appgateway.runComplianceCheck",
    summary: "Ask a site some fifteen requests at the gateway and judge how it answers",
    method: "POST",
    path: "/sites/{siteId}/complianceChecks",
    action: "appgateway:RunComplianceCheck",
    resource: "site/{siteId}",
    input: input({ siteId: SiteId }),
    output: ComplianceCheck,
    limits: { perMinute: 6 },
    problems: ["appgateway.siteNotFound", "appgateway.siteNotServed", "appgateway.checkRunning"],
  }),
  getComplianceCheck: operation({
    name: "appgateway.getComplianceCheck",
    summary: "Get a compliance check",
    method: "GET",
    path: "/sites/{siteId}/complianceChecks/{checkId}",
    action: "appgateway:GetComplianceCheck",
    resource: "site/{siteId}",
    input: input({ siteId: SiteId, checkId: CheckId }),
    output: ComplianceCheck,
    problems: ["appgateway.siteNotFound", "appgateway.checkNotFound"],
  }),
  listComplianceChecks: operation({
    name: "appgateway.listComplianceChecks",
    summary: "List compliance checks of a site, newest first",
    method: "GET",
    path: "/sites/{siteId}/complianceChecks",
    action: "appgateway:ListComplianceChecks",
    resource: "site/{siteId}",
    input: listInput({ siteId: SiteId }),
    output: listOutput("complianceChecks", ComplianceCheck),
    problems: ["appgateway.siteNotFound"],
  }),
};

export const complianceProblems = {
  "appgateway.siteNotServed": {
    code: 409,
    message: "The gateways do not serve this site now, so nothing could be judged",
    fix: "The site's state says why; run the check when it is applied",
  },
  "appgateway.checkRunning": {
    code: 409,
    message: "A check of this site runs, or as many as may run at a time",
    fix: "Look at the list in some seconds; a check takes at most two minutes",
  },
  "appgateway.checkNotFound": {
    code: 404,
    message: "There is no such compliance check",
    fix: "List the site's checks; the newest hundred are kept",
  },
} as const;
