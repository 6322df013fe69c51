/** Secrets of the program: sealed for one purpose and account, and opened for the same. */
import { isId } from "../../engines/keys/binding.ts";
import { lengthPrefixed } from "../../engines/keys/canonical.ts";
import { KeydError } from "../../kernel/keyd/protocol.ts";
import { gcmOpen, gcmSeal } from "./gcm.ts";
import type { Keyd } from "./keyd.ts";
import { type Fields, type Operation, partOf, refusedInput, textOf } from "./request.ts";

const SECRET_BYTES_MAX = 524_288;
const SEAL_FORMAT = 1;

export type SealedFor = { readonly purpose: string; readonly account: string };

export function secretOperations(keyd: Keyd): Readonly<Record<string, Operation>> {
  return {
    seal: async (request) => {
      const owner = sealedFor(request.header);
      return { parts: [await sealSecret(keyd, owner, partOf(request, 0))] };
    },
    open: async (request) => {
      const owner = sealedFor(request.header);
      return { parts: [await openSecret(keyd, owner, partOf(request, 0))] };
    },
  };
}

export async function sealSecret(
  keyd: Keyd,
  { purpose, account }: SealedFor,
  plaintext: Buffer,
): Promise<Buffer> {
  if (plaintext.length > SECRET_BYTES_MAX) throw refusedInput("The secret is too large");
  const keys = keyd.ring.inMemory(account) ?? (await keyd.ring.of(account, { make: true }));
  const sealed = gcmSeal(keys.sealing, secretAad(purpose, account), plaintext);
  return Buffer.concat([Buffer.from([SEAL_FORMAT]), sealed]);
}

/** @throws KeydError ciphertextInvalid. */
export async function openSecret(
  keyd: Keyd,
  { purpose, account }: SealedFor,
  sealed: Buffer,
): Promise<Buffer> {
  const keys = keyd.ring.inMemory(account) ?? (await keyd.ring.of(account, { make: false }));
  const aad = secretAad(purpose, account);
  const right = sealed[0] === SEAL_FORMAT;
  const plaintext = right ? gcmOpen(keys.sealing, aad, sealed.subarray(1)) : undefined;
  if (plaintext !== undefined) return plaintext;
  throw new KeydError("ciphertextInvalid", "The secret does not open");
}

export function sealedFor(header: Fields): SealedFor {
  const account = header.account;
  if (!isId(account)) throw refusedInput("account must be an account id");
  return { purpose: textOf(header, "purpose"), account };
}

function secretAad(purpose: string, account: string): Buffer {
  return lengthPrefixed(["cordon secret", purpose, account]);
}
