/** What a handler is given: who calls, in which account, and the one transaction it works in. */
import type { Sql } from "./store/database.ts";

export type Caller = {
  readonly accountId: string;
  readonly accountName: string;
  /** True for the account that operates this Cordon. */
  readonly operator: boolean;
  readonly principalType: "user" | "service";
  readonly principalId: string;
  readonly principalName: string;
  /** Set when the credential is a console session. */
  readonly sessionId?: string;
};

/** An event of a service, sent through the outbox in the handler's transaction. */
export type ServiceEvent = {
  /** `<service>.<pastTense>`, declared in the contract. */
  readonly type: string;
  readonly message: string;
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
  readonly accountId: string;
  readonly sourceIp: string;
  readonly userAgent: string;
  /** The transaction, in the caller's account. */
  readonly sql: Sql;
  newId(prefix: string): string;
  /** Writes an event in the same transaction. */
  emit(event: ServiceEvent): Promise<void>;
  /** Says that a data plane's desired state changed; it is rebuilt after the commit. */
  intentChanged(plane: string): Promise<void>;
  /** Runs once the transaction is committed; must not fail the request. */
  afterCommit(work: () => void): void;
  /** Sets or clears the console's session cookie on the answer. */
  setSessionCookie(token: string | null, maxAgeSeconds: number): void;
  /** The console session's own token, when the call carries one. */
  readonly sessionToken: string | undefined;
  /** Aborted when the client goes away; for streams. */
  readonly signal: AbortSignal;
};

/** RFC 3339 text of a time in milliseconds. */
export function timeText(ms: number): string {
  return new Date(ms).toISOString();
}
