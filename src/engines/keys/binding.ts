/**
 * What a wrapped key version is bound to. The bytes are authenticated with every wrapping and
 * every ciphertext, so that no row can be moved to another account, key, version or use.
 */
import { lengthPrefixed } from "./canonical.ts";
import { factsOf, type KeySpec, type KeyUsage } from "./specs.ts";

export type KeyBinding = {
  readonly account: string;
  readonly key: string;
  /** Counts from 1. */
  readonly version: number;
  readonly algorithm: KeySpec;
  readonly usage: KeyUsage;
};

const VERSION_MAX = 2 ** 31 - 1;
/** Ids of accounts and keys; no separator of any format of ours is among the characters. */
const ID = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/;

/** True for a name that may stand for an account or a key. */
export function isId(text: unknown): text is string {
  return typeof text === "string" && ID.test(text);
}

/** What is wrong with a binding, in words; undefined when nothing is. */
export function bindingFault(binding: KeyBinding): string | undefined {
  if (!isId(binding.account)) return "account must be 1 to 64 letters, digits, dots or dashes";
  if (!isId(binding.key)) return "key must be 1 to 64 letters, digits, dots or dashes";
  const { version } = binding;
  if (!Number.isSafeInteger(version) || version < 1 || version > VERSION_MAX) {
    return `version must be a whole number from 1 to ${VERSION_MAX}`;
  }
  const facts = factsOf(binding.algorithm);
  if (facts === undefined) return `there is no key spec "${binding.algorithm}"`;
  if (!facts.usages.includes(binding.usage)) {
    return `a key of ${binding.algorithm} cannot be used to ${binding.usage}`;
  }
  return undefined;
}

/** One text for one binding; ids hold no slash. */
export function bindingName(binding: KeyBinding): string {
  const { account, key, version, algorithm, usage } = binding;
  return `${account}/${key}/${version}/${algorithm}/${usage}`;
}

/** The binding as additional authenticated data; the domain says what it authenticates. */
export function bindingBytes(domain: string, binding: KeyBinding): Buffer {
  const { account, key, version, algorithm, usage } = binding;
  return lengthPrefixed([domain, account, key, String(version), algorithm, usage]);
}
