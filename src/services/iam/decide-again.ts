/** Decisions outside a call: with the rights of now, by all that decides about the resource. */
import type { Context } from "../../kernel/context.ts";
import { type Authorizer, type Question, tagsOf } from "../../kernel/identity/authorize.ts";
import type { Identity } from "../../kernel/identity/identity.ts";
import type { PlacedPolicies, Service } from "../../kernel/service.ts";
import type { AuditedRequest } from "./audited-store.ts";
import { selfServicePolicy } from "./domain.ts";
import { policyStore } from "./policy-store.ts";
import { roleRights, userRights } from "./principals.ts";

export type DecisionParts = {
  readonly authorizer: Authorizer;
  /** What lies on resources is known by their service; undefined: none has this name. */
  readonly serviceOf: (name: string) => Pick<Service, "access" | "placed"> | undefined;
};

export type Principal = { readonly type: string; readonly id: string; readonly name: string };

/** A principal of this account with the rights it has now; undefined when it is gone. */
export async function identityNow(
  context: Context,
  { type, id, name }: Principal,
): Promise<Identity | undefined> {
  const role = type === "role";
  const rights = await (role ? roleRights : userRights)(context.sql, id);
  if (rights === undefined) return undefined;
  const { accountId, caller, identity } = context;
  return {
    ...rights,
    ...(role ? {} : { basics: selfServicePolicy }),
    // The same for every principal of an account.
    guardrails: identity?.guardrails ?? [],
    caller: {
      accountId,
      accountName: caller.accountName,
      operator: caller.operator,
      principalType: role ? "role" : "user",
      principalId: id,
      principalName: name,
    },
  };
}

/** Decides as a call would, with what lies on the resource, which must be this account's. */
export async function decideNow(parts: DecisionParts, { accountId }: Context, question: Question) {
  const { identity, action, resource, encryptionContext } = question;
  const [, service = "", , owner] = resource.split(":");
  const access = owner === accountId ? parts.serviceOf(service)?.access : undefined;
  const input = { encryptionContext, destinationEncryptionContext: encryptionContext };
  const facts = await access?.({ accountId, action, resource, input });
  if (facts === undefined) return parts.authorizer.decide(question);
  const resourcePolicies = [...(identity.resourcePolicies ?? []), ...facts.policies];
  return parts.authorizer.decide({
    ...question,
    identity: { ...identity, resourcePolicies, delegation: facts.delegation },
    resourceTags: question.resourceTags ?? facts.resourceTags,
    encryptionContext: facts.encryptionContext,
  });
}

/**
 * A request of the past with the rights of now, and with the tags that it brought and that the
 * resource had then. A context it had is not known.
 */
export function decideAgain(
  parts: DecisionParts,
  context: Context,
  { identity, request }: { readonly identity: Identity; readonly request: AuditedRequest },
) {
  const nowMs = Date.parse(request.time);
  const { mfaAgeSeconds, action, resource, sourceIp } = request;
  const mfaTimeMs = mfaAgeSeconds === null ? undefined : nowMs - mfaAgeSeconds * 1000;
  const question = {
    ...{ identity: { ...identity, mfaTimeMs }, action, resource, sourceIp, nowMs },
    requestTags: tagsOf({ tags: request.requestTags }),
    resourceTags: request.resourceTags ?? undefined,
  };
  return decideNow(parts, context, question);
}

/** What the resource's service tells of policies on its resources; undefined when it has none. */
export function placedOf(parts: DecisionParts, resource: string): PlacedPolicies | undefined {
  return parts.serviceOf(resource.split(":")[1] ?? "")?.placed;
}

/** The statements behind `<policyId>@<version>#<index>`, each as it was in that version. */
export function statementsOf(
  parts: DecisionParts,
  context: Context,
  { ids, resource }: { readonly ids: readonly string[]; readonly resource: string },
) {
  const placed = placedOf(parts, resource);
  return Promise.all(ids.map((id) => statementOf(context, placed, id)));
}

async function statementOf(
  { sql, accountId }: Context,
  placed: PlacedPolicies | undefined,
  id: string,
) {
  const match = /^(.+)@([^@#]*)#(\d+)$/.exec(id);
  const [, policyId = id, version = "", index = "0"] = match ?? [];
  const onResource = await placed?.find(accountId, policyId);
  if (onResource !== undefined) {
    const isKept = String(onResource.version) === version;
    const statement = (isKept && onResource.statements[Number(index)]) || null;
    return { policyId, policyName: onResource.name, version, statement };
  }
  const [policy] = (await policyStore(sql).list(accountId)).filter(
    (one) => one.policyId === policyId,
  );
  const versions = policy === undefined ? [] : await policyStore(sql).versions(accountId, policyId);
  const row = versions.find((one) => String(one.version) === version);
  const document = row?.document;
  const statement = document?.statement?.[Number(index)] ?? document?.text ?? null;
  return { policyId, policyName: policy?.name ?? null, version, statement };
}
