/** The words of conditions: what they may look at, and how they compare. */

export const FIELD_NAMES = [
  "ip",
  "country",
  "asn",
  "method",
  "scheme",
  "host",
  "path",
  "queryString",
  "query",
  "header",
  "cookie",
  "body",
  "bodyField",
  "userAgent",
  "fingerprint",
  "ja4",
  "crawler",
  "target",
  "anyHeader",
] as const;
export type FieldName = (typeof FIELD_NAMES)[number];

export const OPERATORS = [
  "equals",
  "contains",
  "startsWith",
  "endsWith",
  "regex",
  "inCidr",
  "inList",
  "exists",
  "longerThan",
  "shorterThan",
] as const;
export type OperatorName = (typeof OPERATORS)[number];
