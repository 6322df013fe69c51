/**
 * Between keys that keyd uses itself and secrets that a service gives away: a sealed private key
 * becomes a key version without being opened outside, and a pair is made whose private half
 * leaves sealed.
 */

import { isKeySpec } from "../../engines/keys/specs.ts";
import { KeydError } from "../../kernel/keyd/protocol.ts";
import { wrapNew } from "./key-operations.ts";
import type { Keyd } from "./keyd.ts";
import {
  checkedMaterial,
  dropMaterial,
  generateMaterial,
  holdMaterial,
  isSymmetric,
} from "./material.ts";
import { bindingOf, type Operation, partOf, refusedInput, textOf } from "./request.ts";
import { openSecret, sealedFor, sealSecret } from "./secrets.ts";

export function sealedKeyOperations(keyd: Keyd): Readonly<Record<string, Operation>> {
  return {
    /** `purpose` and the binding's account say what it was sealed for. */
    wrapSealed: async (request) => {
      const binding = bindingOf(request.header);
      const purpose = textOf(request.header, "purpose");
      const owner = { purpose, account: binding.account };
      if (isSymmetric(binding.algorithm)) throw refusedInput("Only private keys are taken over");
      const opened = await openSecret(keyd, owner, partOf(request, 0));
      try {
        return await wrapNew(keyd, binding, checkedMaterial(binding.algorithm, "pkcs8", opened));
      } finally {
        opened.fill(0);
      }
    },
    generateSealed: async ({ header }) => {
      const owner = sealedFor(header);
      const spec = textOf(header, "spec");
      if (!isKeySpec(spec) || isSymmetric(spec)) {
        throw new KeydError("algorithmInvalid", `There are no key pairs of "${spec}"`);
      }
      keyd.provider();
      const bytes = await generateMaterial(spec);
      try {
        const material = holdMaterial(spec, Buffer.from(bytes));
        const spki = Buffer.from(material.spki ?? []);
        dropMaterial(material);
        return { parts: [await sealSecret(keyd, owner, bytes), spki] };
      } finally {
        bytes.fill(0);
      }
    },
  };
}
