/**
 * Fields of a table under one data key: deterministic, so that equality can be asked for, or in
 * the format that they had. Each field has keys of its own, derived from the data key and its name.
 *
 * What these give away, where a message does not: which rows have the same value. Use them for
 * fields that must be searched or must keep their form, and for no other.
 */
import { hkdfSync } from "node:crypto";
import { sivDecrypt, sivEncrypt } from "./aes-siv.ts";
import { contextHash, type EncryptionContext, lengthPrefixed } from "./canonical.ts";
import { EncryptionError } from "./errors.ts";
import { ff1Decrypt, ff1Encrypt } from "./ff1.ts";
import type { Kms } from "./kms.ts";
import { DATA_KEY_BYTES } from "./message-key.ts";

/** Kept by the application beside its data, such as in a table of one row; not secret. */
export type FieldKey = { readonly keyId: string; readonly encryptedDataKey: Buffer };

const SIV_KEY_BYTES = 64;
const FF1_KEY_BYTES = 32;

export type Fields = ReturnType<typeof fieldsOf>;

/** A new data key for fields. Losing what this gives loses every field. */
export async function createFieldKey(
  kms: Kms,
  keyId: string,
  context: EncryptionContext = {},
): Promise<FieldKey> {
  const { plaintext, encryptedDataKey } = await kms.generateDataKey(keyId, context);
  plaintext.fill(0);
  return { keyId, encryptedDataKey };
}

/** The fields of a data key; its context was given when it was made. */
export async function openFields(
  kms: Kms,
  { keyId, encryptedDataKey }: FieldKey,
  context: EncryptionContext = {},
) {
  return fieldsOf(await kms.decrypt(keyId, encryptedDataKey, context), context);
}

/** The data key under the current version of its key, or of another one; no field changes. */
export async function rewrapFieldKey(
  kms: Kms,
  { keyId, encryptedDataKey }: FieldKey,
  { context = {}, destinationKeyId = keyId }: RewrapOptions = {},
): Promise<FieldKey> {
  const wanted = { keyId, encryptedDataKey, context, destinationKeyId };
  return { keyId: destinationKeyId, encryptedDataKey: await kms.reEncrypt(wanted) };
}

type RewrapOptions = {
  readonly context?: EncryptionContext;
  readonly destinationKeyId?: string;
};

export type Deterministic = {
  /** Equal texts give equal bytes. */
  encrypt(text: string): Buffer;
  /** @throws EncryptionError messageInvalid when the bytes are not of this field. */
  decrypt(sealed: Uint8Array): string;
};

export type FormatPreserving = {
  /** As many characters of the same alphabet. Not authenticated. */
  encrypt(text: string, tweak?: string): string;
  decrypt(text: string, tweak?: string): string;
};

function fieldsOf(dataKey: Buffer, context: EncryptionContext) {
  if (dataKey.length !== DATA_KEY_BYTES) {
    const message = `A data key has ${dataKey.length} bytes, wanted ${DATA_KEY_BYTES}`;
    throw new EncryptionError("inputInvalid", message);
  }
  const hash = contextHash(context);
  const keyOf = (use: string, name: string, bytes: number): Buffer => {
    const info = lengthPrefixed(["cordon field", use, name, hash]);
    return Buffer.from(hkdfSync("sha256", dataKey, Buffer.alloc(0), info, bytes));
  };
  return {
    /** AES-256-SIV. */
    deterministic(name: string): Deterministic {
      const key = keyOf("siv", checkedName(name), SIV_KEY_BYTES);
      return {
        encrypt: (text) => sivEncrypt(key, [], wellFormed(text)),
        decrypt: (sealed) => sivDecrypt(key, [], Buffer.from(sealed)).toString("utf8"),
      };
    },
    /**
     * FF1 over an alphabet, with at least a million possible texts.
     *
     * @param alphabet each character once, such as `0123456789`.
     */
    formatPreserving(name: string, alphabet = "0123456789"): FormatPreserving {
      const letters = [...alphabet];
      const values = new Map(letters.map((letter, at) => [letter, at]));
      if (values.size !== letters.length) {
        throw new EncryptionError("inputInvalid", "A character is twice in the alphabet");
      }
      const key = keyOf(`ff1 ${alphabet}`, checkedName(name), FF1_KEY_BYTES);
      const over = (work: typeof ff1Encrypt) => (text: string, tweak: string | undefined) => {
        const digits = [...text].map((letter) => values.get(letter) ?? -1);
        const cipher = { key, radix: letters.length, tweak: wellFormed(tweak ?? "") };
        return work(cipher, digits)
          .map((digit) => letters[digit] ?? "")
          .join("");
      };
      const [encrypt, decrypt] = [over(ff1Encrypt), over(ff1Decrypt)];
      return {
        encrypt: (text, tweak) => encrypt(text, tweak),
        decrypt: (text, tweak) => decrypt(text, tweak),
      };
    },
    /** Overwrites the data key; fields that were taken before go on to work. */
    close: () => dataKey.fill(0),
  };
}

const NAME_BYTES_MAX = 256;

function checkedName(name: string): string {
  const bytes = wellFormed(name).length;
  if (bytes >= 1 && bytes <= NAME_BYTES_MAX) return name;
  throw new EncryptionError("inputInvalid", `The field's name has ${bytes} bytes`);
}

function wellFormed(text: string): Buffer {
  if (!text.isWellFormed()) throw new EncryptionError("inputInvalid", "Not well-formed text");
  return Buffer.from(text, "utf8");
}
