/** Who used which URL of a site, and when. */
import Type, { type Static } from "typebox";
import { UserAuditSettings } from "../../kernel/intent/site-user-audit.ts";
import { idSchema, input, listInput, listOutput, operation, Time } from "../../kernel/operation.ts";

export const SiteId = idSchema("site");

/** The time that a question is about; a day until now when absent. */
export const range = { startTime: Type.Optional(Time), endTime: Type.Optional(Time) };

export const UserAudit = Type.Object({
  siteId: SiteId,
  updateTime: Type.Union([Time, Type.Null()]),
  ...UserAuditSettings.properties,
  hasJwtSecret: Type.Boolean(),
});

const UserName = Type.String({ minLength: 1, maxLength: 128 });

export const SiteUser = Type.Object({
  siteId: SiteId,
  /** A name, or `u-` and a pseudonym. */
  userName: Type.String(),
  requestCount: Type.Integer(),
  blockedCount: Type.Integer(),
  errorCount: Type.Integer(),
  sourceCount: Type.Integer(),
  /** Those that most requests came from. */
  sourceIps: Type.Array(Type.String()),
  /** Different pairs of method and path. */
  urlCount: Type.Integer(),
  firstTime: Time,
  lastTime: Time,
  /** Whether the newest request proved the name; unknown once its details are gone (30 days). */
  proof: Type.Enum(["verified", "unverified", "unknown"]),
});
export type SiteUser = Static<typeof SiteUser>;

export const UserRequest = Type.Object({
  uid: Type.String(),
  time: Time,
  userName: Type.String(),
  sourceIp: Type.String(),
  method: Type.String(),
  host: Type.String(),
  path: Type.String(),
  status: Type.Integer(),
  disposition: Type.String(),
  latencyMs: Type.Integer(),
  userAgent: Type.String(),
});
export type UserRequest = Static<typeof UserRequest>;

export const UserUrl = Type.Object({
  siteId: SiteId,
  /** Method and path, as one text that names the item. */
  url: Type.String(),
  method: Type.String(),
  path: Type.String(),
  requestCount: Type.Integer(),
  userCount: Type.Integer(),
  /** The users who asked most often. */
  userNames: Type.Array(Type.String()),
  /** Refused by Cordon; their status counts below as well. */
  blockedCount: Type.Integer(),
  /** Answered with a status from 100 to 399. */
  successCount: Type.Integer(),
  /** Answered with a status from 400 to 499. */
  clientErrorCount: Type.Integer(),
  /** Answered with 500 and above. */
  errorCount: Type.Integer(),
  latencyP50Ms: Type.Number(),
  latencyP95Ms: Type.Number(),
  firstTime: Time,
  lastTime: Time,
});
export type UserUrl = Static<typeof UserUrl>;

const ofSite = { method: "GET", resource: "site/{siteId}" } as const;
const lakeProblems = [
  "appgateway.siteNotFound",
  "appgateway.rangeInvalid",
  "appgateway.lakeUnavailable",
];

export const userOperations = {
  getUserAudit: operation({
    ...ofSite,
    name: "appgateway.getUserAudit",
    summary: "Get how users of a site are told apart",
    path: "/sites/{siteId}/userAudit",
    action: "appgateway:GetUserAudit",
    input: input({ siteId: SiteId }),
    output: UserAudit,
    problems: ["appgateway.siteNotFound"],
  }),
  setUserAudit: operation({
    name: "appgateway.setUserAudit",
    summary: "Set how users of a site are told apart, and whether names become pseudonyms",
    method: "PUT",
    path: "/sites/{siteId}/userAudit",
    action: "appgateway:SetUserAudit",
    resource: "site/{siteId}",
    input: input({
      siteId: SiteId,
      ...Type.Partial(UserAuditSettings).properties,
      /** Left out: the one before stays. */
      jwtSecret: Type.Optional(Type.String({ minLength: 16, maxLength: 1_024 })),
    }),
    secretInput: ["jwtSecret"],
    output: UserAudit,
    problems: ["appgateway.siteNotFound", "appgateway.identityInvalid"],
  }),
  getPseudonym: operation({
    name: "appgateway.getPseudonym",
    summary: "Get the pseudonym under which a person's requests are recorded",
    method: "POST",
    path: "/sites/{siteId}/userAudit:pseudonym",
    action: "appgateway:GetPseudonym",
    resource: "site/{siteId}",
    // Whom somebody looked for is kept as a digest: it may be a session's cookie.
    input: input({ siteId: SiteId, name: Type.String({ minLength: 1, maxLength: 4_096 }) }),
    hashedInput: ["name"],
    output: Type.Object({ userName: Type.String() }),
    problems: ["appgateway.siteNotFound", "appgateway.noPseudonyms"],
  }),
  rotatePseudonymKey: operation({
    name: "appgateway.rotatePseudonymKey",
    summary: "Replace the key of pseudonyms: none recorded before can be linked to a person again",
    method: "POST",
    path: "/pseudonymKey:rotate",
    action: "appgateway:RotatePseudonymKey",
    resource: "pseudonymKey",
    input: input({}),
    output: Type.Object({ createTime: Time }),
    dangerous: true,
  }),
  listSiteUsers: operation({
    ...ofSite,
    name: "appgateway.listSiteUsers",
    summary: "List the users of a site, those with most requests first",
    path: "/sites/{siteId}/users",
    action: "appgateway:ListSiteUsers",
    input: listInput({ siteId: SiteId, ...range }),
    output: listOutput("siteUsers", SiteUser),
    problems: lakeProblems,
  }),
  listUserRequests: operation({
    ...ofSite,
    name: "appgateway.listUserRequests",
    summary: "List what users asked of a site, all or one of them, newest first",
    path: "/sites/{siteId}/userRequests",
    action: "appgateway:ListUserRequests",
    input: listInput({ siteId: SiteId, userName: Type.Optional(UserName), ...range }),
    output: listOutput("userRequests", UserRequest),
    problems: lakeProblems,
  }),
  listUserUrls: operation({
    ...ofSite,
    name: "appgateway.listUserUrls",
    summary: "List URLs of a site with the users who asked for them",
    path: "/sites/{siteId}/userUrls",
    action: "appgateway:ListUserUrls",
    input: listInput({ siteId: SiteId, userName: Type.Optional(UserName), ...range }),
    output: listOutput("userUrls", UserUrl),
    problems: lakeProblems,
  }),
};

/** Lists of one site; what they show is personal data, so each has an action of its own. */
export const userResources = [
  {
    name: "siteUser",
    idField: "userName",
    idPrefix: "",
    titleField: "userName",
    columns: [
      ...["userName", "proof", "requestCount", "urlCount", "blockedCount", "errorCount"],
      ...["sourceCount", "sourceIps", "firstTime", "lastTime"],
    ],
    list: "listSiteUsers",
  },
  {
    name: "userUrl",
    idField: "url",
    idPrefix: "",
    titleField: "path",
    columns: [
      ...["path", "method", "userCount", "requestCount", "blockedCount", "successCount"],
      ...["clientErrorCount", "errorCount", "latencyP50Ms", "latencyP95Ms", "lastTime"],
    ],
    list: "listUserUrls",
  },
  {
    name: "userRequest",
    idField: "uid",
    idPrefix: "",
    titleField: "path",
    columns: [
      ...["time", "userName", "method", "path", "status", "disposition", "latencyMs"],
      ...["sourceIp", "host", "userAgent"],
    ],
    list: "listUserRequests",
  },
] as const;

export const userProblems = {
  "appgateway.identityInvalid": {
    code: 400,
    message: "Users cannot be told apart with these settings",
    fix: "See the details; each names the field and what it needs",
  },
  "appgateway.noPseudonyms": {
    code: 409,
    message: "This site records no pseudonyms",
    fix: "Set hashUsers or the source cookie with setUserAudit first",
  },
} as const;
