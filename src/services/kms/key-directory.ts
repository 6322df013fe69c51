/**
 * Keys as their uses need them, remembered for a second and until something changes, so that a use
 * opens no transaction. What is read is compared with its seal, and the account's seals with the
 * head that keyd recorded: rows or a database put back to an older state are refused.
 */
import { shortMemory } from "../../kernel/identity/credential-cache.ts";
import type { KeydClient } from "../../kernel/keyd/client.ts";
import { Problem } from "../../kernel/problem.ts";
import type { Database, Sql } from "../../kernel/store/database.ts";
import type { KeyRecord, KeyRow } from "./domain.ts";
import { grantStore } from "./grant-store.ts";
import { asked } from "./keyd-problem.ts";
import { headHash, sealOf } from "./seal.ts";
import { aliasStore, headStore, keyStore, versionStore } from "./store.ts";

/** How long a comparison of all seals of an account with keyd's record holds. */
const HEAD_TTL_MS = 5_000;
const VERIFY_TRIES = 5;

export type KeyDirectory = ReturnType<typeof createKeyDirectory>;

/** A key with its versions and grants; undefined when there is none. */
export async function loadRecord(
  sql: Sql,
  accountId: string,
  keyId: string,
): Promise<KeyRecord | undefined> {
  const key = await keyStore(sql).find(accountId, keyId);
  return key === undefined ? undefined : recordOf(sql, key);
}

export async function recordOf(sql: Sql, key: KeyRow): Promise<KeyRecord> {
  const { accountId, keyId, materialId } = key;
  const versions = await versionStore(sql).of(accountId, materialId);
  return { key, versions, grants: await grantStore(sql).ofKey(accountId, keyId) };
}

/** @throws Problem kms.rolledBack when the seals are not those that keyd recorded. */
export async function verifyHead(sql: Sql, keyd: KeydClient, accountId: string): Promise<void> {
  const { head, items } = await headStore(sql).whole(accountId);
  checkItems(head, items);
  await asked(keyd.checkHead(accountId, head));
}

/** @throws Problem kms.rolledBack when the rows are not those that made the head. */
export function checkItems(
  head: { epoch: number; hash: string },
  items: readonly { name: string; seal: string }[],
): void {
  const right = head.epoch === 0 ? items.length === 0 : headHash(items) === head.hash;
  if (right) return;
  const cause = new Error(`the rows do not belong to epoch ${head.epoch}`);
  throw new Problem("kms.rolledBack", { cause });
}

export function createKeyDirectory({
  database,
  keyd,
}: {
  readonly database: Database;
  readonly keyd: KeydClient;
}) {
  const keys = shortMemory<KeyRecord>();
  const names = shortMemory<string>();
  const heads = shortMemory<true>(HEAD_TTL_MS);
  const read = (accountId: string, keyId: string) =>
    database.transaction({ accountId }, async (sql) => {
      const record = await loadRecord(sql, accountId, keyId);
      if (record !== undefined && sealOf(record) !== record.key.seal) {
        const cause = new Error(`the row of key "${keyId}" does not have its seal`);
        throw new Problem("kms.rolledBack", { cause });
      }
      return record;
    });
  const verify = async (accountId: string): Promise<true> => {
    for (let tries = 1; ; tries += 1) {
      try {
        await database.transaction({ accountId }, (sql) => verifyHead(sql, keyd, accountId));
        return true;
      } catch (error) {
        // Changes may have gone on between the two looks; a state that is old stays old.
        const raced = error instanceof Problem && error.reason === "kms.rolledBack";
        if (!raced || tries >= VERIFY_TRIES) throw error;
      }
    }
  };
  return {
    /** The key by its own id, of this account only. */
    async find(accountId: string, keyId: string, nowMs: number): Promise<KeyRecord | undefined> {
      await heads.get(accountId, nowMs, () => verify(accountId));
      return keys.get(`${accountId} ${keyId}`, nowMs, () => read(accountId, keyId));
    },
    /** A grant, read anew: retiring one is rare. */
    grant: (accountId: string, grantId: string) =>
      database.transaction({ accountId }, (sql) => grantStore(sql).find(accountId, grantId)),
    /** The id behind an alias. */
    alias: (accountId: string, name: string, nowMs: number) =>
      names.get(`${accountId} alias ${name}`, nowMs, () =>
        database.transaction(
          { accountId },
          async (sql) => (await aliasStore(sql).find(accountId, name))?.keyId,
        ),
      ),
    /** The key that an id means in a region. */
    inRegion: (accountId: string, id: string, place: { region: string; nowMs: number }) =>
      names.get(`${accountId} ${place.region} ${id}`, place.nowMs, () =>
        database.transaction({ accountId }, (sql) =>
          keyStore(sql).inRegion(accountId, id, place.region),
        ),
      ),
    /** After a commit: nothing read before it counts. */
    changed(): void {
      keys.forget();
      names.forget();
      heads.forget();
    },
  };
}
