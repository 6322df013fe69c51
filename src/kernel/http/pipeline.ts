/**
 * The one way in: every call of every operation takes these steps in this order. What a step
 * throws ends the call; it is recorded and answered here and nowhere else.
 */
import { messageFields } from "../../lib/coded-text.ts";
import { type AuditRecord, type AuditSink, recordableInput } from "../audit.ts";
import { type Caller, type Context, type ServiceEvent, timeText } from "../context.ts";
import type { CredentialLookup, Identity } from "../identity/authenticate.ts";
import {
  type Authorizer,
  type Decision,
  mfaAgeSeconds,
  resourceName,
} from "../identity/authorize.ts";
import { SHARED_PER_MINUTE_MAX, type SharedMemory } from "../identity/shared-memory.ts";
import type { NonceMemory } from "../identity/signed-request.ts";
import { Problem } from "../problem.ts";
import { type Database, inSystemScope, type Sql } from "../store/database.ts";
import { tell } from "../texts.ts";
import { authenticateCall, requireFactors } from "./authenticate-call.ts";
import type { Call } from "./call.ts";
import { type CallTelemetry, watchCall } from "./call-telemetry.ts";
import { decide } from "./decide.ts";
import { beginIdempotent } from "./idempotency.ts";
import { problemOf } from "./problem-of.ts";
import type { RateLimiter } from "./rate-limit.ts";
import { checkedInput, readInput } from "./read-input.ts";
import type { Translation } from "./route.ts";

export type PipelineParts = {
  readonly database: Database;
  readonly credentials: CredentialLookup;
  readonly authorizer: Authorizer;
  readonly audit: AuditSink;
  readonly rateLimiter: RateLimiter;
  readonly nonces: NonceMemory;
  /** What all control planes of a database remember together. */
  readonly shared?: SharedMemory;
  readonly clock: () => number;
  readonly newId: (prefix: string) => string;
  /** HTTP status code of a problem's reason. */
  readonly codeOf: (problem: Problem) => number;
  readonly log: (line: Readonly<Record<string, unknown>>) => void;
  /** Called after a transaction committed that asked for a plane to be rebuilt. */
  readonly intentChanged: () => void;
  /** Counters and spans of calls; undefined where nobody looks. */
  readonly telemetry?: CallTelemetry;
  /** Called after a transaction committed that wrote events. */
  readonly eventsWritten: () => void;
};

/** What is known of a call so far; filled step by step, so that a failure records what it can. */
type Progress = {
  readonly call: Call;
  readonly nowMs: number;
  identity: Identity | undefined;
  /** Whom a call without authentication turned out to be about. */
  subject: Caller | undefined;
  sessionToken: string | undefined;
  input: Record<string, unknown>;
  resource: string;
  decision: Decision | undefined;
  also: NonNullable<AuditRecord["also"]>;
};

const PER_MINUTE_DEFAULT = 6_000;

/** A caller that nobody is: for operations without authentication. */
const NOBODY: Caller = {
  accountId: "",
  accountName: "",
  operator: false,
  principalType: "user",
  principalId: "",
  principalName: "",
};

/**
 * Runs one call through every step.
 *
 * @returns the operation's result, or an async iterable for a stream.
 * @throws Problem with a declared reason; nothing else.
 */
export async function runCall(parts: PipelineParts, call: Call): Promise<unknown> {
  const progress: Progress = {
    call,
    nowMs: parts.clock(),
    identity: undefined,
    subject: undefined,
    sessionToken: undefined,
    input: {},
    resource: "",
    decision: undefined,
    also: [],
  };
  const watch = watchCall(parts.telemetry, call);
  try {
    await watch.step("rate", () => limitRate(parts, progress));
    await watch.step("authenticate", () => authenticate(parts, progress));
    await watch.step("parse", () => parse(parts, progress));
    await watch.step("authorize", () => authorize(parts, progress));
    const result = await watch.step("handle", () => handle(parts, progress));
    watch.end({ code: 200, reason: null });
    return call.translation === undefined ? result : await call.translation.answer(result);
  } catch (error) {
    const problem = problemOf(error, (cause) => logCause(parts, call, cause));
    watch.end({ code: parts.codeOf(problem), reason: problem.reason });
    await recordFailure(parts, progress, problem);
    throw problem;
  }
}

function limitRate(parts: PipelineParts, progress: Progress): Promise<void> | void {
  const { call, nowMs } = progress;
  const { operation } = call.route;
  const perMinute = operation.limits?.perMinute ?? PER_MINUTE_DEFAULT;
  const key = `${operation.name} ${call.sourceIp}`;
  // The own count comes first, so that a flood costs the database no more than the limit.
  if (!parts.rateLimiter.allow(key, perMinute, nowMs)) throw new Problem("kernel.rateLimited");
  if (perMinute <= SHARED_PER_MINUTE_MAX) return limitShared(parts, { key, perMinute, nowMs });
}

async function limitShared(
  { shared }: PipelineParts,
  { key, perMinute, nowMs }: { key: string; perMinute: number; nowMs: number },
): Promise<void> {
  const isAllowed = (await shared?.allow(key, perMinute, nowMs)) !== false;
  if (!isAllowed) throw new Problem("kernel.rateLimited");
}

async function authenticate(parts: PipelineParts, progress: Progress): Promise<void> {
  const { call, nowMs } = progress;
  if (call.route.operation.authentication === "none") return;
  const { identity, sessionToken } = await authenticateCall(parts, call, nowMs);
  progress.identity = identity;
  progress.sessionToken = sessionToken;
}

function parse(parts: PipelineParts, progress: Progress): Promise<void> | void {
  const { call } = progress;
  if (call.translation !== undefined) return translate(parts, progress, call.translation);
  progress.input = readInput(call.route.operation, {
    parameters: call.parameters,
    query: call.query,
    body: call.body,
    contentType: call.headers["content-type"] ?? "",
  });
}

async function translate(
  parts: PipelineParts,
  progress: Progress,
  translation: Translation,
): Promise<void> {
  const { call, identity } = progress;
  if (identity === undefined) throw new Problem("kernel.unauthenticated");
  const { caller } = identity;
  const { accountId } = caller;
  const input = await translation.input(
    (work) => parts.database.transaction({ accountId }, work),
    caller,
  );
  progress.input = checkedInput(call.route.operation, input);
}

async function authorize(parts: PipelineParts, progress: Progress): Promise<void> {
  const { call, identity } = progress;
  const { contract, operation } = call.route;
  const { accountId } = identity?.caller ?? NOBODY;
  const named = { accountId, input: progress.input };
  progress.resource = resourceName(contract, operation, named);
  if (operation.authentication === "none") return;
  if (identity === undefined) throw new Problem("kernel.unauthenticated");
  const { action } = operation;
  progress.decision = await decide(parts, progress, { action, resource: progress.resource });
  for (const one of operation.also ?? []) {
    if (progress.decision.decision !== "allow") break;
    const resource = resourceName(contract, one, named);
    progress.decision = await decide(parts, progress, { action: one.action, resource });
  }
  if (progress.decision.decision !== "allow") throw new Problem("kernel.forbidden");
  requireFactors(call, identity, progress.nowMs);
}

async function mayAlso(
  parts: PipelineParts,
  progress: Progress,
  { action, resource }: { action: string; resource: string },
): Promise<boolean> {
  const { accountId } = progress.identity?.caller ?? NOBODY;
  const { contract } = progress.call.route;
  const named = resourceName(contract, { resource }, { accountId, input: progress.input });
  const { decision } = await decide(parts, progress, { action, resource: named });
  progress.also = [...progress.also, { action, resource: named, decision }];
  return decision === "allow";
}

async function handle(parts: PipelineParts, progress: Progress): Promise<unknown> {
  const { call } = progress;
  const caller = progress.identity?.caller ?? NOBODY;
  if (call.route.operation.transaction === "none") return handleAlone(parts, progress, caller);
  const committed: (() => void)[] = [];
  const scope = caller.accountId === "" ? "system" : { accountId: caller.accountId };
  const answer = await parts.database.transaction(scope, async (sql) => {
    const context = contextFor(parts, progress, { sql, caller, committed });
    const idempotent = await beginIdempotent(call, progress.input, context);
    if (idempotent?.answer !== undefined) {
      await appendRecord(parts, progress, { code: 200, reason: null, transactionId: null });
      return idempotent.answer;
    }
    const result = await call.route.handler(context, progress.input);
    await idempotent?.save(result);
    if (call.route.operation.dangerous === true) await tellDangerous(progress, context);
    // INVARIANT: the record is durable before the change is, and before the answer leaves.
    const transactionId = await transactionIdOf(sql, progress);
    await appendRecord(parts, progress, { code: 200, reason: null, transactionId });
    return result;
  });
  if (call.route.operation.method !== "GET") parts.credentials.changed?.();
  for (const work of committed) work();
  return answer;
}

/** What is hard to undo is told as an event too, so that somebody may be notified of it. */
async function tellDangerous({ call, resource }: Progress, context: Context): Promise<void> {
  const { caller } = context;
  if (caller.accountId === "") return;
  const told = { principalName: caller.principalName, operation: call.route.operation.name };
  const message = tell("kernel.dangerousOperation", { ...told, resource });
  await context.emit({ type: "audit.dangerousOperation", message, severityId: 3 });
}

/** An operation that changes no row: no transaction, but recorded before the answer as well. */
async function handleAlone(
  parts: PipelineParts,
  progress: Progress,
  caller: Caller,
): Promise<unknown> {
  const committed: (() => void)[] = [];
  const sql = () => Promise.reject(new Error("This operation declared that it has no transaction"));
  const context = contextFor(parts, progress, { sql, caller, committed });
  const result = await progress.call.route.handler(context, progress.input);
  await appendRecord(parts, progress, { code: 200, reason: null, transactionId: null });
  for (const work of committed) work();
  return result;
}

async function transactionIdOf(sql: Sql, progress: Progress): Promise<string | null> {
  if (progress.call.route.operation.method === "GET") return null;
  const [row] = await sql<{ id: string | null }>`
    select pg_current_xact_id_if_assigned()::text as id`;
  return row?.id ?? null;
}

function contextFor(
  parts: PipelineParts,
  progress: Progress,
  { sql, caller, committed }: { sql: Sql; caller: Caller; committed: (() => void)[] },
): Context {
  const { call, nowMs } = progress;
  let told = false;
  return {
    requestId: call.requestId,
    nowMs,
    caller,
    identity: progress.identity,
    accountId: caller.accountId,
    sourceIp: call.sourceIp,
    userAgent: (call.headers["user-agent"] ?? "").slice(0, 256),
    host: call.headers.host ?? "",
    ifMatch: call.headers["if-match"],
    sql,
    asSystem: (work) => inSystemScope(sql, caller.accountId === "" ? "system" : caller, work),
    mayAlso: (asked) => mayAlso(parts, progress, asked),
    newId: parts.newId,
    async emit(event) {
      if (!told) committed.push(parts.eventsWritten);
      told = true;
      await writeEvent(sql, progress, { event, caller: progress.subject ?? caller });
    },
    async intentChanged(plane) {
      await sql`insert into intent_change (plane) values (${plane})`;
      committed.push(parts.intentChanged);
    },
    identified(subject) {
      // INVARIANT: a credential says who calls, and nothing that a handler says changes it.
      if (progress.identity === undefined) progress.subject = subject;
    },
    afterCommit: (work) => committed.push(work),
    setSessionCookie: call.setSessionCookie,
    sessionToken: progress.sessionToken,
    deviceToken: call.deviceToken,
    setDeviceCookie: call.setDeviceCookie,
    signal: call.signal,
  };
}

async function writeEvent(
  sql: Sql,
  { call, nowMs, resource }: Progress,
  { event, caller }: { event: ServiceEvent; caller: Caller },
): Promise<void> {
  const body = {
    ...event,
    ...messageFields(event.message),
    time: timeText(nowMs),
    requestId: call.requestId,
    operation: call.route.operation.name,
    resource: event.resource ?? resource,
    principalId: caller.principalId,
    principalName: caller.principalName,
    sourceIp: call.sourceIp,
  };
  await sql`insert into outbox (account_id, event) values (${caller.accountId}, ${body})`;
}

async function appendRecord(
  parts: PipelineParts,
  progress: Progress,
  outcome: Pick<AuditRecord, "code" | "reason" | "transactionId">,
): Promise<void> {
  const { call, identity, nowMs, decision } = progress;
  const { operation, contract } = call.route;
  const caller = identity?.caller ?? progress.subject ?? NOBODY;
  const record: AuditRecord = {
    time: timeText(nowMs),
    requestId: call.requestId,
    accountId: caller.accountId,
    operation: operation.name,
    action: operation.action,
    resource: progress.resource || `crn:${contract.service}::${caller.accountId}:`,
    principalType: caller.principalType,
    principalId: caller.principalId,
    principalName: caller.principalName,
    sourceIp: call.sourceIp,
    decision: decision?.decision ?? "none",
    determiningPolicyIds: decision?.determiningPolicyIds ?? [],
    ...(decision === undefined ? {} : { decidedBy: decision.decidedBy }),
    ...(decision?.resourceTags === undefined ? {} : { resourceTags: decision.resourceTags }),
    ...(progress.also.length === 0 ? {} : { also: progress.also }),
    ...mfaOf(identity, nowMs),
    ...(caller.assumedBy === undefined ? {} : { assumedBy: caller.assumedBy }),
    input: recordableInput(operation, progress.input),
    ...outcome,
  };
  try {
    await parts.audit.append(record);
  } catch (error) {
    throw new Problem("kernel.auditUnavailable", { cause: error });
  }
}

function mfaOf(identity: Identity | undefined, nowMs: number) {
  const age = mfaAgeSeconds(identity?.mfaTimeMs, nowMs);
  return age === undefined ? {} : { mfaAgeSeconds: age };
}

async function recordFailure(
  parts: PipelineParts,
  progress: Progress,
  problem: Problem,
): Promise<void> {
  // A call that was refused for its rate leaves no entry: the log must not grow with a flood.
  if (["kernel.auditUnavailable", "kernel.rateLimited"].includes(problem.reason)) return;
  const outcome = { code: parts.codeOf(problem), reason: problem.reason, transactionId: null };
  await appendRecord(parts, progress, outcome);
}

function logCause(parts: PipelineParts, call: Call, cause: unknown): void {
  parts.log({
    level: "error",
    requestId: call.requestId,
    operation: call.route.operation.name,
    error: cause instanceof Error ? (cause.stack ?? cause.message) : String(cause),
  });
}
