/**
 * Key versions: wrapped under their account's KEK with their binding as AAD, unwrapped when used,
 * and kept in clear for a bounded time and number.
 */
import {
  bindingBytes,
  bindingFault,
  bindingName,
  type KeyBinding,
} from "../../engines/keys/binding.ts";
import { KEY_SPECS } from "../../engines/keys/specs.ts";
import { KeydError } from "../../kernel/keyd/protocol.ts";
import type { AccountKeyRing, AccountKeys } from "./account-keys.ts";
import { gcmOpen, gcmSeal } from "./gcm.ts";
import { dropMaterial, holdMaterial, isSymmetric, type Material } from "./material.ts";
import { type SymmetricKey, symmetricKey } from "./symmetric.ts";

/** A key version in use. */
export type KeyVersion = {
  readonly binding: KeyBinding;
  readonly wrapped: Buffer;
  readonly material: Material;
  /** Present for AES and SM4. */
  readonly symmetric: SymmetricKey | undefined;
  readonly expireMs: number;
  uses: number;
};

const VERSIONS_IN_MEMORY_MAX = 4_096;
const TTL_MS = 3_600_000;
const WRAPPED_BYTES_MAX = 16_384;
const FORMAT = 1;

export type KeyVersions = ReturnType<typeof keyVersions>;

export function keyVersions(ring: AccountKeyRing) {
  const known = new Map<string, KeyVersion>();
  /** The one used last, which stands at the end of the map already. */
  let latest: KeyVersion | undefined;

  const drop = (name: string, version: KeyVersion): void => {
    known.delete(name);
    // What is forgotten is held by nothing: its keys leave the memory with it.
    if (version === latest) latest = undefined;
    dropMaterial(version.material);
  };
  const unwrap = (binding: KeyBinding, wrapped: Buffer, keys: AccountKeys): KeyVersion => {
    const name = bindingName(binding);
    const before = known.get(name);
    if (before !== undefined) drop(name, before);
    const bytes = unwrapBytes(binding, wrapped, keys);
    const material = holdMaterial(binding.algorithm, bytes);
    const { secret, facts } = material;
    const cipher = secret !== undefined && facts.family !== "hmac";
    const version: KeyVersion = {
      binding,
      wrapped: Buffer.from(wrapped),
      material,
      symmetric: cipher ? symmetricKey(secret, binding) : undefined,
      expireMs: performance.now() + TTL_MS,
      uses: 0,
    };
    const oldest = known.entries().next();
    if (known.size >= VERSIONS_IN_MEMORY_MAX && !oldest.done) drop(...oldest.value);
    known.set(name, version);
    latest = version;
    return version;
  };
  return {
    /**
     * The version when it is in memory: no promise on the hot path. The wrapped bytes are compared
     * as well, so that another row under the same binding is never answered from memory.
     */
    inMemory(binding: KeyBinding, wrapped: Buffer): KeyVersion | undefined {
      const name = bindingName(binding);
      const version = known.get(name);
      if (version === undefined || !version.wrapped.equals(wrapped)) return undefined;
      if (version.expireMs < performance.now()) {
        drop(name, version);
        return undefined;
      }
      // The map is in the order of use: the first is what was used longest ago.
      if (version !== latest) {
        known.delete(name);
        known.set(name, version);
        latest = version;
      }
      version.uses += 1;
      return version;
    },
    /** @throws KeydError wrappedKeyInvalid, inputInvalid. */
    async open(binding: KeyBinding, wrapped: Buffer): Promise<KeyVersion> {
      const fault = bindingFault(binding);
      if (fault !== undefined) throw new KeydError("inputInvalid", `Cannot use the key: ${fault}`);
      const keys = await ring.of(binding.account, { make: false });
      // Two requests may have waited for the same account; the second finds it done.
      return this.inMemory(binding, wrapped) ?? unwrap(binding, wrapped, keys);
    },
    /** Wraps material for a binding; makes the account's KEK if there is none. Clears nothing. */
    async wrap(binding: KeyBinding, bytes: Buffer): Promise<Buffer> {
      const keys = await ring.of(binding.account, { make: true });
      const aad = bindingBytes("cordon key version", binding);
      return Buffer.concat([Buffer.from([FORMAT]), gcmSeal(keys.wrapping, aad, bytes)]);
    },
    usesOf: (binding: KeyBinding): number => known.get(bindingName(binding))?.uses ?? 0,
    count: (): number => known.size,
    /** Forgets an account's versions, or all. */
    clear(account?: string): void {
      for (const [name, version] of [...known]) {
        if (account === undefined || version.binding.account === account) drop(name, version);
      }
    },
  };
}

function unwrapBytes(binding: KeyBinding, wrapped: Buffer, keys: AccountKeys): Buffer {
  const aad = bindingBytes("cordon key version", binding);
  const right = wrapped[0] === FORMAT && wrapped.length <= WRAPPED_BYTES_MAX;
  const bytes = right ? gcmOpen(keys.wrapping, aad, wrapped.subarray(1)) : undefined;
  if (bytes === undefined || !sizeFits(binding, bytes)) {
    throw new KeydError("wrappedKeyInvalid", "The wrapped key does not belong to this binding");
  }
  return bytes;
}

function sizeFits({ algorithm }: KeyBinding, bytes: Buffer): boolean {
  return !isSymmetric(algorithm) || bytes.length === KEY_SPECS[algorithm].size;
}
