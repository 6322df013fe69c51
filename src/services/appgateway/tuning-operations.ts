/** Exclusions that a site's traffic suggests, with the evidence, for a person to decide. */
import Type, { type Static } from "typebox";
import {
  Empty,
  idSchema,
  input,
  listInput,
  listOutput,
  operation,
  Text,
  Time,
} from "../../kernel/operation.ts";
import { SiteId } from "./user-operations.ts";

const ProposalId = idSchema("prop");

export const learningFields = {
  /** Proposals come from what is seen from now on. */
  learning: Type.Boolean(),
  /** Requests, networks and hours that a proposal needs at least. */
  requestsMin: Type.Integer({ minimum: 2, maximum: 100_000 }),
  networksMin: Type.Integer({ minimum: 2, maximum: 1_000 }),
  spanHoursMin: Type.Integer({ minimum: 0, maximum: 720 }),
};

export const Learning = Type.Object({
  siteId: SiteId,
  ...learningFields,
  /** Since when; null: it never did. */
  sinceTime: Type.Union([Time, Type.Null()]),
});
export type Learning = Static<typeof Learning>;

export const Proposal = Type.Object({
  proposalId: ProposalId,
  siteId: SiteId,
  ruleId: Type.Integer(),
  message: Type.String(),
  variable: Type.String(),
  pathPrefix: Type.String(),
  requestCount: Type.Integer(),
  /** Addresses that count; networks are /24 and /64, so that one machine is not many. */
  sourceCount: Type.Integer(),
  networkCount: Type.Integer(),
  userCount: Type.Integer(),
  /** Left out: these also did what another rule or list refused, or nothing else at all. */
  suspectCount: Type.Integer(),
  blockedCount: Type.Integer(),
  paths: Type.Array(Type.String()),
  /** Requests to look at: events of the lake. */
  sampleUids: Type.Array(Type.String()),
  sampleValues: Type.Array(Type.String()),
  firstTime: Time,
  lastTime: Time,
});
export type Proposal = Static<typeof Proposal>;

export const TuningDecision = Type.Object({
  proposalId: ProposalId,
  siteId: SiteId,
  decision: Type.Enum(["accepted", "rejected"]),
  ruleId: Type.Integer(),
  variable: Type.String(),
  pathPrefix: Type.String(),
  note: Type.String(),
  decidedBy: Type.String(),
  decideTime: Time,
});
export type TuningDecision = Static<typeof TuningDecision>;

const decide = {
  method: "POST",
  resource: "site/{siteId}",
  input: input({ siteId: SiteId, proposalId: ProposalId, note: Type.Optional(Text) }),
} as const;

export const tuningOperations = {
  getLearning: operation({
    name: "appgateway.getLearning",
    summary: "Get whether a site learns exclusions, and what a proposal needs",
    method: "GET",
    path: "/sites/{siteId}/learning",
    action: "appgateway:GetLearning",
    resource: "site/{siteId}",
    input: input({ siteId: SiteId }),
    output: Learning,
    problems: ["appgateway.siteNotFound"],
  }),
  setLearning: operation({
    name: "appgateway.setLearning",
    summary: "Have a site learn exclusions, or stop; learning changes nothing by itself",
    method: "PUT",
    path: "/sites/{siteId}/learning",
    action: "appgateway:SetLearning",
    resource: "site/{siteId}",
    input: input({ siteId: SiteId, ...Type.Partial(Type.Object(learningFields)).properties }),
    output: Learning,
    problems: ["appgateway.siteNotFound"],
  }),
  listProposals: operation({
    name: "appgateway.listProposals",
    summary: "List exclusions that the traffic of a site suggests, with the evidence",
    method: "GET",
    path: "/sites/{siteId}/proposals",
    action: "appgateway:ListProposals",
    resource: "site/{siteId}",
    input: listInput({ siteId: SiteId }),
    output: listOutput("proposals", Proposal),
    problems: ["appgateway.siteNotFound", "appgateway.lakeUnavailable"],
  }),
  acceptProposal: operation({
    ...decide,
    name: "appgateway.acceptProposal",
    summary: "Accept a proposal: the exclusion is made",
    path: "/sites/{siteId}/proposals/{proposalId}:accept",
    action: "appgateway:AcceptProposal",
    // Who may not make exclusions may not have one made.
    also: [{ action: "waf:CreateExclusion", resource: "site/{siteId}" }],
    output: Type.Object({ exclusionId: Type.String() }),
    problems: [
      "appgateway.siteNotFound",
      "appgateway.proposalNotFound",
      "appgateway.lakeUnavailable",
      "waf.exclusionLimit",
      "waf.exclusionExists",
      "waf.variableUnknown",
    ],
  }),
  rejectProposal: operation({
    ...decide,
    name: "appgateway.rejectProposal",
    summary: "Reject a proposal: it does not come back",
    path: "/sites/{siteId}/proposals/{proposalId}:reject",
    action: "appgateway:RejectProposal",
    output: Empty,
    problems: [
      "appgateway.siteNotFound",
      "appgateway.proposalNotFound",
      "appgateway.lakeUnavailable",
    ],
  }),
  listTuningDecisions: operation({
    name: "appgateway.listTuningDecisions",
    summary: "List what was decided about proposals of a site",
    method: "GET",
    path: "/sites/{siteId}/tuningDecisions",
    action: "appgateway:ListTuningDecisions",
    resource: "site/{siteId}",
    input: listInput({ siteId: SiteId }),
    output: listOutput("tuningDecisions", TuningDecision),
    problems: ["appgateway.siteNotFound"],
  }),
};

export const tuningProblems = {
  "appgateway.proposalNotFound": {
    code: 404,
    message: "There is no such proposal now",
    fix: "List the proposals of the site; it may be decided, or its evidence too old",
  },
} as const;
