/** One request of the AWS protocol: who calls in which region, and what its key names mean. */
import { createHash } from "node:crypto";
import { readBlobHead } from "../../../engines/keys/blob.ts";
import { Problem } from "../../../kernel/problem.ts";
import type { KeyDirectory } from "../key-directory.ts";

export type Fields = Readonly<Record<string, unknown>>;

/** A key as the protocol names it: a replica has the id of its primary, in another region. */
export type KeyReference = { readonly keyId: string; readonly id: string; readonly region: string };

export type AwsCall = {
  readonly body: Fields;
  readonly accountId: string;
  readonly principalId: string;
  readonly region: string;
  /** The key that the request names; set by `key`. */
  reference: KeyReference | undefined;
  /** The second key of ReEncrypt. */
  destination: KeyReference | undefined;
  readonly directory: KeyDirectory;
  readonly nowMs: number;
};

const ARN = /^arn:aws:kms:([a-z][a-z0-9-]{0,31}):(\d{12}):(key|alias)\/(.{1,256})$/;
const KEY_ID = /^(?:key|mrk)-[0-9a-z]{10}$/;
/** An id that no key has, so that what is not ours answers like what is not there. */
export const NO_KEY = "key-0000000000";

/**
 * Twelve digits that stand for an account where the protocol wants a number. Only ever compared
 * with the caller's own, so two accounts with one number would not see each other's keys.
 */
export function accountNumber(accountId: string): string {
  const hash = createHash("sha256").update(`cordon account number ${accountId}`).digest();
  return String(hash.readBigUInt64BE(0) % 1_000_000_000_000n).padStart(12, "0");
}

/** The key that a request names by id, ARN or alias. @throws Problem kms.arnInvalid. */
export async function keyOf(call: AwsCall, name: unknown): Promise<KeyReference> {
  if (typeof name !== "string" || name === "") {
    const details = [{ path: "/KeyId", message: "must name a key" }];
    throw new Problem("kernel.inputInvalid", { details });
  }
  if (!name.startsWith("arn:")) return plainKey(call, name, call.region);
  const match = ARN.exec(name);
  if (match === null) throw new Problem("kms.arnInvalid");
  const [, region = "", number, kind, rest = ""] = match;
  const none = { keyId: NO_KEY, id: NO_KEY, region };
  if (number !== accountNumber(call.accountId)) return none;
  return plainKey(call, kind === "alias" ? `alias/${rest}` : rest, region);
}

async function plainKey(call: AwsCall, name: string, region: string): Promise<KeyReference> {
  const { directory, accountId, nowMs } = call;
  const none = { keyId: NO_KEY, id: NO_KEY, region };
  const alias = /^alias\/(.{1,256})$/.exec(name)?.[1];
  const id = alias === undefined ? name : await directory.alias(accountId, alias, nowMs);
  if (id === undefined || !KEY_ID.test(id)) return none;
  const keyId = await directory.inRegion(accountId, id, { region, nowMs });
  if (keyId === undefined) return none;
  const record = await directory.find(accountId, keyId, nowMs);
  return record === undefined
    ? none
    : { keyId, id: record.key.materialId, region: record.key.region };
}

/** The key that made a ciphertext, by its head, which is authenticated when it is opened. */
export async function keyOfBlob(call: AwsCall, blob: unknown): Promise<KeyReference> {
  const bytes = typeof blob === "string" ? Buffer.from(blob, "base64") : Buffer.alloc(0);
  const head = readBlobHead(bytes);
  // A key of another account is not found in this one, and no more is told of bytes that are none.
  if (head === undefined) throw new Problem("kms.ciphertextInvalid");
  const reference = await plainKey(call, head.key, call.region);
  if (reference.keyId === NO_KEY) throw new Problem("kms.ciphertextInvalid");
  return reference;
}

export function keyArn(
  { accountId }: Pick<AwsCall, "accountId">,
  key: Omit<KeyReference, "keyId">,
) {
  return `arn:aws:kms:${key.region}:${accountNumber(accountId)}:key/${key.id}`;
}

/** Seconds since the epoch, as the protocol's JSON has times. */
export function seconds(time: string): number {
  return Date.parse(time) / 1_000;
}

/** Keeps only the fields that are given. */
export function given(fields: Fields): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
