/** From what was detected to what was done about it: findings, incidents, responses. */
import Type, { type Static } from "typebox";
import {
  CodedOrNull,
  contract,
  idSchema,
  input,
  listInput,
  listOutput,
  operation,
  Text,
  Time,
} from "../../kernel/operation.ts";
import { Cidr, SiteId } from "../waf/contract.ts";
import { incidentTexts } from "./texts.ts";

export const IncidentId = idSchema("inc");
export const FindingId = idSchema("find");
export const ResponseId = idSchema("resp");

export const Severity = Type.Enum(["low", "medium", "high", "critical"]);

export const Finding = Type.Object({
  findingId: FindingId,
  incidentId: IncidentId,
  siteId: Type.String(),
  sourceIp: Type.String(),
  /** Attack class such as `sqli`, `xss`, `rce`, `lfi`, `scanner`, `protocol`. */
  category: Type.String(),
  title: Type.String(),
  titleCoded: CodedOrNull,
  severity: Severity,
  ruleIds: Type.Array(Type.Integer()),
  eventCount: Type.Integer(),
  blockedCount: Type.Integer(),
  scoreMax: Type.Integer(),
  firstTime: Time,
  lastTime: Time,
  /** The events that show it best, newest last; a bounded number. */
  eventUids: Type.Array(Type.String()),
});
export type Finding = Static<typeof Finding>;

export const Incident = Type.Object({
  incidentId: IncidentId,
  title: Type.String(),
  titleCoded: CodedOrNull,
  siteId: Type.String(),
  sourceIp: Type.String(),
  status: Type.Enum(["open", "acknowledged", "resolved", "falsePositive"]),
  severity: Severity,
  scoreTotal: Type.Integer(),
  eventCount: Type.Integer(),
  blockedCount: Type.Integer(),
  categories: Type.Array(Type.String()),
  firstTime: Time,
  lastTime: Time,
  activeResponseId: Type.Union([ResponseId, Type.Null()]),
});
export type Incident = Static<typeof Incident>;

export const TimelineEntry = Type.Object({
  time: Time,
  kind: Type.Enum(["finding", "response", "status", "note"]),
  title: Type.String(),
  titleCoded: CodedOrNull,
  detail: Type.String(),
  detailCoded: CodedOrNull,
  actor: Type.String(),
  findingId: Type.Union([FindingId, Type.Null()]),
  responseId: Type.Union([ResponseId, Type.Null()]),
});
export type TimelineEntry = Static<typeof TimelineEntry>;

export const Response = Type.Object({
  responseId: ResponseId,
  kind: Type.Enum(["blockSource"]),
  cidr: Cidr,
  /** Null: on every site of the account. */
  siteId: Type.Union([SiteId, Type.Null()]),
  incidentId: Type.Union([IncidentId, Type.Null()]),
  reason: Text,
  reasonCoded: CodedOrNull,
  state: Type.Enum(["active", "expired", "revoked"]),
  automatic: Type.Boolean(),
  createdBy: Type.String(),
  createTime: Time,
  expireTime: Time,
  revokeTime: Type.Union([Time, Type.Null()]),
});
export type Response = Static<typeof Response>;

export const AutomaticResponse = Type.Object({
  enabled: Type.Boolean(),
  /** Summed anomaly score of a source on a site within the window that triggers a block. */
  scoreThreshold: Type.Integer({ minimum: 1, maximum: 1_000_000 }),
  windowSeconds: Type.Integer({ minimum: 10, maximum: 86_400 }),
  blockSeconds: Type.Integer({ minimum: 60, maximum: 2_592_000 }),
});
export type AutomaticResponse = Static<typeof AutomaticResponse>;

export const automaticResponseDefault: AutomaticResponse = {
  enabled: false,
  scoreThreshold: 50,
  windowSeconds: 600,
  blockSeconds: 900,
};

export const incidentContract = contract({
  service: "incident",
  title: "Incidents",
  summary: "Findings grouped into one incident per attacker and site, and responses with an undo",
  resources: [
    {
      name: "incident",
      idField: "incidentId",
      idPrefix: "inc",
      titleField: "title",
      columns: [
        "severity",
        "title",
        "sourceIp",
        "siteId",
        "status",
        "eventCount",
        "blockedCount",
        "scoreTotal",
        "lastTime",
      ],
      list: "listIncidents",
      get: "getIncident",
      update: "updateIncident",
    },
    {
      name: "finding",
      idField: "findingId",
      idPrefix: "find",
      titleField: "title",
      columns: ["severity", "title", "category", "sourceIp", "siteId", "eventCount", "lastTime"],
      list: "listFindings",
    },
    {
      name: "response",
      idField: "responseId",
      idPrefix: "resp",
      titleField: "cidr",
      columns: [
        "cidr",
        "kind",
        "state",
        "siteId",
        "reason",
        "automatic",
        "createdBy",
        "expireTime",
      ],
      list: "listResponses",
      create: "blockSource",
    },
  ],
  operations: {
    listIncidents: operation({
      name: "incident.listIncidents",
      summary: "List incidents, newest activity first",
      method: "GET",
      path: "/incidents",
      action: "incident:ListIncidents",
      resource: "incident/*",
      input: listInput({}),
      output: listOutput("incidents", Incident),
    }),
    getIncident: operation({
      name: "incident.getIncident",
      summary: "Get one incident with its findings, timeline and responses",
      method: "GET",
      path: "/incidents/{incidentId}",
      action: "incident:GetIncident",
      resource: "incident/{incidentId}",
      input: input({ incidentId: IncidentId }),
      output: Type.Object({
        incident: Incident,
        findings: Type.Array(Finding),
        timeline: Type.Array(TimelineEntry),
        responses: Type.Array(Response),
      }),
      problems: ["incident.incidentNotFound"],
    }),
    updateIncident: operation({
      name: "incident.updateIncident",
      summary: "Change the status of an incident or add a note",
      method: "PATCH",
      path: "/incidents/{incidentId}",
      action: "incident:UpdateIncident",
      resource: "incident/{incidentId}",
      input: input({
        incidentId: IncidentId,
        status: Type.Optional(Incident.properties.status),
        note: Type.Optional(Text),
      }),
      output: Incident,
      problems: ["incident.incidentNotFound"],
    }),
    listFindings: operation({
      name: "incident.listFindings",
      summary: "List findings, newest first",
      method: "GET",
      path: "/findings",
      action: "incident:ListFindings",
      resource: "finding/*",
      input: listInput({}),
      output: listOutput("findings", Finding),
    }),
    listResponses: operation({
      name: "incident.listResponses",
      summary: "List responses; the active ones are those in force",
      method: "GET",
      path: "/responses",
      action: "incident:ListResponses",
      resource: "response/*",
      input: listInput({}),
      output: listOutput("responses", Response),
    }),
    blockSource: operation({
      name: "incident.blockSource",
      summary: "Block a source for some minutes, on one site or on all",
      method: "POST",
      path: "/responses:blockSource",
      action: "incident:BlockSource",
      resource: "response/*",
      input: input({
        cidr: Cidr,
        siteId: Type.Optional(SiteId),
        incidentId: Type.Optional(IncidentId),
        ttlSeconds: Type.Integer({ minimum: 1, maximum: 2_592_000 }),
        reason: Type.Optional(Text),
      }),
      output: Response,
      problems: ["incident.incidentNotFound", "incident.cidrInvalid", "incident.siteNotFound"],
    }),
    revokeResponse: operation({
      name: "incident.revokeResponse",
      summary: "Undo a response before it expires",
      method: "POST",
      path: "/responses/{responseId}:revoke",
      action: "incident:RevokeResponse",
      resource: "response/{responseId}",
      input: input({ responseId: ResponseId }),
      output: Response,
      problems: ["incident.responseNotFound", "incident.responseNotActive"],
    }),
    getAutomaticResponse: operation({
      name: "incident.getAutomaticResponse",
      summary: "Get when a source is blocked without a person",
      method: "GET",
      path: "/automaticResponse",
      action: "incident:GetAutomaticResponse",
      resource: "automaticResponse",
      input: input({}),
      output: AutomaticResponse,
    }),
    setAutomaticResponse: operation({
      name: "incident.setAutomaticResponse",
      summary: "Set when a source is blocked without a person",
      method: "PUT",
      path: "/automaticResponse",
      action: "incident:SetAutomaticResponse",
      resource: "automaticResponse",
      input: input({ ...AutomaticResponse.properties }),
      output: AutomaticResponse,
    }),
  },
  problems: {
    "incident.incidentNotFound": {
      code: 404,
      message: "There is no such incident",
      fix: "List the incidents and take an id from there",
    },
    "incident.siteNotFound": {
      code: 404,
      message: "There is no such site",
      fix: "List the sites and take an id from there",
    },
    "incident.cidrInvalid": {
      code: 400,
      message: "The address or block of addresses cannot be used",
      fix: "Give an address such as 203.0.113.7, or a block not larger than /16 (IPv4) or /32 (IPv6)",
    },
    "incident.responseNotFound": {
      code: 404,
      message: "There is no such response",
      fix: "List the responses and take an id from there",
    },
    "incident.responseNotActive": {
      code: 409,
      message: "The response is not in force any more",
      fix: "Nothing needs to be done",
    },
  },
  texts: incidentTexts,
  events: [
    "incident.incidentOpened",
    "incident.incidentUpdated",
    "incident.sourceBlocked",
    "incident.responseRevoked",
    "incident.responseExpired",
  ],
});
