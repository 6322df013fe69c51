/**
 * Changing keys: one change of an account's keys at a time, with new seals, a new head, and keyd's
 * record of it announced before the commit and confirmed after it.
 */
import type { KeydClient } from "../../kernel/keyd/client.ts";
import { Problem } from "../../kernel/problem.ts";
import type { Sql } from "../../kernel/store/database.ts";
import type { KeyRecord } from "./domain.ts";
import { checkItems, type KeyDirectory, recordOf } from "./key-directory.ts";
import { asked } from "./keyd-problem.ts";
import { headHash, sealOf } from "./seal.ts";
import { headStore, keyStore } from "./store.ts";

export type KmsParts = {
  readonly keyd: KeydClient;
  readonly directory: KeyDirectory;
  /** The region that keys are made in. */
  readonly region: string;
};

/** The transaction a change works in: a handler's, or a job's. */
export type Changing = {
  readonly sql: Sql;
  readonly accountId: string;
  afterCommit(work: () => void): void;
};

/**
 * Runs a change with the account's keys locked.
 *
 * @throws Problem kms.rolledBack when the rows are not those that keyd recorded.
 */
export async function changeKeys<Result>(
  { keyd, directory }: KmsParts,
  { sql, accountId, afterCommit }: Changing,
  change: () => Promise<Result>,
): Promise<Result> {
  const store = headStore(sql);
  const from = await store.lock(accountId);
  checkItems(from, await store.items(accountId));
  const result = await change();
  const to = { epoch: from.epoch + 1, hash: headHash(await store.items(accountId)) };
  // INVARIANT: announced before the commit, so that the committed state is never one that keyd
  // does not know; who commits nothing leaves the former state valid.
  await asked(keyd.advanceHead(accountId, { from, to }));
  await store.write(accountId, to);
  afterCommit(() => {
    directory.changed();
    keyd.confirmHead(accountId, to).catch(() => {});
  });
  return result;
}

/** The key with versions and grants, read under the lock. @throws Problem kms.keyNotFound. */
export async function lockedRecord(
  { sql, accountId }: Changing,
  keyId: string,
): Promise<KeyRecord> {
  const key = await keyStore(sql).find(accountId, keyId);
  if (key === undefined) throw new Problem("kms.keyNotFound");
  const record = await recordOf(sql, key);
  if (sealOf(record) === key.seal) return record;
  throw new Problem("kms.rolledBack", { cause: new Error(`key "${keyId}" lost its seal`) });
}

/** Gives the keys of this material new seals; to be called after rows of theirs were changed. */
export async function resealAll({ sql, accountId }: Changing, materialId: string): Promise<void> {
  for (const key of await keyStore(sql).sharing(accountId, materialId)) {
    await keyStore(sql).setSeal(accountId, key.keyId, sealOf(await recordOf(sql, key)));
  }
}
