/**
 * Seals with a key in a file of the data folder (AES-256-GCM). It keeps keys out of the database
 * and its backups; who can read the data folder can open them. The process keyd is the better one.
 */
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { KeySealer } from "./sealing.ts";

const VERSION = 1;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const KEY_BYTES = 32;

class SealInvalid extends Error {
  readonly reason = "ciphertextInvalid";
}

/** Opens the sealer of a folder, making its key at the first start. */
export function openFileSealer(folder: string): KeySealer {
  const root = rootKey(folder);
  return {
    async seal(purpose, accountId, plaintext) {
      const nonce = randomBytes(NONCE_BYTES);
      const key = keyFor(root, purpose, accountId);
      const cipher = createCipheriv("aes-256-gcm", key, nonce, { authTagLength: TAG_BYTES });
      const sealed = Buffer.concat([cipher.update(plaintext), cipher.final()]);
      return Buffer.concat([Buffer.from([VERSION]), nonce, cipher.getAuthTag(), sealed]);
    },
    async open(purpose, accountId, sealed) {
      const body = 1 + NONCE_BYTES + TAG_BYTES;
      if (sealed[0] !== VERSION || sealed.length < body) throw new Error("not sealed by this file");
      const nonce = sealed.subarray(1, 1 + NONCE_BYTES);
      const key = keyFor(root, purpose, accountId);
      // Without a length a shorter tag would be taken (NIST SP 800-38D §5.2.1.2).
      const cipher = createDecipheriv("aes-256-gcm", key, nonce, { authTagLength: TAG_BYTES });
      cipher.setAuthTag(sealed.subarray(1 + NONCE_BYTES, body));
      try {
        return Buffer.concat([cipher.update(sealed.subarray(body)), cipher.final()]);
      } catch {
        throw new SealInvalid("sealed for another purpose or account, or changed");
      }
    },
  };
}

function rootKey(folder: string): Buffer {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const file = join(folder, "certificates.key");
  if (!existsSync(file)) {
    writeFileSync(`${file}.new`, randomBytes(KEY_BYTES), { mode: 0o600, flush: true });
    renameSync(`${file}.new`, file);
  }
  return readFileSync(file);
}

/** One key for each purpose and account (RFC 5869), so that nothing opens in another's place. */
function keyFor(root: Buffer, purpose: string, accountId: string): Buffer {
  const info = JSON.stringify(["cordon.certificates", purpose, accountId]);
  return Buffer.from(hkdfSync("sha256", root, Buffer.alloc(0), info, KEY_BYTES));
}
