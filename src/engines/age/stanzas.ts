/**
 * Stanzas of an age file: the file key wrapped by a passphrase (scrypt, C2SP age), or by Cordon's
 * root of trust. age wants the `scrypt` stanza to stand alone; beside the root's it is named
 * `cordon-scrypt`, with the very same bytes.
 */
import { createCipheriv, createDecipheriv, scrypt } from "node:crypto";
import { lengthPrefixed } from "../keys/canonical.ts";
import { AgeError, decoded, FILE_KEY_BYTES, type Stanza, unpadded } from "./header.ts";

export const ROOT_STANZA = "cordon-root";
const ALONE = "scrypt";
const BESIDE_ROOT = "cordon-scrypt";
const SCRYPT_LABEL = "age-encryption.org/v1/scrypt";
const SALT_BYTES = 16;
const KEY_BYTES = 32;
const TAG_BYTES = 16;
const OPTIONS = { authTagLength: TAG_BYTES } as const;

/** Binds what the root wraps to this use: no other secret of keyd opens as a backup's key. */
export const rootStanzaAad = lengthPrefixed(["cordon backup file key"]);

/** 2^18 × 8 × 128 bytes = 256 MiB, about a second: what age itself takes. */
export const WORK_FACTOR = 18;
/** A file asks for the work before anything is authenticated: 1 GiB and no more. */
export const WORK_FACTOR_MAX = 20;

/** Wraps the file key by a passphrase. `alone`: no other stanza stands in the file. */
export async function passphraseStanza(
  fileKey: Buffer,
  given: {
    readonly passphrase: Buffer;
    readonly salt: Buffer;
    readonly alone: boolean;
    readonly workFactor?: number;
  },
): Promise<Stanza> {
  const workFactor = given.workFactor ?? WORK_FACTOR;
  const key = await stretch(given.passphrase, { salt: given.salt, workFactor });
  const cipher = createCipheriv("chacha20-poly1305", key, Buffer.alloc(12), OPTIONS);
  const sealed = cipher.update(fileKey);
  cipher.final();
  return {
    type: given.alone ? ALONE : BESIDE_ROOT,
    args: [unpadded(given.salt), String(workFactor)],
    body: Buffer.concat([sealed, cipher.getAuthTag()]),
  };
}

/** Whether a passphrase may open it. */
export function takesPassphrase(stanza: Stanza): boolean {
  return stanza.type === ALONE || stanza.type === BESIDE_ROOT;
}

/**
 * The file key, or undefined when the passphrase is another.
 *
 * @throws AgeError when the stanza is malformed or asks for too much work.
 */
export async function openWithPassphrase(
  stanza: Stanza,
  passphrase: Buffer,
): Promise<Buffer | undefined> {
  const [saltText = "", workText = ""] = stanza.args;
  const salt = decoded(saltText);
  const workFactor = /^[1-9][0-9]?$/.test(workText) ? Number(workText) : WORK_FACTOR_MAX + 1;
  if (salt?.length !== SALT_BYTES || stanza.args.length !== 2) {
    throw new AgeError("its passphrase stanza is malformed");
  }
  if (workFactor > WORK_FACTOR_MAX) throw new AgeError("its passphrase asks for too much work");
  if (stanza.body.length !== FILE_KEY_BYTES + TAG_BYTES) {
    throw new AgeError("its passphrase stanza is malformed");
  }
  const key = await stretch(passphrase, { salt, workFactor });
  const decipher = createDecipheriv("chacha20-poly1305", key, Buffer.alloc(12), OPTIONS);
  decipher.setAuthTag(stanza.body.subarray(FILE_KEY_BYTES));
  const fileKey = decipher.update(stanza.body.subarray(0, FILE_KEY_BYTES));
  try {
    decipher.final();
    return fileKey;
  } catch {
    return undefined;
  }
}

/** The file key out of the root's stanza, with the root that shares were put together to. */
export function openWithRoot(stanza: Stanza, root: Buffer): Buffer | undefined {
  const { body } = stanza;
  const nonceBytes = 12;
  if (body.length !== nonceBytes + FILE_KEY_BYTES + TAG_BYTES) return undefined;
  const nonce = body.subarray(0, nonceBytes);
  const decipher = createDecipheriv("aes-256-gcm", root, nonce, OPTIONS);
  decipher.setAAD(rootStanzaAad).setAuthTag(body.subarray(nonceBytes + FILE_KEY_BYTES));
  const fileKey = decipher.update(body.subarray(nonceBytes, nonceBytes + FILE_KEY_BYTES));
  try {
    decipher.final();
    return fileKey;
  } catch {
    return undefined;
  }
}

async function stretch(
  passphrase: Buffer,
  { salt, workFactor }: { salt: Buffer; workFactor: number },
): Promise<Buffer> {
  const cost = 2 ** workFactor;
  const maxmem = 128 * 8 * (cost + 16) + 1_048_576;
  const labeled = Buffer.concat([Buffer.from(SCRYPT_LABEL), salt]);
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  scrypt(passphrase, labeled, KEY_BYTES, { N: cost, r: 8, p: 1, maxmem }, (error, key) =>
    error === null ? resolve(key) : reject(error),
  );
  return promise;
}
