/** Opens the root that a data folder has, or makes the first one. Changes are `move-root.ts`. */
import { KeydError } from "../../kernel/keyd/protocol.ts";
import { StartError } from "../../kernel/process/daemon.ts";
import { messageOf } from "../../kernel/process/text.ts";
import { openPkcs11Root, tryOutRoot } from "./pkcs11/root.ts";
import { type RootInUse, readRootInUse, removeLeftovers, writeRootInUse } from "./root-in-use.ts";
import type { RootKeyProvider, RootKind } from "./root-provider.ts";
import type { RootSettings } from "./root-settings.ts";
import { openSoftwareRoot, type SoftwareRoot } from "./software-root.ts";

/** A root is a software root, which may be sealed, or a device. */
export type Root =
  | { readonly kind: "software"; readonly software: SoftwareRoot }
  | { readonly kind: "device"; readonly provider: RootKeyProvider };

export type OpenedRoot = { readonly root: Root; readonly inUse: RootInUse };

/**
 * @throws StartError when another root is wanted than the one that is there, or the first root
 *   cannot be made. A device that is only away leaves a root that answers `unavailable`.
 */
export async function openRoot(keysFolder: string, settings: RootSettings): Promise<OpenedRoot> {
  const inUse = await readRootInUse(keysFolder);
  if (inUse === undefined) return makeFirst(keysFolder, settings);
  if (settings.wanted !== undefined && settings.wanted !== inUse.kind) {
    throw new StartError(`CORDON_KEYS_ROOT wants ${settings.wanted}, the data has ${inUse.kind}`, {
      fix: `unset CORDON_KEYS_ROOT, start, and run: ./cordon keys move-root --to ${settings.wanted}`,
      permanent: true,
    });
  }
  await removeLeftovers(keysFolder, inUse);
  if (inUse.kind === "software") {
    const software = await openSoftwareRoot(keysFolder, await settings.passphrase());
    return { inUse, root: { kind: "software", software } };
  }
  const { provider } = await openDevice(inUse.kind, { keysFolder, settings, inUse });
  await provider.health().catch((error: unknown) => {
    console.error(`keyd: the root does not answer, it is tried again: ${messageOf(error)}`);
  });
  return { inUse, root: { kind: "device", provider } };
}

async function makeFirst(keysFolder: string, settings: RootSettings): Promise<OpenedRoot> {
  const kind = settings.wanted ?? "software";
  try {
    const { root, keyId } = await makeRoot(kind, { keysFolder, settings });
    const named = keyId === undefined ? {} : { keyId };
    const inUse: RootInUse = { format: 1, kind, folder: "accounts", ...named };
    await writeRootInUse(keysFolder, inUse);
    return { root, inUse };
  } catch (error) {
    if (!(error instanceof KeydError)) throw error;
    throw new StartError(error.message, { fix: "see docs/root-of-trust.md", permanent: false });
  }
}

type Place = { readonly keysFolder: string; readonly settings: RootSettings };

/** A new root of this kind, tried out; nothing uses it yet. @throws KeydError. */
export async function makeRoot(
  kind: RootKind,
  { keysFolder, settings }: Place,
): Promise<{ root: Root; keyId: string | undefined }> {
  if (kind === "software") {
    const software = await openSoftwareRoot(keysFolder, await settings.passphrase());
    return { root: { kind: "software", software }, keyId: undefined };
  }
  const { provider, keyId } = await openDevice(kind, { keysFolder, settings, inUse: undefined });
  await tryOutRoot(provider);
  return { root: { kind: "device", provider }, keyId };
}

async function openDevice(
  kind: "pkcs11" | "tpm",
  { settings, inUse }: Place & { readonly inUse: RootInUse | undefined },
): Promise<{ provider: RootKeyProvider; keyId: string | undefined }> {
  if (kind === "tpm") throw new KeydError("algorithmUnavailable", "There is no TPM root yet");
  if (settings.pkcs11 === undefined) {
    const names = "CORDON_PKCS11_MODULE, CORDON_PKCS11_TOKEN and CORDON_PKCS11_PIN_FILE";
    throw new StartError(`The root is in a PKCS #11 device, but nothing says where`, {
      fix: `set ${names}`,
      permanent: true,
    });
  }
  const provider = await openPkcs11Root(settings.pkcs11, { keyId: inUse?.keyId });
  return { provider, keyId: provider.keyId };
}
