/**
 * Which root wraps the keys of accounts, and in which folder those keys are. One small file, so
 * that a change of the root happens at one moment: before it everything is old, after it new.
 */
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { readIfThere, writeDurably } from "./durable-file.ts";
import type { RootKind } from "./root-provider.ts";

export type RootInUse = {
  readonly format: 1;
  readonly kind: RootKind;
  /** Of the accounts' keys, below the keys folder. */
  readonly folder: string;
  /** CKA_ID of the root in a PKCS #11 token, hexadecimal. */
  readonly keyId?: string;
};

const FILE = "root-in-use.json";
const FOLDER = /^accounts(?:-([1-9]\d{0,8}))?$/;
const KINDS: readonly RootKind[] = ["software", "pkcs11", "tpm"];

/** Undefined for a folder that has no root yet; one older than this file has a software root. */
export async function readRootInUse(keysFolder: string): Promise<RootInUse | undefined> {
  const bytes = await readIfThere(join(keysFolder, FILE));
  if (bytes === undefined) {
    const software = await readIfThere(join(keysFolder, "root.json"));
    return software === undefined ? undefined : { format: 1, kind: "software", folder: "accounts" };
  }
  const value = JSON.parse(bytes.toString("utf8")) as Partial<RootInUse>;
  const kind = KINDS.find((known) => known === value.kind);
  const right = value.format === 1 && FOLDER.test(value.folder ?? "");
  if (!right || kind === undefined || value.folder === undefined) {
    throw new Error(`Cannot read ${FILE}: it is not of this version of Cordon`);
  }
  const { folder, keyId } = value;
  return { format: 1, kind, folder, ...(keyId === undefined ? {} : { keyId }) };
}

/** The moment at which the root changes. */
export async function writeRootInUse(keysFolder: string, inUse: RootInUse): Promise<void> {
  await writeDurably(join(keysFolder, FILE), JSON.stringify(inUse));
}

/** The folder after this one. */
export function nextFolder({ folder }: Pick<RootInUse, "folder">): string {
  return `accounts-${Number(FOLDER.exec(folder)?.[1] ?? 1) + 1}`;
}

/** Removes what an unfinished or a finished change of the root left behind. */
export async function removeLeftovers(keysFolder: string, inUse: RootInUse): Promise<void> {
  const names = await readdir(keysFolder).catch(() => []);
  for (const name of names) {
    const old = FOLDER.test(name) && name !== inUse.folder;
    const software = inUse.kind !== "software" && /^root\.(?:json|key)(?:\.\w+)?$/.test(name);
    const tpm = inUse.kind !== "tpm" && name === "tpm-root.json";
    if (old || software || tpm) await rm(join(keysFolder, name), { recursive: true, force: true });
  }
}
