/** Private keys as OpenSSL holds them: made, read from PKCS #8, written, freed. */
import { openssl, type Pointer } from "./openssl.ts";

const DER_BYTES_MAX = 16_384;

/** A new SM2 key. The caller frees it. */
export function generateSm2(): Pointer {
  const ssl = openssl();
  const context = ssl.EVP_PKEY_CTX_new_from_name(null, "SM2", null);
  try {
    const out: unknown[] = [null];
    if (ssl.EVP_PKEY_keygen_init(context) !== 1 || ssl.EVP_PKEY_generate(context, out) !== 1) {
      throw new Error("Cannot make an SM2 key: OpenSSL refused");
    }
    return out[0];
  } finally {
    ssl.EVP_PKEY_CTX_free(context);
  }
}

/** Undefined for bytes that are no private key. The caller frees it with `freeKey`. */
export function readPkcs8(der: Buffer): Pointer | undefined {
  const ssl = openssl();
  const info = ssl.d2i_PKCS8_PRIV_KEY_INFO(null, [der], der.length);
  if (info === null) {
    ssl.ERR_clear_error();
    return undefined;
  }
  const key = ssl.EVP_PKCS82PKEY_ex(info, null, null);
  ssl.PKCS8_PRIV_KEY_INFO_free(info);
  ssl.ERR_clear_error();
  return key ?? undefined;
}

export function writePkcs8(key: Pointer): Buffer {
  const ssl = openssl();
  const info = ssl.EVP_PKEY2PKCS8(key);
  try {
    return encoded((out) => Number(ssl.i2d_PKCS8_PRIV_KEY_INFO(info, out)));
  } finally {
    ssl.PKCS8_PRIV_KEY_INFO_free(info);
  }
}

export function writeSpki(key: Pointer): Buffer {
  return encoded((out) => Number(openssl().i2d_PUBKEY(key, out)));
}

export function freeKey(key: Pointer): void {
  openssl().EVP_PKEY_free(key);
}

export function isSm2(key: Pointer): boolean {
  return openssl().EVP_PKEY_is_a(key, "SM2") === 1;
}

/** The i2d functions: asked for the length first, then written into a buffer of ours. */
function encoded(write: (out: unknown[] | null) => number): Buffer {
  const bytes = write(null);
  if (bytes <= 0 || bytes > DER_BYTES_MAX) throw new Error(`Cannot write a key: ${bytes} bytes`);
  const buffer = Buffer.alloc(bytes);
  write([buffer]);
  return buffer;
}
