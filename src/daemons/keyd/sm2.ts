/**
 * SM2 (GB/T 32918, GM/T 0003): signatures over SM3 with the standard user id, and encryption in
 * the DER form of GM/T 0009 (C1 C3 C2).
 */
import { openssl, type Pointer } from "./openssl.ts";

/** The user id that everyone uses unless told otherwise (GM/T 0009 §10). */
export const USER_ID = Buffer.from("1234567812345678", "latin1");
const SIGNATURE_BYTES_MAX = 80;
/** The ciphertext's DER around the plaintext: two coordinates, the hash and their heads. */
const CIPHERTEXT_OVERHEAD_MAX = 128;

/** The DER signature. */
export function sm2Sign(key: Pointer, message: Buffer, userId = USER_ID): Buffer {
  const ssl = openssl();
  const digest = ssl.EVP_MD_CTX_new();
  try {
    const context: unknown[] = [null];
    const signature = Buffer.alloc(SIGNATURE_BYTES_MAX);
    const length = [signature.length];
    const ok =
      ssl.EVP_DigestSignInit_ex(digest, context, "SM3", null, null, key, null) === 1 &&
      Number(ssl.EVP_PKEY_CTX_set1_id(context[0], userId, userId.length)) > 0 &&
      ssl.EVP_DigestSign(digest, signature, length, message, message.length) === 1;
    if (!ok) throw new Error("Cannot sign with SM2: OpenSSL refused");
    return signature.subarray(0, length[0]);
  } finally {
    ssl.EVP_MD_CTX_free(digest);
    ssl.ERR_clear_error();
  }
}

export function sm2Verify(
  key: Pointer,
  { message, signature, userId = USER_ID }: { message: Buffer; signature: Buffer; userId?: Buffer },
): boolean {
  const ssl = openssl();
  const digest = ssl.EVP_MD_CTX_new();
  try {
    const context: unknown[] = [null];
    return (
      ssl.EVP_DigestVerifyInit_ex(digest, context, "SM3", null, null, key, null) === 1 &&
      Number(ssl.EVP_PKEY_CTX_set1_id(context[0], userId, userId.length)) > 0 &&
      ssl.EVP_DigestVerify(digest, signature, signature.length, message, message.length) === 1
    );
  } finally {
    ssl.EVP_MD_CTX_free(digest);
    ssl.ERR_clear_error();
  }
}

export function sm2Encrypt(key: Pointer, plaintext: Buffer): Buffer | undefined {
  const ssl = openssl();
  return transform(key, plaintext, {
    start: (context) => ssl.EVP_PKEY_encrypt_init(context),
    run: (context, out, length) =>
      ssl.EVP_PKEY_encrypt(context, out, length, plaintext, plaintext.length),
    bytesMax: plaintext.length + CIPHERTEXT_OVERHEAD_MAX,
  });
}

/** Undefined when it is no ciphertext of this key. */
export function sm2Decrypt(key: Pointer, ciphertext: Buffer): Buffer | undefined {
  const ssl = openssl();
  return transform(key, ciphertext, {
    start: (context) => ssl.EVP_PKEY_decrypt_init(context),
    run: (context, out, length) =>
      ssl.EVP_PKEY_decrypt(context, out, length, ciphertext, ciphertext.length),
    bytesMax: ciphertext.length,
  });
}

function transform(
  key: Pointer,
  input: Buffer,
  steps: {
    start: (context: Pointer) => unknown;
    run: (context: Pointer, out: Buffer, length: number[]) => unknown;
    bytesMax: number;
  },
): Buffer | undefined {
  if (input.length === 0) return undefined;
  const ssl = openssl();
  const context = ssl.EVP_PKEY_CTX_new_from_pkey(null, key, null);
  try {
    const out = Buffer.alloc(steps.bytesMax);
    const length = [out.length];
    if (steps.start(context) !== 1 || steps.run(context, out, length) !== 1) return undefined;
    return out.subarray(0, length[0]);
  } finally {
    ssl.EVP_PKEY_CTX_free(context);
    ssl.ERR_clear_error();
  }
}
