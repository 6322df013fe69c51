/**
 * Key-encryption keys, one for each account: made at its first key, wrapped by the root, kept in
 * a file of its own so that an account can be shredded. In clear they are only here.
 */
import { createSecretKey, hkdfSync, type KeyObject, randomBytes } from "node:crypto";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { isId } from "../../engines/keys/binding.ts";
import { lengthPrefixed } from "../../engines/keys/canonical.ts";
import { KeydError } from "../../kernel/keyd/protocol.ts";
import { makeFolder, readIfThere, syncFolder, writeDurably } from "./durable-file.ts";
import { type FolderRecord, kekName, RECORD_ACCOUNT } from "./folder-record.ts";
import type { RecoveryCopies } from "./recovery-copies.ts";
import type { RootKeyProvider } from "./root-provider.ts";

/** Keys derived from one account's KEK, each for one use (HKDF-SHA-256, RFC 5869). */
export type AccountKeys = {
  /** Wraps key versions. */
  readonly wrapping: KeyObject;
  /** Seals secrets of the program. */
  readonly sealing: KeyObject;
  /** Seals import tokens. */
  readonly importing: KeyObject;
  /** Authenticates the record of the account's head. */
  readonly recording: KeyObject;
  readonly expireMs: number;
};

const KEK_BYTES = 32;
const ACCOUNTS_IN_MEMORY_MAX = 4_096;
const TTL_MS = 3_600_000;

export type AccountKeyRing = ReturnType<typeof accountKeyRing>;

export const KEK_SUFFIX = ".kek";

/** What a wrapped KEK is bound to, whichever root wraps it. */
export function kekAad(account: string): Buffer {
  return lengthPrefixed(["cordon account kek", account]);
}

export type RingParts = {
  /** Both are asked each time, because they change while keyd runs. */
  readonly folder: () => string;
  readonly root: () => RootKeyProvider;
  /** Whether the folder is of today; what is made or removed is counted. */
  readonly record: () => FolderRecord;
  readonly copies: RecoveryCopies;
};

export function accountKeyRing({ folder, root, record, copies }: RingParts) {
  const known = new Map<string, AccountKeys>();
  const loading = new Map<string, Promise<AccountKeys>>();
  const file = (account: string) => join(folder(), `${account}${KEK_SUFFIX}`);
  /** While the root is changed nothing is read or made. */
  let changing: Promise<void> = Promise.resolve();

  const load = async (account: string, make: boolean): Promise<AccountKeys> => {
    if (account !== RECORD_ACCOUNT) await record().check();
    const wrapped = await readIfThere(file(account));
    const kek = wrapped === undefined ? undefined : await root().unwrap(wrapped, kekAad(account));
    if (wrapped !== undefined && kek === undefined) {
      throw new KeydError("wrappedKeyInvalid", `The key of account "${account}" does not open`);
    }
    if (kek !== undefined) return keep(account, kek);
    if (!make) throw new KeydError("wrappedKeyInvalid", `Account "${account}" has no keys here`);
    const fresh = randomBytes(KEK_BYTES);
    await makeFolder(folder());
    const bytes = await root().wrap(fresh, kekAad(account));
    // The copy first: a crash between leaves one too many, never one too few.
    await copies.keep(account, fresh);
    const write = () => writeDurably(file(account), bytes);
    if (account === RECORD_ACCOUNT) await write();
    else await record().change({ name: kekName(account), mark: "kek" }, write);
    return keep(account, fresh);
  };
  const keep = (account: string, kek: Buffer): AccountKeys => {
    const derive = (use: string): KeyObject => {
      const bytes = Buffer.from(hkdfSync("sha256", kek, "", `cordon ${use}`, KEK_BYTES));
      const key = createSecretKey(bytes);
      bytes.fill(0);
      return key;
    };
    const keys = {
      wrapping: derive("key version"),
      sealing: derive("secret"),
      importing: derive("import token"),
      recording: derive("head"),
      expireMs: performance.now() + TTL_MS,
    };
    kek.fill(0);
    const oldest = known.keys().next();
    if (known.size >= ACCOUNTS_IN_MEMORY_MAX && !oldest.done) forget(oldest.value);
    known.set(account, keys);
    return keys;
  };
  const forget = (account: string): void => {
    // The KeyObjects are cleared by OpenSSL when nobody holds them any more.
    known.delete(account);
  };
  return {
    /** The keys when they are in memory: no promise on the hot path. */
    inMemory(account: string): AccountKeys | undefined {
      const keys = known.get(account);
      return keys !== undefined && keys.expireMs > performance.now() ? keys : undefined;
    },
    /** @throws KeydError wrappedKeyInvalid when there are none and `make` is not set. */
    async of(account: string, { make }: { make: boolean }): Promise<AccountKeys> {
      if (!isId(account)) throw new KeydError("inputInvalid", "That is no account id");
      root();
      const there = this.inMemory(account);
      if (there !== undefined) return there;
      forget(account);
      // INVARIANT: one load at a time, or two first keys would make two KEKs.
      const running = loading.get(account)?.catch(() => undefined);
      const mine = Promise.all([running, changing]).then(
        () => this.inMemory(account) ?? load(account, make),
      );
      loading.set(account, mine);
      try {
        return await mine;
      } finally {
        if (loading.get(account) === mine) loading.delete(account);
      }
    },
    /** Everything under this account's KEK is unreadable from now on. */
    async shred(account: string): Promise<void> {
      if (!isId(account) || account === RECORD_ACCOUNT)
        throw new KeydError("inputInvalid", "That is no account id");
      forget(account);
      await changing;
      await record().change({ name: kekName(account), mark: null }, async () => {
        await copies.forget(account);
        await rm(file(account), { force: true });
        await syncFolder(folder()).catch(() => {});
      });
    },
    /** Runs while nobody reads or makes a KEK: what is to be wrapped anew stands still. */
    async whileStill<Result>(run: () => Promise<Result>): Promise<Result> {
      const before = [changing, ...loading.values()];
      let release = (): void => {};
      changing = new Promise((resolve) => {
        release = resolve;
      });
      try {
        await Promise.allSettled(before);
        return await run();
      } finally {
        release();
      }
    },
    clear(): void {
      for (const account of [...known.keys()]) forget(account);
    },
  };
}
