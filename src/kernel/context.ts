/** What a handler is given: who calls, in which account, and the one transaction it works in. */
import type { CodedText } from "../lib/coded-text.ts";
import type { Caller, Identity } from "./identity/identity.ts";
import type { Sql } from "./store/database.ts";

export type { Caller } from "./identity/identity.ts";

/** An event of a service, sent through the outbox in the handler's transaction. */
export type ServiceEvent = {
  /** `<service>.<pastTense>`, declared in the contract. */
  readonly type: string;
  readonly message: string | CodedText;
  readonly resource?: string;
  /** OCSF class; API Activity (6003) when absent. */
  readonly classUid?: number;
  /** OCSF severity_id: 1 informational … 5 critical. */
  readonly severityId?: number;
  readonly data?: Readonly<Record<string, unknown>>;
};

export type Context = {
  readonly requestId: string;
  /** Milliseconds since the epoch at which the request began. */
  readonly nowMs: number;
  readonly caller: Caller;
  /** The caller with its policies; undefined for operations without authentication. */
  readonly identity: Identity | undefined;
  readonly accountId: string;
  readonly sourceIp: string;
  readonly userAgent: string;
  /** The Host header: the name and port by which the caller reached this server. */
  readonly host: string;
  /** The If-Match header: the versions that a change is meant for. */
  readonly ifMatch: string | undefined;
  /** The transaction, in the caller's account. */
  readonly sql: Sql;
  /**
   * Runs work above accounts in this very transaction, so that it is committed with the record of
   * the call or not at all. The caller's own scope comes back after it.
   */
  asSystem<Result>(work: (sql: Sql) => Promise<Result>): Promise<Result>;
  /**
   * Whether the caller may do this beside the operation's own action, for what is shown only to
   * those who may. The question and its answer stand in the record of the call.
   */
  mayAlso(asked: { readonly action: string; readonly resource: string }): Promise<boolean>;
  newId(prefix: string): string;
  /** Writes an event in the same transaction. */
  emit(event: ServiceEvent): Promise<void>;
  /** Says that a data plane's desired state changed; it is rebuilt after the commit. */
  intentChanged(plane: string): Promise<void>;
  /** Runs once the transaction is committed; must not fail the request. */
  afterCommit(work: () => void): void;
  /**
   * Says, in an operation without authentication, whom the call turned out to be about: the record
   * and the events of the call are then that account's. Without an id it is only a name that was
   * tried.
   */
  identified(caller: Caller): void;
  /** Sets or clears the console's session cookie on the answer. */
  setSessionCookie(token: string | null, maxAgeSeconds: number): void;
  /** The console session's own token, when the call carries one. */
  readonly sessionToken: string | undefined;
  /** The token by which a browser is known from an earlier sign-in, when it sends one. */
  readonly deviceToken: string | undefined;
  setDeviceCookie(token: string): void;
  /** Aborted when the client goes away; for streams. */
  readonly signal: () => AbortSignal;
};

/** RFC 3339 text of a time in milliseconds. */
export function timeText(ms: number): string {
  return new Date(ms).toISOString();
}
