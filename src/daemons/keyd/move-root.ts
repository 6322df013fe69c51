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
import type { Keyd } from "./keyd.ts";
import { makeRoot, type Root } from "./open-root.ts";
import { nextFolder, type RootInUse, removeLeftovers, writeRootInUse } from "./root-in-use.ts";
import type { RootKeyProvider, RootKind } from "./root-provider.ts";

/**
 * @returns how many accounts' keys were wrapped anew.
 * @throws KeydError inputInvalid when it is that root already, sealed or unavailable when one of
 *   the two does not open, wrappedKeyInvalid when a key of the old root does not open. Then
 *   nothing was changed.
 */
export async function moveRoot(keyd: Keyd, kind: RootKind): Promise<number> {
  if (keyd.inUse().kind === kind)
    throw new KeydError("inputInvalid", `The root is ${kind} already`);
  const from = keyd.provider();
  return keyd.ring.whileStill(async () => {
    const made = await makeRoot(kind, keyd).catch((error: unknown) => {
      if (!(error instanceof StartError)) throw error;
      throw new KeydError("inputInvalid", `${error.message}: ${error.fix ?? "see the log"}`);
    });
    const to = providerOf(made.root);
    const named = made.keyId === undefined ? {} : { keyId: made.keyId };
    const inUse: RootInUse = { format: 1, kind, folder: nextFolder(keyd.inUse()), ...named };
    try {
      const count = await wrapAnew(keyd, { from, to, folder: inUse.folder });
      await take(keyd, made.root, inUse);
      return count;
    } catch (error) {
      await removeLeftovers(keyd.keysFolder, keyd.inUse());
      throw error;
    }
  });
}

async function take(keyd: Keyd, root: Root, inUse: RootInUse): Promise<void> {
  await writeRootInUse(keyd.keysFolder, inUse);
  keyd.use({ root, inUse });
  await removeLeftovers(keyd.keysFolder, inUse);
}

function providerOf(root: Root): RootKeyProvider {
  const provider = root.kind === "device" ? root.provider : root.software.provider;
  if (provider !== undefined) return provider;
  throw new KeydError("sealed", "Cannot move to a root that is sealed");
}

async function wrapAnew(
  keyd: Keyd,
  { from, to, folder }: { from: RootKeyProvider; to: RootKeyProvider; folder: string },
): Promise<number> {
  const old = join(keyd.keysFolder, keyd.inUse().folder);
  const fresh = join(keyd.keysFolder, folder);
  await rm(fresh, { recursive: true, force: true });
  await mkdir(fresh, { recursive: true, mode: 0o700 });
  const names = await readdir(old).catch(() => []);
  const accounts = names.filter((name) => name.endsWith(KEK_SUFFIX));
  for (const name of accounts) {
    const account = name.slice(0, -KEK_SUFFIX.length);
    const wrapped = await readIfThere(join(old, name));
    const kek = wrapped && (await from.unwrap(wrapped, kekAad(account)));
    if (kek === undefined) {
      throw new KeydError("wrappedKeyInvalid", `The key of account "${account}" does not open`);
    }
    const anew = await to.wrap(kek, kekAad(account));
    const again = await to.unwrap(anew, kekAad(account));
    const same = again?.equals(kek) === true;
    kek.fill(0);
    again?.fill(0);
    if (!same) throw new KeydError("internal", "The new root does not give back what it wrapped");
    await writeDurably(join(fresh, name), anew);
  }
  await syncFolder(keyd.keysFolder);
  return accounts.length;
}
