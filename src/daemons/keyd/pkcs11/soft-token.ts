/** A SoftHSM 2 token in a folder of its own: for tests and measurements. */
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const MODULES = [
  "/usr/lib/softhsm/libsofthsm2.so",
  "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
  "/usr/lib64/pkcs11/libsofthsm2.so",
];

/** The module, where SoftHSM 2 is installed. */
export const softHsmModule: string | undefined = MODULES.find((file) => existsSync(file));

export type SoftToken = {
  readonly folder: string;
  readonly tokensFolder: string;
  readonly label: string;
  readonly pinFile: string;
  readonly environment: Readonly<Record<string, string>>;
  remove(): void;
};

/** A new token with a random PIN. The environment is what keyd needs to use it. */
export function makeSoftToken(label = "cordon-test"): SoftToken {
  if (softHsmModule === undefined) throw new Error("SoftHSM 2 is not installed");
  const folder = mkdtempSync(join(tmpdir(), "cordon-token-"));
  const tokensFolder = join(folder, "tokens");
  mkdirSync(tokensFolder);
  const configFile = join(folder, "softhsm2.conf");
  const lines = [`directories.tokendir = ${tokensFolder}`, "objectstore.backend = file"];
  writeFileSync(configFile, `${lines.join("\n")}\nlog.level = ERROR\n`);
  const pin = randomBytes(6).toString("hex");
  const pinFile = join(folder, "pin");
  writeFileSync(pinFile, `${pin}\n`, { mode: 0o600 });
  const env = { ...process.env, SOFTHSM2_CONF: configFile };
  const pins = ["--so-pin", "12345678", "--pin", pin];
  execFileSync("softhsm2-util", ["--init-token", "--free", "--label", label, ...pins], {
    env,
    stdio: "ignore",
  });
  return {
    folder,
    tokensFolder,
    label,
    pinFile,
    environment: {
      SOFTHSM2_CONF: configFile,
      CORDON_PKCS11_MODULE: softHsmModule,
      CORDON_PKCS11_TOKEN: label,
      CORDON_PKCS11_PIN_FILE: pinFile,
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
