/**
 * Keeps secrets that must be read again, such as those that signatures are made with. What is
 * sealed for one purpose opens for that purpose only.
 */
import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export type Sealer = {
  seal(plaintext: Buffer, purpose: string): Promise<Buffer>;
  /** @throws Error when the bytes were changed or sealed for another purpose. */
  open(sealed: Buffer, purpose: string): Promise<Buffer>;
};

/** Binds a sealed secret to what it belongs to, so that rows cannot be exchanged. */
export function secretPurpose(kind: string, id: string): string {
  return `cordon ${kind} ${id}`;
}

const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const FORMAT = 1;

/** A sealer with a key of its own in a file (AES-256-GCM): for tests and where keyd is absent. */
export function fileSealer(folder: string): Sealer {
  const key = fileKey(folder);
  return {
    async seal(plaintext, purpose) {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv("aes-256-gcm", key, nonce).setAAD(Buffer.from(purpose));
      const body = Buffer.concat([cipher.update(plaintext), cipher.final()]);
      return Buffer.concat([Buffer.from([FORMAT]), nonce, cipher.getAuthTag(), body]);
    },
    async open(sealed, purpose) {
      if (sealed[0] !== FORMAT || sealed.length < 1 + NONCE_BYTES + TAG_BYTES) {
        throw new Error(`Cannot open the sealed secret of "${purpose}": unknown form`);
      }
      const nonce = sealed.subarray(1, 1 + NONCE_BYTES);
      const tag = sealed.subarray(1 + NONCE_BYTES, 1 + NONCE_BYTES + TAG_BYTES);
      const decipher = createDecipheriv("aes-256-gcm", key, nonce, { authTagLength: TAG_BYTES })
        .setAAD(Buffer.from(purpose))
        .setAuthTag(tag);
      const body = sealed.subarray(1 + NONCE_BYTES + TAG_BYTES);
      return Buffer.concat([decipher.update(body), decipher.final()]);
    },
  };
}

function fileKey(folder: string): Buffer {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const file = join(folder, "seal.key");
  if (!existsSync(file)) {
    writeFileSync(`${file}.new`, randomBytes(KEY_BYTES), { mode: 0o600, flush: true });
    renameSync(`${file}.new`, file);
  }
  return readFileSync(file);
}
