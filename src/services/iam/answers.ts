/** Answers about rights: what may somebody do, why, and what would a change of a policy change. */
import { type Context, timeText } from "../../kernel/context.ts";
import { cedarSchema } from "../../kernel/identity/cedar-text.ts";
import type { Identity } from "../../kernel/identity/identity.ts";
import type { Contract } from "../../kernel/operation.ts";
import { Problem } from "../../kernel/problem.ts";
import type { Handlers } from "../../kernel/service.ts";
import { pageInMemory } from "../../kernel/store/page.ts";
import { type AuditedRequest, auditedStore } from "./audited-store.ts";
import type { iamContract, PolicyDocument } from "./contract.ts";
import {
  type DecisionParts,
  decideAgain,
  decideNow,
  identityNow,
  type Principal,
  placedOf,
  statementsOf,
} from "./decide-again.ts";
import { checkDocument } from "./documents.ts";
import { limits } from "./domain.ts";
import { roleStore } from "./group-store.ts";
import { loadPolicy, loadRole, loadUser } from "./load.ts";
import { iamStore } from "./store.ts";

type All = Handlers<typeof iamContract>;
type Parts = DecisionParts & { readonly contracts: readonly Contract[] };

const DAY_MS = 86_400_000;

type AnswerHandlers = Pick<
  All,
  | "listActions"
  | "simulatePolicy"
  | "explainDecision"
  | "replayRequests"
  | "listReachers"
  | "listUnusedRights"
>;

export function answerHandlers(parts: Parts): AnswerHandlers {
  return {
    async listActions(_context, input) {
      const page = pageInMemory(actionsOf(parts.contracts), input, ["action", "operation"]);
      return { actions: page.items, totalCount: page.totalCount };
    },
    simulatePolicy: (context, input) => simulate(parts, context, input),
    explainDecision: (context, { requestId }) => explain(parts, context, requestId),
    replayRequests: (context, input) => replay(parts, context, input),
    async listReachers(context, input) {
      const page = pageInMemory(await reachers(parts, context, input), input, [
        "principalType",
        "principalId",
        "principalName",
      ]);
      return { reachers: page.items, totalCount: page.totalCount };
    },
    async listUnusedRights(context, input) {
      const page = pageInMemory(await unusedRights(parts, context, input), input, ["action"]);
      return { unusedRights: page.items, totalCount: page.totalCount };
    },
  };
}

function actionsOf(contracts: readonly Contract[]) {
  return contracts.flatMap((contract) =>
    Object.values(contract.operations).map((operation) => ({
      action: operation.action,
      operation: operation.name,
      resource: `crn:${contract.service}::<account>:${operation.resource}`,
      summary: operation.summary,
    })),
  );
}

async function simulate(
  parts: Parts,
  context: Context,
  input: {
    userId: string;
    action: string;
    resource: string;
    sourceIp?: string;
    encryptionContext?: Record<string, string>;
  },
) {
  const { userId, name } = await loadUser(context, input.userId);
  const identity = await identityNow(context, { type: "user", id: userId, name });
  if (identity === undefined) throw new Problem("iam.userNotFound");
  const { action, resource, sourceIp = context.sourceIp, encryptionContext } = input;
  const { nowMs } = context;
  const question = { identity, action, resource, sourceIp, nowMs, encryptionContext };
  const answer = await decideNow(parts, context, question);
  return {
    decision: answer.decision,
    decidedBy: answer.decidedBy,
    determiningPolicyIds: [...answer.determiningPolicyIds],
    statements: await statementsOf(parts, context, { ids: answer.determiningPolicyIds, resource }),
    explanation: EXPLANATIONS[answer.decidedBy] ?? "",
  };
}

const EXPLANATIONS: Readonly<Record<string, string>> = {
  permit: "A statement allows it and nothing stands against it",
  forbid: "A statement denies it, and a deny wins over every allow",
  guardrail: "A guardrail above the account does not allow it",
  boundary: "The boundary does not allow it",
  session: "The policy given when the role was assumed does not allow it",
  noPermit: "No statement says anything about it, so it is denied",
};

async function explain(parts: Parts, context: Context, requestId: string) {
  const { sql, accountId } = context;
  const request = await auditedStore(sql).byRequest(accountId, requestId);
  if (request === undefined) throw new Problem("iam.auditEntryNotFound");
  const { principalType, principalId, principalName, action, resource } = request;
  const who = { type: principalType, id: principalId, name: principalName };
  const identity = await identityNow(context, who);
  const ids = request.determiningPolicyIds;
  const decidedBy = request.decidedBy ?? "";
  const isDenied = request.decision === "deny" && decidedBy !== "forbid";
  return {
    requestId,
    time: request.time,
    principalType,
    principalId,
    principalName,
    action,
    resource,
    decision: request.decision,
    decidedBy,
    explanation: EXPLANATIONS[decidedBy] ?? "No policy was asked for this request",
    statements: await statementsOf(parts, context, { ids, resource }),
    decisionNow: identity === undefined ? null : await tellNow(parts, context, identity, request),
    wouldAllow: isDenied ? await wouldAllow(parts, context, { identity, request }) : [],
  };
}

/**
 * Null when it depends on what the record has not: a context, of which it has the hash; tags of
 * the resource that nobody asked for then; tags that came in an input too large to be kept.
 */
async function tellNow(
  parts: Parts,
  context: Context,
  identity: Identity,
  request: AuditedRequest,
): Promise<string | null> {
  const { resource, hasContext, resourceTags, inputTruncated } = request;
  const placed = placedOf(parts, resource);
  if (hasContext && (await placed?.asksContext(context.accountId, resource))) return null;
  const isUnknown = placed === undefined && resourceTags === null;
  if (isUnknown && parts.authorizer.needsResourceTags(identity)) return null;
  if (inputTruncated && parts.authorizer.needsRequestTags(identity)) return null;
  return (await decideAgain(parts, context, { identity, request })).decision;
}

/** Statements, one of which would be enough: of a policy of the caller, or of the resource. */
async function wouldAllow(
  parts: Parts,
  context: Context,
  { identity, request }: { identity: Identity | undefined; request: AuditedRequest },
): Promise<object[]> {
  const { action, resource, principalType, principalId } = request;
  const own = { effect: "allow", action, resource };
  if (placedOf(parts, resource) === undefined || identity === undefined) return [own];
  const principal = { [principalType]: [principalId] };
  const onResource = { effect: "allow", principal, action: [action], resource: ["*"] };
  // A policy of the caller counts only where the resource's own leaves the decision to it.
  const draft = { policyId: "draft", version: context.requestId, document: asDocument(own) };
  const drafted = { ...identity, policies: [...identity.policies, draft] };
  const { decision } = await decideAgain(parts, context, { identity: drafted, request });
  return decision === "allow" ? [own, onResource] : [onResource];
}

const asDocument = (statement: object) => ({ version: "1", statement: [statement] });

/** The same requests decided with the draft in the place of the policy, wherever it is attached. */
async function replay(
  parts: Parts,
  context: Context,
  { policyId, document, days = 30 }: { policyId: string; document: PolicyDocument; days?: number },
) {
  const { sql, accountId, nowMs } = context;
  await loadPolicy(context, policyId);
  const checked = checkDocument(document, cedarSchema(parts.contracts));
  const draft = {
    policyId,
    version: `draft ${context.requestId}`,
    document: checked.compiled ?? checked.document,
  };
  const since = timeText(nowMs - days * DAY_MS);
  const requests = await auditedStore(sql).since(accountId, since, limits.replayMax);
  const identities = new Map<string, { now: Identity; drafted: Identity } | undefined>();
  const counts = new Map<string, ReplayChange>();
  for (const request of requests) {
    const { principalType: type, principalId: id, principalName: name } = request;
    if (!identities.has(id)) {
      const now = await identityNow(context, { type, id, name });
      const drafted = now === undefined ? undefined : withDraft(now, draft);
      identities.set(id, now && drafted && { now, drafted });
    }
    const both = identities.get(id);
    if (both === undefined) continue;
    const { decision: from } = await decideAgain(parts, context, { identity: both.now, request });
    const { decision: to } = await decideAgain(parts, context, {
      ...{ identity: both.drafted, request },
    });
    if (from === to) continue;
    const { action, resource } = request;
    const key = `${id} ${action} ${resource} ${to}`;
    const known = counts.get(key);
    counts.set(key, {
      principalType: type,
      principalId: id,
      principalName: name,
      action,
      resource,
      from,
      to,
      count: (known?.count ?? 0) + 1,
    });
  }
  const changes = [...counts.values()].sort((left, right) => right.count - left.count);
  return {
    requestsSeen: requests.length,
    truncated: requests.length >= limits.replayMax,
    changes: changes.slice(0, limits.replayChangesMax),
  };
}

type ReplayChange = {
  principalType: string;
  principalId: string;
  principalName: string;
  action: string;
  resource: string;
  from: "allow" | "deny";
  to: "allow" | "deny";
  count: number;
};

function withDraft(identity: Identity, draft: Identity["policies"][number]): Identity {
  const replaced = (policy: Identity["policies"][number]) =>
    policy.policyId === draft.policyId ? draft : policy;
  const { boundary } = identity;
  return {
    ...identity,
    policies: identity.policies.map(replaced),
    boundary: boundary === undefined ? undefined : replaced(boundary),
  };
}

/** Every user who is enabled, and every role. */
async function principalsOf({ sql, accountId }: Context): Promise<Principal[]> {
  const users = await iamStore(sql).listUsers(accountId);
  const roles = await roleStore(sql).list(accountId);
  return [
    ...users
      .filter((user) => user.enabled)
      .map(({ userId, name }) => ({ type: "user", id: userId, name })),
    ...roles.map(({ roleId, name }) => ({ type: "role", id: roleId, name })),
  ];
}

async function reachers(
  parts: Parts,
  context: Context,
  { action, resource }: { action: string; resource: string },
) {
  const found = [];
  for (const principal of await principalsOf(context)) {
    const identity = await identityNow(context, principal);
    if (identity === undefined) continue;
    const { sourceIp, nowMs } = context;
    const question = { identity, action, resource, sourceIp, nowMs };
    const answer = await decideNow(parts, context, question);
    if (answer.decision !== "allow") continue;
    found.push({
      principalType: principal.type,
      principalId: principal.id,
      principalName: principal.name,
      determiningPolicyIds: [...answer.determiningPolicyIds],
    });
  }
  return found;
}

async function unusedRights(
  { authorizer, contracts }: Parts,
  context: Context,
  { userId, roleId, days = 90 }: { userId?: string; roleId?: string; days?: number },
) {
  const { sql, accountId, sourceIp, nowMs } = context;
  const principal =
    roleId === undefined
      ? { type: "user", id: userId ?? "", name: (await loadUser(context, userId ?? "")).name }
      : { type: "role", id: roleId, name: (await loadRole(context, roleId)).name };
  const identity = await identityNow(context, principal);
  if (identity === undefined) return [];
  const since = timeText(nowMs - days * DAY_MS);
  const used = new Set(await auditedStore(sql).usedActions(accountId, principal.id, since));
  const { basics: _, ...attached } = identity;
  const unused = new Map<string, { action: string; determiningPolicyIds: string[] }>();
  for (const contract of contracts) {
    for (const { action, resource, authentication } of Object.values(contract.operations)) {
      if (authentication === "none" || used.has(action) || unused.has(action)) continue;
      const some = resource.replace(/\{\w+\}/g, "any").replaceAll("*", "any");
      const name = `crn:${contract.service}::${accountId}:${some}`;
      const question = { identity: attached, action, resource: name, sourceIp, nowMs };
      const answer = authorizer.decide(question);
      if (answer.decision !== "allow") continue;
      unused.set(action, { action, determiningPolicyIds: [...answer.determiningPolicyIds] });
    }
  }
  return [...unused.values()];
}
