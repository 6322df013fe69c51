/**
 * Functions of the OpenSSL inside Node's own executable, for what Node's crypto lacks or gets
 * wrong: SM2 with its user id, SM4-GCM, and signing a digest. Called through koffi; nothing else
 * of the program uses a foreign function.
 */
import { createRequire } from "node:module";
import type koffi from "koffi";
import { KeydError } from "../../kernel/keyd/protocol.ts";

export type Pointer = unknown;
type Call = (...values: readonly unknown[]) => unknown;

/** C prototypes of what is used; `_Inout_` and `_Out_` are koffi's directions. */
const PROTOTYPES = {
  EVP_CIPHER_fetch: "void *EVP_CIPHER_fetch(void *ctx, const char *name, const char *prop)",
  EVP_CIPHER_CTX_new: "void *EVP_CIPHER_CTX_new()",
  EVP_CIPHER_CTX_reset: "int EVP_CIPHER_CTX_reset(void *ctx)",
  EVP_CIPHER_CTX_ctrl: "int EVP_CIPHER_CTX_ctrl(void *ctx, int type, int arg, void *ptr)",
  EVP_CipherInit_ex:
    "int EVP_CipherInit_ex(void *ctx, void *cipher, void *e, void *key, void *iv, int enc)",
  EVP_CipherUpdate:
    "int EVP_CipherUpdate(void *ctx, void *out, _Out_ int *outl, const void *in, int inl)",
  EVP_CipherFinal_ex: "int EVP_CipherFinal_ex(void *ctx, void *out, _Out_ int *outl)",
  EVP_PKEY_CTX_new_from_name: "void *EVP_PKEY_CTX_new_from_name(void *c, const char *n, void *p)",
  EVP_PKEY_CTX_new_from_pkey: "void *EVP_PKEY_CTX_new_from_pkey(void *c, void *pkey, void *p)",
  EVP_PKEY_CTX_free: "void EVP_PKEY_CTX_free(void *ctx)",
  EVP_PKEY_keygen_init: "int EVP_PKEY_keygen_init(void *ctx)",
  EVP_PKEY_generate: "int EVP_PKEY_generate(void *ctx, _Inout_ void **pkey)",
  EVP_PKEY_free: "void EVP_PKEY_free(void *pkey)",
  EVP_PKEY_is_a: "int EVP_PKEY_is_a(void *pkey, const char *name)",
  EVP_PKEY2PKCS8: "void *EVP_PKEY2PKCS8(void *pkey)",
  EVP_PKCS82PKEY_ex: "void *EVP_PKCS82PKEY_ex(void *p8, void *ctx, void *prop)",
  PKCS8_PRIV_KEY_INFO_free: "void PKCS8_PRIV_KEY_INFO_free(void *p8)",
  i2d_PKCS8_PRIV_KEY_INFO: "int i2d_PKCS8_PRIV_KEY_INFO(void *p8, _Inout_ void **out)",
  d2i_PKCS8_PRIV_KEY_INFO: "void *d2i_PKCS8_PRIV_KEY_INFO(void *a, _Inout_ void **in, long n)",
  i2d_PUBKEY: "int i2d_PUBKEY(void *pkey, _Inout_ void **out)",
  d2i_PUBKEY: "void *d2i_PUBKEY(void *a, _Inout_ void **in, long n)",
  EVP_MD_CTX_new: "void *EVP_MD_CTX_new()",
  EVP_MD_CTX_free: "void EVP_MD_CTX_free(void *ctx)",
  EVP_DigestSignInit_ex:
    "int EVP_DigestSignInit_ex(void *m, _Out_ void **p, const char *md, void *c, void *q, void *k, void *o)",
  EVP_DigestVerifyInit_ex:
    "int EVP_DigestVerifyInit_ex(void *m, _Out_ void **p, const char *md, void *c, void *q, void *k, void *o)",
  EVP_PKEY_CTX_set1_id: "int EVP_PKEY_CTX_set1_id(void *ctx, const void *id, int n)",
  EVP_DigestSign:
    "int EVP_DigestSign(void *m, void *sig, _Inout_ size_t *n, const void *in, size_t inl)",
  EVP_DigestVerify:
    "int EVP_DigestVerify(void *m, const void *sig, size_t n, const void *in, size_t inl)",
  EVP_PKEY_sign_init: "int EVP_PKEY_sign_init(void *ctx)",
  EVP_PKEY_verify_init: "int EVP_PKEY_verify_init(void *ctx)",
  EVP_PKEY_sign: "int EVP_PKEY_sign(void *c, void *s, _Inout_ size_t *n, const void *t, size_t l)",
  EVP_PKEY_verify: "int EVP_PKEY_verify(void *c, const void *s, size_t n, const void *t, size_t l)",
  EVP_PKEY_encrypt_init: "int EVP_PKEY_encrypt_init(void *ctx)",
  EVP_PKEY_decrypt_init: "int EVP_PKEY_decrypt_init(void *ctx)",
  EVP_PKEY_encrypt:
    "int EVP_PKEY_encrypt(void *c, void *out, _Inout_ size_t *n, const void *in, size_t l)",
  EVP_PKEY_decrypt:
    "int EVP_PKEY_decrypt(void *c, void *out, _Inout_ size_t *n, const void *in, size_t l)",
  EVP_PKEY_CTX_set_rsa_padding: "int EVP_PKEY_CTX_set_rsa_padding(void *ctx, int padding)",
  EVP_PKEY_CTX_set_rsa_pss_saltlen: "int EVP_PKEY_CTX_set_rsa_pss_saltlen(void *ctx, int n)",
  EVP_PKEY_CTX_set_signature_md: "int EVP_PKEY_CTX_set_signature_md(void *ctx, void *md)",
  EVP_get_digestbyname: "void *EVP_get_digestbyname(const char *name)",
  ERR_clear_error: "void ERR_clear_error()",
} as const;

export type OpenSsl = { readonly [Name in keyof typeof PROTOTYPES]: Call };

type Loaded = { readonly openssl: OpenSsl } | { readonly why: string };
let loaded: Loaded | undefined;

/** koffi itself; throws where it has no build for this platform. */
export function loadKoffi(): typeof koffi {
  return createRequire(import.meta.url)("koffi") as typeof koffi;
}

function load(): Loaded {
  try {
    const library = loadKoffi().load(null);
    const entries = Object.entries(PROTOTYPES).map(([name, text]) => [name, library.func(text)]);
    // Every prototype was bound, or func would have thrown.
    return { openssl: Object.fromEntries(entries) as OpenSsl };
  } catch (error) {
    return { why: error instanceof Error ? error.message : String(error) };
  }
}

/** @throws KeydError algorithmUnavailable where the library cannot be called. */
export function openssl(): OpenSsl {
  loaded ??= load();
  if ("openssl" in loaded) return loaded.openssl;
  throw new KeydError("algorithmUnavailable", `Not available here: ${loaded.why}`);
}

/** True where SM2, SM4-GCM and signing of digests work. */
export function opensslAvailable(): boolean {
  loaded ??= load();
  return "openssl" in loaded;
}
