/**
 * Changes the root: every account's key is unwrapped by the old root and wrapped by the new one
 * into a new folder, then one file says that the new ones count. A crash before leaves the old
 * root in use, a crash after it the new one; leftovers go at the next start.
 */
import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { KeydError } from "../../kernel/keyd/protocol.ts";
import { StartError } from "../../kernel/process/daemon.ts";
import { KEK_SUFFIX, kekAad } from "./account-keys.ts";
import { readIfThere, syncFolder, writeDurably } from "./durable-file.ts";
import { RECORD_ACCOUNT } from "./folder-record.ts";
import type { Keyd } from "./keyd.ts";
import { makeRoot, type Root } from "./open-root.ts";
import { nextFolder, type RootInUse, removeLeftovers, writeRootInUse } from "./root-in-use.ts";
import type { RootKeyProvider, RootKind } from "./root-provider.ts";

type Keks = AsyncIterable<readonly [account: string, kek: Buffer]>;

/**
 * @returns how many accounts' keys were wrapped anew.
 * @throws KeydError inputInvalid when it is that root already, sealed or unavailable when one of
 *   the two does not open, wrappedKeyInvalid when a key of the old root does not open. Then
 *   nothing was changed.
 */
export async function moveRoot(keyd: Keyd, kind: RootKind): Promise<number> {
  if (keyd.inUse().kind === kind)
    throw new KeydError("inputInvalid", `The root is ${kind} already`);
  await keyd.record.check();
  // Loaded now, since nothing is loaded while keys stand still.
  await keyd.ring.of(RECORD_ACCOUNT, { make: true });
  return replaceRoot(keyd, { kind, keks: () => keksOf(keyd) });
}

/** Brings keys from copies, opened by recovery shares, into a software root. */
export async function recoverFromCopies(
  keyd: Keyd,
  { secret, passphrase }: { secret: Buffer; passphrase: Buffer },
): Promise<number> {
  const keks = await keyd.copies.open(secret);
  const sealed = passphrase.length > 0 ? { passphrase } : {};
  return replaceRoot(keyd, { kind: "software", keks: () => keks, ...sealed });
}

/** Every account's key in clear; the receiver clears it. */
export async function* keksOf(keyd: Keyd): Keks {
  const folder = join(keyd.keysFolder, keyd.inUse().folder);
  const root = keyd.provider();
  for (const name of await readdir(folder).catch(() => [])) {
    if (!name.endsWith(KEK_SUFFIX)) continue;
    const account = name.slice(0, -KEK_SUFFIX.length);
    const wrapped = await readIfThere(join(folder, name));
    const kek = wrapped && (await root.unwrap(wrapped, kekAad(account)));
    if (kek === undefined) {
      throw new KeydError("wrappedKeyInvalid", `The key of account "${account}" does not open`);
    }
    yield [account, kek] as const;
  }
}

type Replacement = {
  readonly kind: RootKind;
  readonly keks: () => Keks;
  readonly passphrase?: Buffer;
};

async function replaceRoot(keyd: Keyd, { kind, keks, passphrase }: Replacement): Promise<number> {
  const { keysFolder, settings, ring, record, copies } = keyd;
  const move = async (): Promise<number> => {
    const given = passphrase === undefined ? {} : { passphrase };
    const made = await makeRoot(kind, { keysFolder, settings, ...given }).catch(refused);
    const to = providerOf(made.root);
    const named = made.keyId === undefined ? {} : { keyId: made.keyId };
    const inUse: RootInUse = { format: 1, kind, folder: nextFolder(keyd.inUse()), ...named };
    const folder = join(keysFolder, inUse.folder);
    try {
      const count = await wrapAnew(keks(), to, folder);
      if (to.counter !== undefined) await record.begin(folder, to.counter);
      await syncFolder(keysFolder);
      await writeRootInUse(keysFolder, inUse);
      keyd.use({ root: made.root, inUse });
      return count;
    } finally {
      // After a failure the new root's files, after success the old one's.
      await removeLeftovers(keysFolder, keyd.inUse());
    }
  };
  const count = await ring.whileStill(() => record.whileStill(move));
  // The shares of a software root are the root itself; these copies would stay open to old ones.
  if (kind === "software") await copies.end();
  return count;
}

function refused(error: unknown): never {
  if (!(error instanceof StartError)) throw error;
  throw new KeydError("inputInvalid", `${error.message}: ${error.fix ?? "see the log"}`);
}

function providerOf(root: Root): RootKeyProvider {
  const provider = root.kind === "device" ? root.provider : root.software.provider;
  if (provider !== undefined) return provider;
  throw new KeydError("sealed", "Cannot move to a root that is sealed");
}

async function wrapAnew(keks: Keks, to: RootKeyProvider, folder: string): Promise<number> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true, mode: 0o700 });
  let count = 0;
  for await (const [account, kek] of keks) {
    const wrapped = await to.wrap(kek, kekAad(account));
    const again = await to.unwrap(wrapped, kekAad(account));
    const same = again?.equals(kek) === true;
    kek.fill(0);
    again?.fill(0);
    if (!same) throw new KeydError("internal", "The new root does not give back what it wrapped");
    await writeDurably(join(folder, `${account}${KEK_SUFFIX}`), wrapped);
    if (account !== RECORD_ACCOUNT) count += 1;
  }
  return count;
}
