/** The package as it is published: built by its own script, used by plain JavaScript elsewhere. */
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";

const folder = dirname(import.meta.dirname);
const compiler = join(folder, "..", "..", "node_modules", ".bin", "tsc");

const USE = `
import { createEncryption, EncryptionError, openFields } from "cordon-encryption-client";
const kms = {
  generateDataKey: async () => ({ plaintext: Buffer.alloc(32, 7), encryptedDataKey: Buffer.of(1) }),
  decrypt: async () => Buffer.alloc(32, 7),
};
const encryption = createEncryption({ kms, keyId: "key-1" });
const message = await encryption.encrypt(Buffer.from("hello"), { a: "b" });
const wrong = await encryption.decrypt(message, {}).catch((error) => error);
const fields = await openFields(kms, { keyId: "key-1", encryptedDataKey: Buffer.of(1) });
console.log(JSON.stringify({
  text: (await encryption.decrypt(message, { a: "b" })).toString(),
  refused: wrong instanceof EncryptionError && wrong.reason,
  digits: fields.formatPreserving("phone").encrypt("13800138000").length,
}));
`;

test("built and installed alone, it works without Cordon's sources and without types", () => {
  const project = mkdtempSync(join(tmpdir(), "cordon-package-"));
  try {
    const installed = join(project, "node_modules", "cordon-encryption-client");
    mkdirSync(installed, { recursive: true });
    const out = ["--outDir", join(installed, "dist")];
    execFileSync(process.execPath, [compiler, "-p", join(folder, "tsconfig.json"), ...out]);
    cpSync(join(folder, "package.json"), join(installed, "package.json"));
    writeFileSync(join(project, "use.mjs"), USE);
    const text = execFileSync(process.execPath, ["use.mjs"], { cwd: project, encoding: "utf8" });
    expect(JSON.parse(text)).toEqual({ text: "hello", refused: "messageInvalid", digits: 11 });
  } finally {
    rmSync(project, { recursive: true, force: true });
  }
}, 120_000);
