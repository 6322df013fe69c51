/** The seam between proxy and rules: what the proxy tells a transaction and what it hears back. */
import type { Fields } from "../../engines/http1/fields.ts";
import type { RequestHead } from "../../engines/http1/request.ts";
import type { ResponseHead } from "../../engines/http1/response.ts";
import type { SiteIntent } from "./intent.ts";

/** One rule that matched; `value` is bounded by the inspector. */
export type RuleMatch = {
  ruleId: number;
  message: string;
  severity: string;
  tags: readonly string[];
  variable: string;
  value: string;
  matchStart: number;
  matchEnd: number;
};

/** What the rules found in one request and its response. */
export type Finding = {
  score: number;
  threshold: number;
  matches: readonly RuleMatch[];
};

/** Where a request came from and went to. */
export type Endpoints = {
  readonly clientAddress: string;
  readonly clientPort: number;
  readonly serverAddress: string;
  readonly serverPort: number;
  readonly requestId: string;
};

/** One request under inspection. Each phase returns the status the rules want, or 0 to go on. */
export type Inspection = {
  requestHead(head: RequestHead): number;
  /** Whether the request body must be held back for `requestBody`. */
  readonly wantsRequestBody: boolean;
  requestBody(body: Buffer, isWhole: boolean): number;
  responseHead(head: ResponseHead): number;
  /** Whether rules can use the body of a response with these fields. */
  wantsResponseBody(fields: Fields): boolean;
  responseBody(body: Buffer, isWhole: boolean): number;
  /** Where the rules that refused want to send the client; empty = nowhere. */
  location(): string;
  /** Ends the transaction. */
  finish(): Finding;
};

/** Begins inspections for the sites of one intent; null for a site without rules. */
export type Inspector = (site: SiteIntent, endpoints: Endpoints) => Inspection | null;

/** The inspector of a gateway without rules. */
export const noInspector: Inspector = () => null;
