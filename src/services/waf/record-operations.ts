/** Reading a flagged request as it was kept whole, and what a replay of a stored one lacks. */
import Type, { type Static } from "typebox";
import { input, operation, Time } from "../../kernel/operation.ts";
import { SiteId } from "./resources.ts";

/** Uid of an event, or the id that the gateway's answer showed. */
export const StoredId = Type.String({ minLength: 1, maxLength: 64, pattern: "^[A-Za-z0-9-]+$" });

/** Its own action, and not a `Get`: who reads everything else does not read these. */
export const READ_RECORD = { action: "waf:ReadRequestRecord", resource: "site/{siteId}" } as const;

const RequestRecordView = Type.Object({
  uid: Type.String(),
  requestId: Type.String(),
  siteId: SiteId,
  time: Time,
  expireTime: Time,
  clientAddress: Type.String(),
  method: Type.String(),
  /** Path and query as sent; secrets in it are asterisks. */
  target: Type.String(),
  protocol: Type.String(),
  headers: Type.Array(
    Type.Object({ name: Type.String(), value: Type.String(), isHidden: Type.Boolean() }),
  ),
  body: Type.Object({
    /** `notRead`: the rules did not see it. `notText`: only its length is kept. */
    state: Type.Enum(["none", "whole", "cut", "notRead", "notText"]),
    /** Of the body that rules saw, in bytes. */
    bytes: Type.Integer(),
    /** What is kept of it, in order; what cannot be printed is `\xNN`. */
    parts: Type.Array(Type.Object({ text: Type.String(), isHidden: Type.Boolean() })),
  }),
});
export type RequestRecordView = Static<typeof RequestRecordView>;

/** What was not run as it came, when a stored request is explained. */
export const Lacking = Type.Enum([
  ...(["unmatchedParts", "recordNotAllowed", "noRecord"] as const),
  ...(["valuesHidden", "bodyCut", "bodyNotRead", "bodyNotText"] as const),
]);
export type Lacking = Static<typeof Lacking>;

export const recordOperations = {
  readRequestRecord: operation({
    name: "waf.readRequestRecord",
    summary: "Read the header fields and body of a flagged request, where the site keeps them",
    method: "GET",
    path: "/sites/{siteId}/requestRecords/{event}",
    ...READ_RECORD,
    input: input({ siteId: SiteId, event: StoredId }),
    output: RequestRecordView,
    problems: ["waf.siteNotFound", "waf.requestRecordNotFound", "waf.lakeUnavailable"],
  }),
};

export const recordProblems = {
  "waf.requestRecordNotFound": {
    code: 404,
    message: "There is no record of this request on this site",
    fix: "Switch requestRecords on in the site's policy; requests from then on that rules flag are kept",
  },
} as const;
