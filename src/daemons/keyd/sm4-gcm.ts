/** SM4-GCM (RFC 8998) with 12-byte nonces and whole 16-byte tags. */
import { openssl, type Pointer } from "./openssl.ts";

const TAG_BYTES = 16;
/** evp.h: EVP_CTRL_AEAD_GET_TAG and EVP_CTRL_AEAD_SET_TAG. */
const GET_TAG = 0x10;
const SET_TAG = 0x11;

let cipher: Pointer;
let context: Pointer;

function prepare() {
  const ssl = openssl();
  // One context for all: calls are synchronous, and it is reset after each.
  context ??= ssl.EVP_CIPHER_CTX_new();
  cipher ??= ssl.EVP_CIPHER_fetch(null, "SM4-GCM", null);
  return ssl;
}

type Input = { readonly key: Buffer; readonly nonce: Buffer; readonly aad: Buffer };

/** Ciphertext and tag. */
export function sm4GcmEncrypt({ key, nonce, aad }: Input, plaintext: Buffer): Buffer {
  const ssl = prepare();
  const out = Buffer.allocUnsafe(plaintext.length + TAG_BYTES);
  const written = [0];
  const ok =
    ssl.EVP_CipherInit_ex(context, cipher, null, key, nonce, 1) === 1 &&
    ssl.EVP_CipherUpdate(context, null, written, aad, aad.length) === 1 &&
    ssl.EVP_CipherUpdate(context, out, written, plaintext, plaintext.length) === 1 &&
    ssl.EVP_CipherFinal_ex(context, out.subarray(plaintext.length), written) === 1 &&
    ssl.EVP_CIPHER_CTX_ctrl(context, GET_TAG, TAG_BYTES, out.subarray(plaintext.length)) === 1;
  ssl.EVP_CIPHER_CTX_reset(context);
  if (!ok) throw new Error("Cannot encrypt with SM4-GCM: OpenSSL refused");
  return out;
}

/** Undefined when the tag does not fit. */
export function sm4GcmDecrypt({ key, nonce, aad }: Input, sealed: Buffer): Buffer | undefined {
  if (sealed.length < TAG_BYTES) return undefined;
  const ssl = prepare();
  const body = sealed.subarray(0, sealed.length - TAG_BYTES);
  const tag = sealed.subarray(body.length);
  const out = Buffer.alloc(body.length + TAG_BYTES);
  const written = [0];
  const ok =
    ssl.EVP_CipherInit_ex(context, cipher, null, key, nonce, 0) === 1 &&
    ssl.EVP_CIPHER_CTX_ctrl(context, SET_TAG, TAG_BYTES, tag) === 1 &&
    ssl.EVP_CipherUpdate(context, null, written, aad, aad.length) === 1 &&
    ssl.EVP_CipherUpdate(context, out, written, body, body.length) === 1 &&
    ssl.EVP_CipherFinal_ex(context, out.subarray(body.length), written) === 1;
  ssl.EVP_CIPHER_CTX_reset(context);
  ssl.ERR_clear_error();
  if (ok) return out.subarray(0, body.length);
  out.fill(0);
  return undefined;
}
