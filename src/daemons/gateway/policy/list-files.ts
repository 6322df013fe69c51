/** Packed address lists on the gateway's disk, each in a file named by its digest. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { access, mkdir, readdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  type AddressSet,
  holdsAddress,
  unpackAddressSet,
} from "../../../engines/sitepolicy/address-set.ts";
import type { ListLookup } from "../../../engines/sitepolicy/condition.ts";
import type { GatewayIntent } from "../intent.ts";

/** Gives the bytes of a digest; undefined when the control plane does not have them. */
export type FetchContent = (sha256: string) => Promise<Buffer | undefined>;

const folderOf = (gatewayFolder: string): string => join(gatewayFolder, "lists");

/**
 * Brings the lists of an intent to the disk.
 *
 * @returns false when one is not there any more: it was changed, and a newer intent is on its way.
 * @throws Error when one cannot be had now, or is not what its digest says.
 */
export async function bringLists(
  gatewayFolder: string,
  intent: GatewayIntent,
  fetchContent: FetchContent,
): Promise<boolean> {
  const wanted = new Set((intent.addressLists ?? []).map(({ sha256 }) => sha256));
  if (wanted.size === 0) return true;
  const folder = folderOf(gatewayFolder);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  for (const sha256 of wanted) {
    const file = join(folder, sha256);
    if (await isThere(file)) continue;
    const bytes = await fetchContent(sha256);
    if (bytes === undefined) return false;
    if (createHash("sha256").update(bytes).digest("hex") !== sha256) {
      throw new Error(`the list ${sha256} came with other bytes`);
    }
    await writeFile(`${file}.new`, bytes, { mode: 0o600 });
    await rename(`${file}.new`, file);
  }
  return true;
}

/** Removes the files of lists that none of these intents names. */
export async function dropOldLists(
  gatewayFolder: string,
  intents: readonly GatewayIntent[],
): Promise<void> {
  const wanted = new Set(
    intents.flatMap(({ addressLists = [] }) => addressLists.map(({ sha256 }) => sha256)),
  );
  const names = await readdir(folderOf(gatewayFolder)).catch(() => []);
  for (const name of names) {
    if (!wanted.has(name)) await rm(join(folderOf(gatewayFolder), name), { force: true });
  }
}

const isThere = (file: string): Promise<boolean> =>
  access(file).then(
    () => true,
    () => false,
  );

/** Opens the lists of intents one after the other; a list that stays the same is read once. */
export function listOpener(gatewayFolder: string): (intent: GatewayIntent) => ListLookup {
  let kept = new Map<string, AddressSet>();
  return (intent) => {
    const next = new Map<string, AddressSet>();
    const byId = new Map<string, AddressSet>();
    for (const { addressListId, sha256 } of intent.addressLists ?? []) {
      const set =
        next.get(sha256) ??
        kept.get(sha256) ??
        unpackAddressSet(readFileSync(join(folderOf(gatewayFolder), sha256)));
      next.set(sha256, set);
      byId.set(addressListId, set);
    }
    kept = next;
    return (id) => {
      const set = byId.get(id);
      return set === undefined ? undefined : (address, nowMs) => holdsAddress(set, address, nowMs);
    };
  };
}
