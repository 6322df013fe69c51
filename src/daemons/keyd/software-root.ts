/**
 * The software root: a random key that is kept sealed in `root.json`, by a passphrase (argon2id)
 * or, when none is set, by a key file beside it. With the key file, whoever can read the data
 * folder can read the keys; that protects a backup without the file, and nothing more.
 */
import { argon2, createHash, randomBytes } from "node:crypto";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { lengthPrefixed } from "../../engines/keys/canonical.ts";
import { KeydError } from "../../kernel/keyd/protocol.ts";
import { KEK_SUFFIX, kekAad } from "./account-keys.ts";
import { readIfThere, writeDurably } from "./durable-file.ts";
import { gcmOpen, gcmSeal } from "./gcm.ts";
import type { RootKeyProvider } from "./root-provider.ts";

const ROOT_BYTES = 32;
const SALT_BYTES = 16;
const PASSPHRASE_BYTES_MIN = 8;
const PASSPHRASE_BYTES_MAX = 1_024;
/** RFC 9106 §4, second recommended option: 64 MiB, 3 passes, 4 lanes. */
const ARGON2 = { memory: 65_536, passes: 3, parallelism: 4, tagLength: 32 } as const;

type RootFile = {
  readonly format: 1;
  /** Of this root; authenticated with what seals it. */
  readonly id: string;
  readonly protection: "keyFile" | "passphrase";
  readonly salt: string;
  readonly sealed: string;
};

/** A root that may be sealed; `provider` is undefined until it is open. */
export type SoftwareRoot = {
  provider: RootKeyProvider | undefined;
  protection(): string;
  unseal(passphrase: Buffer): Promise<void>;
  setPassphrase(passphrase: Buffer, current: Buffer): Promise<void>;
  /** The root itself, for splitting into shares. The passphrase is asked for if there is one. */
  reveal(passphrase: Buffer): Promise<Buffer>;
  /** Takes a root put together from shares and seals it anew. */
  recover(root: Buffer, passphrase: Buffer): Promise<void>;
};

const PROTECTION = {
  passphrase: "sealed by a passphrase (argon2id)",
  keyFile: "sealed by the key file root.key in the data folder: no stronger than that folder",
} as const;

/**
 * Opens the root in this folder, making it at the first start. A passphrase given at the start
 * opens it at once; one that is wrong leaves it sealed. Where there are accounts' keys, but no
 * `root.json`, nothing new is made: shares can bring the root of these keys back.
 */
export async function openSoftwareRoot(
  folder: string,
  passphrase: Buffer | undefined,
  accounts: { readonly folder: string } | undefined,
): Promise<SoftwareRoot> {
  const file = join(folder, "root.json");
  const keyFile = join(folder, "root.key");
  let record = parse(await readIfThere(file));
  let rootKey: Buffer | undefined;

  const keep = (bytes: Buffer): void => {
    rootKey = bytes;
    self.provider = providerOf(bytes, () => self.protection());
  };
  const seal = async (bytes: Buffer, phrase: Buffer): Promise<void> => {
    const id = createHash("sha256").update("cordon root").update(bytes).digest("hex");
    const salt = randomBytes(SALT_BYTES);
    const withPhrase = phrase.length > 0;
    const sealer = withPhrase ? await stretch(phrase, salt) : randomBytes(ROOT_BYTES);
    const protection = withPhrase ? "passphrase" : "keyFile";
    const fresh: RootFile = {
      format: 1,
      id,
      protection,
      salt: salt.toString("base64"),
      sealed: gcmSeal(sealer, aadOf(id, protection), bytes).toString("base64"),
    };
    // The key file first: a crash between leaves the old root.json with the key that opens it,
    // because `open` tries the former key file as well.
    if (!withPhrase) {
      const before = await readIfThere(keyFile);
      if (before !== undefined) await writeDurably(`${keyFile}.before`, before);
      await writeDurably(keyFile, sealer);
    }
    await writeDurably(file, JSON.stringify(fresh));
    if (withPhrase) await rm(keyFile, { force: true });
    await rm(`${keyFile}.before`, { force: true });
    record = fresh;
  };
  const openWith = async (phrase: Buffer): Promise<Buffer | undefined> => {
    if (record === undefined) return undefined;
    const aad = aadOf(record.id, record.protection);
    const sealed = Buffer.from(record.sealed, "base64");
    if (record.protection === "passphrase") {
      if (phrase.length === 0) return undefined;
      return gcmOpen(await stretch(phrase, Buffer.from(record.salt, "base64")), aad, sealed);
    }
    for (const name of [keyFile, `${keyFile}.before`]) {
      const key = await readIfThere(name);
      const opened = key?.length === ROOT_BYTES ? gcmOpen(key, aad, sealed) : undefined;
      if (opened !== undefined) return opened;
    }
    return undefined;
  };
  const self: SoftwareRoot = {
    provider: undefined,
    protection: () => PROTECTION[record?.protection ?? "keyFile"],
    async unseal(phrase) {
      const opened = await openWith(phrase);
      if (opened === undefined) throw unsealRefused("the passphrase is not the right one");
      keep(opened);
    },
    async setPassphrase(phrase, current) {
      checkPassphrase(phrase);
      await seal(await self.reveal(current), phrase);
    },
    async reveal(phrase) {
      if (record?.protection === "passphrase") {
        const opened = await openWith(phrase);
        if (opened === undefined) throw unsealRefused("the passphrase is not the right one");
        return opened;
      }
      if (rootKey === undefined) throw new KeydError("sealed", "The root is sealed");
      return Buffer.from(rootKey);
    },
    async recover(bytes, phrase) {
      const id = createHash("sha256").update("cordon root").update(bytes).digest("hex");
      const right =
        record === undefined ? await opensOne(accounts?.folder, bytes) : record.id === id;
      if (!right) {
        throw unsealRefused("the shares are of another root than this data folder's");
      }
      if (phrase.length > 0) checkPassphrase(phrase);
      await seal(bytes, phrase);
      keep(bytes);
    },
  };
  const lost = record === undefined && (await aKek(accounts?.folder)) !== undefined;
  if (lost) console.error("keyd: root.json is missing; run: ./cordon keys recover");
  else if (record === undefined) {
    const bytes = randomBytes(ROOT_BYTES);
    if (passphrase !== undefined) checkPassphrase(passphrase);
    await seal(bytes, passphrase ?? Buffer.alloc(0));
    keep(bytes);
  } else {
    const opened = await openWith(passphrase ?? Buffer.alloc(0));
    if (opened !== undefined) keep(opened);
  }
  return self;
}

/** The first account's key that is there. */
async function aKek(folder: string | undefined): Promise<string | undefined> {
  const names = folder === undefined ? [] : await readdir(folder).catch(() => []);
  return names.find((name) => name.endsWith(KEK_SUFFIX));
}

async function opensOne(folder: string | undefined, root: Buffer): Promise<boolean> {
  const name = await aKek(folder);
  if (folder === undefined || name === undefined) return true;
  const wrapped = await readIfThere(join(folder, name));
  const kek = wrapped && gcmOpen(root, kekAad(name.slice(0, -KEK_SUFFIX.length)), wrapped);
  kek?.fill(0);
  return kek !== undefined;
}

function providerOf(rootKey: Buffer, protection: () => string): RootKeyProvider {
  return {
    name: "software",
    get protection() {
      return protection();
    },
    wrap: async (plaintext, aad) => gcmSeal(rootKey, aad, plaintext),
    unwrap: async (wrapped, aad) => gcmOpen(rootKey, aad, wrapped),
    random: async (bytes) => randomBytes(bytes),
    health: async () => {},
    close: () => rootKey.fill(0),
  };
}

async function stretch(passphrase: Buffer, nonce: Buffer): Promise<Buffer> {
  return promisify(argon2)("argon2id", { message: passphrase, nonce, ...ARGON2 });
}

function aadOf(id: string, protection: string): Buffer {
  return lengthPrefixed(["cordon root", id, protection]);
}

function checkPassphrase(passphrase: Buffer): void {
  if (passphrase.length >= PASSPHRASE_BYTES_MIN && passphrase.length <= PASSPHRASE_BYTES_MAX)
    return;
  const range = `${PASSPHRASE_BYTES_MIN} to ${PASSPHRASE_BYTES_MAX} bytes`;
  throw new KeydError("inputInvalid", `A passphrase must have ${range}`);
}

function unsealRefused(why: string): KeydError {
  return new KeydError("unsealRefused", `Cannot open the root: ${why}`);
}

function parse(bytes: Buffer | undefined): RootFile | undefined {
  if (bytes === undefined) return undefined;
  // Written by `seal` only; a changed file does not open, because its id is authenticated.
  const record = JSON.parse(bytes.toString("utf8")) as RootFile;
  if (record.format !== 1) throw new Error(`Cannot read root.json: format ${record.format}`);
  return record;
}
