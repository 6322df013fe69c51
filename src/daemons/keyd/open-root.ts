/** Opens the root that a data folder has, or makes the first one. Changes are `move-root.ts`. */
import { join } from "node:path";
import { KeydError } from "../../kernel/keyd/protocol.ts";
import { StartError } from "../../kernel/process/daemon.ts";
import { messageOf } from "../../kernel/process/text.ts";
import { openPkcs11Root, tryOutRoot } from "./pkcs11/root.ts";
import { type RootInUse, readRootInUse, removeLeftovers } from "./root-in-use.ts";
import type { RootKeyProvider, RootKind } from "./root-provider.ts";
import type { RootSettings } from "./root-settings.ts";
import { openSoftwareRoot, type SoftwareRoot } from "./software-root.ts";
import { openTpmRoot } from "./tpm/root.ts";

/** A root is a software root, which may be sealed, or a device. */
export type Root =
  | { readonly kind: "software"; readonly software: SoftwareRoot }
  | { readonly kind: "device"; readonly provider: RootKeyProvider };

export type OpenedRoot = {
  readonly root: Root;
  readonly inUse: RootInUse;
  /** Made just now, and not yet said to be in use. */
  readonly fresh?: boolean;
};

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
    const keys = { folder: join(keysFolder, inUse.folder) };
    const software = await openSoftwareRoot(keysFolder, await settings.passphrase(), keys);
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
    return { root, inUse: { format: 1, kind, folder: "accounts", ...named }, fresh: true };
  } catch (error) {
    if (!(error instanceof KeydError)) throw error;
    throw new StartError(error.message, { fix: "see docs/root-of-trust.md", permanent: false });
  }
}

type Place = { readonly keysFolder: string; readonly settings: RootSettings };

/**
 * A new root of this kind, tried out; nothing uses it yet. A passphrase given here seals a
 * software root, else what the settings say.
 *
 * @throws KeydError, StartError.
 */
export async function makeRoot(
  kind: RootKind,
  { keysFolder, settings, passphrase }: Place & { readonly passphrase?: Buffer },
): Promise<{ root: Root; keyId: string | undefined }> {
  if (kind === "software") {
    const phrase = passphrase ?? (await settings.passphrase());
    const software = await openSoftwareRoot(keysFolder, phrase, undefined);
    return { root: { kind: "software", software }, keyId: undefined };
  }
  const { provider, keyId } = await openDevice(kind, { keysFolder, settings, inUse: undefined });
  await tryOutRoot(provider);
  return { root: { kind: "device", provider }, keyId };
}

async function openDevice(
  kind: "pkcs11" | "tpm",
  given: Place & { readonly inUse: RootInUse | undefined },
): Promise<{ provider: RootKeyProvider; keyId: string | undefined }> {
  const { settings, inUse, keysFolder } = given;
  if (kind === "tpm") {
    if (settings.tpm === undefined) return absent(inUse, kind, "CORDON_TPM_TCTI");
    const make = inUse === undefined;
    return { provider: await openTpmRoot(settings.tpm, { keysFolder, make }), keyId: undefined };
  }
  if (settings.pkcs11 === undefined) {
    const names = "CORDON_PKCS11_MODULE, CORDON_PKCS11_TOKEN and CORDON_PKCS11_PIN_FILE";
    return absent(inUse, kind, names);
  }
  const keyId = inUse === undefined ? settings.pkcs11KeyId : inUse.keyId;
  const provider = await openPkcs11Root(settings.pkcs11, { keyId });
  return { provider, keyId: provider.keyId };
}

/**
 * A device that no setting names. A root that is in use starts all the same and answers
 * `unavailable`, because recovery shares can bring its keys into another root.
 */
function absent(inUse: RootInUse | undefined, name: "pkcs11" | "tpm", settings: string) {
  if (inUse === undefined) {
    throw new StartError(`Cannot use a ${name} root: nothing says where it is`, {
      fix: `set ${settings}`,
      permanent: true,
    });
  }
  const fail = async (): Promise<never> => {
    const why = `The root is ${name}, and nothing says where: set ${settings}`;
    throw new KeydError("unavailable", `${why}, or use recovery shares`);
  };
  const provider: RootKeyProvider = {
    name,
    protection: `${name}, not set here`,
    wrap: fail,
    unwrap: fail,
    random: fail,
    health: fail,
    close: () => {},
  };
  return { provider, keyId: inUse.keyId };
}
