/** Decisions of one call: its own action, and what else it asks for. */
import type { CredentialLookup, Identity } from "../identity/authenticate.ts";
import { type Authorizer, type Decision, tagsOf } from "../identity/authorize.ts";
import { Problem } from "../problem.ts";
import type { Call } from "./call.ts";

type DecidedCall = {
  readonly call: Call;
  readonly identity: Identity | undefined;
  readonly input: Record<string, unknown>;
  readonly nowMs: number;
};

/** One decision, with what the resource's own service knows of the resource. */
export async function decide(
  parts: { readonly authorizer: Authorizer; readonly credentials: CredentialLookup },
  { call, identity, input, nowMs }: DecidedCall,
  { action, resource }: { action: string; resource: string },
): Promise<Decision> {
  if (identity === undefined) throw new Problem("kernel.unauthenticated");
  const { accountId } = identity.caller;
  const facts = await call.route.access?.({ accountId, action, resource, input });
  const whole =
    facts === undefined
      ? identity
      : {
          ...identity,
          resourcePolicies: [...(identity.resourcePolicies ?? []), ...facts.policies],
          delegation: facts.delegation,
        };
  const resourceTags =
    facts?.resourceTags ??
    (parts.authorizer.needsResourceTags(whole)
      ? await parts.credentials.resourceTags(accountId, resource)
      : undefined);
  const decision = parts.authorizer.decide({
    identity: whole,
    action,
    resource,
    resourceTags,
    requestTags: tagsOf(input),
    sourceIp: call.sourceIp,
    nowMs,
    encryptionContext: facts?.encryptionContext,
  });
  const seen = resourceTags && parts.authorizer.askedTags(whole, resourceTags);
  return seen === undefined ? decision : { ...decision, resourceTags: seen };
}
