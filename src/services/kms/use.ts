/**
 * Handlers of using keys: which key and version, keyd does it, and that it was used is noted. No
 * row is read here that the decision about the call did not read.
 */
import type { KeySpec, KeyUsage } from "../../engines/keys/specs.ts";
import type { Context } from "../../kernel/context.ts";
import type { KeyHandle } from "../../kernel/keyd/protocol.ts";
import { Problem } from "../../kernel/problem.ts";
import {
  bindingOf,
  type KeyRecord,
  offeredAlgorithms,
  usableVersion,
  type VersionRow,
} from "./domain.ts";
import type { KmsParts } from "./key-change.ts";

/** Notes that a key was used; written to the table from time to time. */
export type UseNotes = {
  note(use: {
    accountId: string;
    keyId: string;
    operation: string;
    requestId: string;
    nowMs: number;
  }): void;
};

export type UseParts = KmsParts & { readonly notes: UseNotes };

export type Using = {
  readonly record: KeyRecord;
  readonly version: VersionRow;
  readonly handle: KeyHandle;
  readonly algorithm: string;
  /** What every answer says of the key. */
  readonly told: { readonly keyId: string; readonly version: number };
};

type Wanted = {
  readonly keyId: string;
  readonly version?: number | undefined;
  readonly algorithm?: string | undefined;
  readonly dryRun?: boolean | undefined;
};

/**
 * The key of a call, ready for keyd.
 *
 * @throws Problem when there is none, or its state, usage or algorithms do not allow it.
 */
export async function usingKey(
  { directory, notes }: UseParts,
  context: Context,
  { wanted, usage, operation }: { wanted: Wanted; usage: KeyUsage; operation: string },
): Promise<Using> {
  const { accountId, nowMs, requestId } = context;
  const { keyId } = wanted;
  const record = await directory.find(accountId, keyId, nowMs);
  if (record === undefined) throw new Problem("kms.keyNotFound");
  const { key } = record;
  const version = usableVersion(record, wanted.version, nowMs);
  if (typeof version === "string") throw new Problem(version);
  if (key.usage !== usage) throw new Problem("kms.keyUsageInvalid");
  const algorithm = algorithmFor(key.spec, usage, wanted.algorithm);
  if (wanted.dryRun === true) throw new Problem("kms.dryRun");
  const wrapped = version.wrapped ?? Buffer.alloc(0);
  const handle = { binding: bindingOf(record, version.version), wrapped };
  notes.note({ accountId, keyId, operation, requestId, nowMs });
  return { record, version, handle, algorithm, told: { keyId, version: version.version } };
}

function algorithmFor(spec: KeySpec, usage: KeyUsage, wanted: string | undefined): string {
  const offered = offeredAlgorithms(spec, usage);
  const algorithm = wanted ?? offered[0] ?? "";
  if (offered.includes(algorithm)) return algorithm;
  throw new Problem("kms.algorithmInvalid");
}

/** Bytes of a field; the schema has checked its characters. @throws Problem kernel.inputInvalid. */
export function bytesOf(text: string, path: string, bytesMax: number): Buffer {
  const bytes = Buffer.from(text, "base64");
  if (text.length % 4 === 0 && bytes.length <= bytesMax) return bytes;
  const message = `must be whole base64, with its padding, of at most ${bytesMax} bytes`;
  throw new Problem("kernel.inputInvalid", { details: [{ path, message }] });
}
