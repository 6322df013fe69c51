/** Keys that Cordon makes for itself, as files that only the operating user can read. */
import { createPublicKey, generateKeyPairSync } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export type SigningKey = { readonly privateKeyPem: string; readonly publicKeyPem: string };

/** The Ed25519 key of this name, made at the first call. The public half lies beside it. */
export function signingKey(folder: string, name: string): SigningKey {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const file = join(folder, `${name}.key`);
  if (!existsSync(file)) {
    const { privateKey } = generateKeyPairSync("ed25519");
    const pem = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
    writeFileSync(`${file}.new`, pem, { mode: 0o600, flush: true });
    renameSync(`${file}.new`, file);
  }
  const privateKeyPem = readFileSync(file, "utf8");
  const publicKeyPem = createPublicKey(privateKeyPem)
    .export({ type: "spki", format: "pem" })
    .toString();
  writeFileSync(join(folder, `${name}.pub`), publicKeyPem, { mode: 0o644 });
  return { privateKeyPem, publicKeyPem };
}
