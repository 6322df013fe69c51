/** What is checked of a key policy before it is kept. */
import { compileDocument } from "../../engines/policy/index.ts";
import type { Context } from "../../kernel/context.ts";
import type { Authorizer } from "../../kernel/identity/authorize.ts";
import { Problem } from "../../kernel/problem.ts";
import type { PolicyDocument } from "../iam/contract.ts";
import { policyParts } from "./access.ts";

/** @throws Problem kms.policyInvalid with the path of each fault. */
export function checkKeyPolicy(document: PolicyDocument): void {
  const compiled = compileDocument(document, "resource");
  if ("faults" in compiled) throw new Problem("kms.policyInvalid", { details: compiled.faults });
}

/** @throws Problem kms.policyLocksOut when the caller could not change the policy again. */
export function refuseLockOut(
  authorizer: Authorizer,
  { identity, accountId, sourceIp, nowMs }: Context,
  { keyId, document }: { keyId: string; document: PolicyDocument },
): void {
  if (identity === undefined) return;
  const resource = `crn:kms::${accountId}:key/${keyId}`;
  const seal = `draft ${JSON.stringify(document)}`;
  const { own, delegation } = policyParts({ keyId, policy: document, seal });
  const policies = own === undefined ? [] : [{ ...own, resource }];
  const { decision } = authorizer.decide({
    identity: {
      ...identity,
      resourcePolicies: [...(identity.resourcePolicies ?? []), ...policies],
      delegation,
    },
    action: "kms:PutKeyPolicy",
    ...{ resource, sourceIp, nowMs },
  });
  if (decision !== "allow") throw new Problem("kms.policyLocksOut");
}
