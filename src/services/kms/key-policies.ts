/** Handlers of key policies. */
import type { Authorizer } from "../../kernel/identity/authorize.ts";
import { Problem } from "../../kernel/problem.ts";
import type { Handlers } from "../../kernel/service.ts";
import type { PolicyDocument } from "../iam/contract.ts";
import type { kmsContract } from "./contract.ts";
import type { KeyRow } from "./domain.ts";
import type { KmsParts } from "./key-change.ts";
import { changeKey } from "./keys.ts";
import { checkKeyPolicy, refuseLockOut } from "./policy-check.ts";
import { keyStore } from "./store.ts";
import { tell } from "./texts.ts";

type All = Handlers<typeof kmsContract>;

export function policyHandlers(
  parts: KmsParts,
  authorizer: Authorizer,
): Pick<All, "getKeyPolicy" | "setKeyPolicy"> {
  return {
    async getKeyPolicy({ sql, accountId }, { keyId }) {
      const key = await keyStore(sql).find(accountId, keyId);
      if (key === undefined) throw new Problem("kms.keyNotFound");
      return policyView(key);
    },
    async setKeyPolicy(context, { keyId, document, sourceText, confirmLockOut }) {
      checkKeyPolicy(document);
      if (confirmLockOut !== true) refuseLockOut(authorizer, context, { keyId, document });
      const change = () => ({ policy: document, policyText: sourceText ?? null });
      await changeKey(parts, context, { keyId, command: "change", change });
      await context.emit({
        type: "kms.keyPolicyChanged",
        message: tell("kms.keyPolicyChanged", { id: keyId }),
        severityId: 3,
        data: { keyId },
      });
      return { keyId, document, sourceText: sourceText ?? null };
    },
  };
}

function policyView({ keyId, policy, policyText }: KeyRow) {
  // Checked against the schema when it was written.
  return { keyId, document: policy as PolicyDocument, sourceText: policyText };
}
