/**
 * A request as it came, kept for whoever may replay it. No event: it has a spool, a table and an
 * end of its own, so that nothing that carries events carries it.
 */

export type RecordedBody = {
  /** `notRead`: rules did not see it. `notText`: only its length is kept. */
  readonly state: "none" | "whole" | "cut" | "notRead" | "notText";
  /** Latin1: one char a byte, decoded as the rules saw it, secrets as asterisks. */
  readonly text: string;
  /** Of the body that rules saw. */
  readonly bytes: number;
  /** False: rules had only its beginning, too. */
  readonly isWhole: boolean;
  /** Places of secrets in `text`: start and end, the first `HIDDEN_PLACES_MAX` of them. */
  readonly hidden: readonly (readonly [number, number])[];
};

/** All texts are latin1, as on the wire. */
export type RequestRecord = {
  /** Of the request's event. */
  readonly uid: string;
  readonly requestId: string;
  readonly accountId: string;
  readonly siteId: string;
  /** Milliseconds since the epoch, as is the end of the record. */
  readonly time: number;
  readonly expires: number;
  readonly method: string;
  readonly target: string;
  readonly protocol: string;
  readonly requestLine: string;
  readonly fields: readonly (readonly [name: string, value: string])[];
  readonly client: { readonly address: string; readonly port: number };
  readonly server: { readonly address: string; readonly port: number };
  readonly body: RecordedBody;
  /** Names of header fields with hidden values; `:target` for some in path or query. */
  readonly hiddenFields: readonly string[];
};

/** Names the frames of records in their spool; no class of OCSF. */
export const REQUEST_RECORD_CLASS = 0;

export const HIDDEN_PLACES_MAX = 1_000;
