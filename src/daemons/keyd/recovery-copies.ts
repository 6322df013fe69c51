/**
 * Copies of accounts' keys for recovery without the device of the root: each is sealed to a
 * public key (X25519, HKDF-SHA-256, AES-256-GCM) whose private half exists only as shares.
 */
import {
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  hkdfSync,
  type KeyObject,
} from "node:crypto";
import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { lengthPrefixed } from "../../engines/keys/canonical.ts";
import { KeydError } from "../../kernel/keyd/protocol.ts";
import { readIfThere, syncFolder, writeDurably } from "./durable-file.ts";
import { gcmOpen, gcmSeal } from "./gcm.ts";

const FILE = "recovery.json";
const SUFFIX = ".copy";
const KEY_BYTES = 32;
const FOLDER = /^recovery-(\d{1,9})$/;
/** RFC 8410 §7: what stands before the 32 bytes of an X25519 private key in PKCS #8. */
const PKCS8_HEAD = Buffer.from("302e020100300506032b656e04220420", "hex");

type RecoveryFile = { readonly format: 1; readonly publicKey: string; readonly folder: string };

type Keks = AsyncIterable<readonly [account: string, kek: Buffer]>;

type State = {
  readonly keysFolder: string;
  /** Null until it was looked for. */
  known: RecoveryFile | undefined | null;
};

export type RecoveryCopies = {
  /** Keeps a copy of a new key, when shares were made for a device's root. */
  keep(account: string, kek: Buffer): Promise<void>;
  forget(account: string): Promise<void>;
  /** New shares: former ones open nothing afterwards. Gives the private key; clear it. */
  renew(keks: Keks): Promise<Buffer>;
  /** @throws KeydError unsealRefused when the shares are not of this folder. */
  open(secret: Buffer): Promise<Keks>;
  /** After the root has moved into software, whose shares are the root itself. */
  end(): Promise<void>;
};

export function recoveryCopies(keysFolder: string): RecoveryCopies {
  const state: State = { keysFolder, known: null };
  return {
    async keep(account, kek) {
      const file = await current(state);
      if (file === undefined) return;
      await writeDurably(pathOf(state, file, account), seal(file, account, kek));
    },
    async forget(account) {
      const file = await current(state);
      if (file === undefined) return;
      await rm(pathOf(state, file, account), { force: true });
      await syncFolder(join(keysFolder, file.folder)).catch(() => {});
    },
    renew: (keks) => renew(state, keks),
    async open(secret) {
      const file = await current(state);
      const privateKey = file && privateKeyOf(secret);
      if (file === undefined || privateKey === undefined || !isPair(file, privateKey)) {
        const message = "Cannot open the root: the shares are not of this data folder";
        throw new KeydError("unsealRefused", message);
      }
      return copiesIn(join(keysFolder, file.folder), { file, privateKey });
    },
    async end() {
      const file = await current(state);
      await rm(join(keysFolder, FILE), { force: true });
      if (file !== undefined) {
        await rm(join(keysFolder, file.folder), { recursive: true, force: true });
      }
      state.known = undefined;
    },
  };
}

async function current(state: State): Promise<RecoveryFile | undefined> {
  if (state.known === null) {
    const bytes = await readIfThere(join(state.keysFolder, FILE));
    // A file of ours; a changed public key cannot open a former copy, nor reveal a key.
    state.known = bytes && (JSON.parse(bytes.toString("utf8")) as RecoveryFile);
  }
  return state.known;
}

function pathOf({ keysFolder }: State, { folder }: RecoveryFile, account: string): string {
  return join(keysFolder, folder, `${account}${SUFFIX}`);
}

async function renew(state: State, keks: Keks): Promise<Buffer> {
  const { keysFolder } = state;
  const before = await current(state);
  const number = Number(FOLDER.exec(before?.folder ?? "")?.[1] ?? 0) + 1;
  const { publicKey, privateKey } = generateKeyPairSync("x25519");
  const file: RecoveryFile = {
    format: 1,
    publicKey: publicKey.export({ type: "spki", format: "der" }).toString("base64"),
    folder: `recovery-${number}`,
  };
  const folder = join(keysFolder, file.folder);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true, mode: 0o700 });
  for await (const [account, kek] of keks) {
    await writeDurably(pathOf(state, file, account), seal(file, account, kek));
    kek.fill(0);
  }
  await syncFolder(keysFolder);
  await writeDurably(join(keysFolder, FILE), JSON.stringify(file));
  state.known = file;
  if (before !== undefined) {
    await rm(join(keysFolder, before.folder), { recursive: true, force: true });
  }
  const der = privateKey.export({ type: "pkcs8", format: "der" });
  return Buffer.from(der.subarray(PKCS8_HEAD.length));
}

type Opening = { readonly file: RecoveryFile; readonly privateKey: KeyObject };

async function* copiesIn(folder: string, { file, privateKey }: Opening) {
  for (const name of await readdir(folder)) {
    if (!name.endsWith(SUFFIX)) continue;
    const account = name.slice(0, -SUFFIX.length);
    const sealed = await readIfThere(join(folder, name));
    const kek = sealed && unseal({ file, privateKey }, account, sealed);
    if (kek === undefined) {
      throw new KeydError("wrappedKeyInvalid", `The copy of account "${account}" does not open`);
    }
    yield [account, kek] as const;
  }
}

function seal(file: RecoveryFile, account: string, kek: Buffer): Buffer {
  const recipient = publicKeyOf(file);
  const ephemeral = generateKeyPairSync("x25519");
  const own = ephemeral.publicKey.export({ type: "spki", format: "der" });
  const shared = diffieHellman({ privateKey: ephemeral.privateKey, publicKey: recipient });
  const key = derive(shared, own, file);
  return Buffer.concat([own, gcmSeal(key, aadOf(account), kek)]);
}

function unseal({ file, privateKey }: Opening, account: string, sealed: Buffer) {
  const spkiBytes = Buffer.from(file.publicKey, "base64").length;
  const own = sealed.subarray(0, spkiBytes);
  try {
    const publicKey = createPublicKey({ key: Buffer.from(own), type: "spki", format: "der" });
    const key = derive(diffieHellman({ privateKey, publicKey }), own, file);
    return gcmOpen(key, aadOf(account), sealed.subarray(spkiBytes));
  } catch {
    return undefined;
  }
}

/** Both public keys are bound, as in HPKE (RFC 9180 §4.1). */
function derive(shared: Buffer, own: Buffer, { publicKey }: RecoveryFile): Buffer {
  const salt = Buffer.concat([own, Buffer.from(publicKey, "base64")]);
  return Buffer.from(hkdfSync("sha256", shared, salt, "cordon recovery copy", KEY_BYTES));
}

function aadOf(account: string): Buffer {
  return lengthPrefixed(["cordon recovery copy", account]);
}

function publicKeyOf({ publicKey }: RecoveryFile): KeyObject {
  const key = Buffer.from(publicKey, "base64");
  return createPublicKey({ key, type: "spki", format: "der" });
}

function privateKeyOf(secret: Buffer): KeyObject | undefined {
  if (secret.length !== KEY_BYTES) return undefined;
  const key = Buffer.concat([PKCS8_HEAD, secret]);
  try {
    return createPrivateKey({ key, type: "pkcs8", format: "der" });
  } finally {
    key.fill(0);
  }
}

function isPair({ publicKey }: RecoveryFile, privateKey: KeyObject): boolean {
  const own = createPublicKey(privateKey).export({ type: "spki", format: "der" });
  return own.toString("base64") === publicKey;
}
