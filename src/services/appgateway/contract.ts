/** Sites as a business: who used them, what happened, and how well they answer. */
import { contract } from "../../kernel/operation.ts";
import { complianceOperations, complianceProblems } from "./compliance-operations.ts";
import { reportOperations, reportProblems } from "./report-operations.ts";
import { scheduleOperations, scheduleProblems } from "./schedule-operations.ts";
import { appgatewayTexts } from "./texts.ts";
import { tuningOperations, tuningProblems } from "./tuning-operations.ts";
import { userOperations, userProblems, userResources } from "./user-operations.ts";

export type { ComplianceCheck, ComplianceResult } from "./compliance-operations.ts";
export type { Report } from "./report-operations.ts";
export type { KeptReport } from "./schedule-operations.ts";
export type { Proposal } from "./tuning-operations.ts";

export const appgatewayContract = contract({
  service: "appgateway",
  title: "Application security gateway",
  summary: "User access audit, reports, compliance checks and tuning of sites",
  resources: userResources,
  operations: {
    ...userOperations,
    ...reportOperations,
    ...scheduleOperations,
    ...complianceOperations,
    ...tuningOperations,
  },
  texts: appgatewayTexts,
  problems: {
    ...userProblems,
    ...reportProblems,
    ...scheduleProblems,
    ...complianceProblems,
    ...tuningProblems,
    "appgateway.siteNotFound": {
      code: 404,
      message: "There is no such site",
      fix: "List the sites and take an id from there",
    },
    "appgateway.rangeInvalid": {
      code: 400,
      message: "The period cannot be used",
      fix: "Give a start before the end, at most 92 days apart; a day until now is the default",
    },
    "appgateway.lakeUnavailable": {
      code: 503,
      message: "The event lake does not answer now",
      fix: "Try again in some seconds; ./cordon status shows the lake's state. Nothing is lost",
    },
  },
  events: [
    "appgateway.userAuditSet",
    "appgateway.pseudonymKeyRotated",
    "appgateway.reportScheduleSet",
    "appgateway.reportMade",
    "appgateway.complianceChecked",
    "appgateway.learningSet",
    "appgateway.proposalAccepted",
    "appgateway.proposalRejected",
  ],
});
