/** Where a root in a device is found, from the environment; secrets come from files. */
import { readFile } from "node:fs/promises";
import { StartError } from "../../kernel/process/daemon.ts";
import { messageOf } from "../../kernel/process/text.ts";
import type { TokenSettings } from "./pkcs11/token.ts";
import type { RootKind } from "./root-provider.ts";

type Environment = Readonly<Record<string, string | undefined>>;

export type RootSettings = {
  /** What a new data folder gets, and an old one must have; undefined accepts what is there. */
  readonly wanted: RootKind | undefined;
  /** The passphrase of the software root, when a file gives it. */
  readonly passphrase: () => Promise<Buffer | undefined>;
  readonly pkcs11: TokenSettings | undefined;
  /** CKA_ID of a root key that the token has already: for an empty folder to restore into. */
  readonly pkcs11KeyId: string | undefined;
  readonly tpm: TpmSettings | undefined;
};

export type TpmSettings = {
  /** TCTI of the TPM, such as `device:/dev/tpmrm0`. */
  readonly tcti: string;
  /** PCRs that must be as they were when the root was sealed, such as `sha256:0,7`. */
  readonly pcrs: string | undefined;
};

const KINDS: readonly RootKind[] = ["software", "pkcs11", "tpm"];
const SECRET_BYTES_MAX = 1_024;

/** @throws StartError for a setting that cannot be used. */
export function readRootSettings(env: Environment): RootSettings {
  const text = env.CORDON_KEYS_ROOT ?? "";
  const wanted = KINDS.find((kind) => kind === text);
  if (text !== "" && wanted === undefined) {
    throw refused(`CORDON_KEYS_ROOT is "${text}"`, `set it to one of ${KINDS.join(", ")}`);
  }
  return {
    wanted,
    passphrase: async () => {
      const file = env.CORDON_KEYS_PASSPHRASE_FILE ?? "";
      return file === "" ? undefined : firstLine(file, "CORDON_KEYS_PASSPHRASE_FILE");
    },
    pkcs11: pkcs11From(env),
    pkcs11KeyId: keyIdFrom(env),
    tpm: tpmFrom(env),
  };
}

function pkcs11From(env: Environment): TokenSettings | undefined {
  const { CORDON_PKCS11_MODULE: module = "", CORDON_PKCS11_TOKEN: label = "" } = env;
  const file = env.CORDON_PKCS11_PIN_FILE ?? "";
  if (module === "" && label === "" && file === "") return undefined;
  if (module !== "" && label !== "" && file !== "") {
    return { module, label, pin: () => firstLine(file, "CORDON_PKCS11_PIN_FILE") };
  }
  throw refused(
    "A device needs CORDON_PKCS11_MODULE, CORDON_PKCS11_TOKEN and CORDON_PKCS11_PIN_FILE",
    "set all three, or none",
  );
}

function keyIdFrom({ CORDON_PKCS11_KEY_ID: text = "" }: Environment): string | undefined {
  if (text === "") return undefined;
  if (/^[0-9a-f]{32}$/.test(text)) return text;
  throw refused(`CORDON_PKCS11_KEY_ID is "${text}"`, "give the 32 digits of ./cordon keys status");
}

function tpmFrom(env: Environment): TpmSettings | undefined {
  const tcti = env.CORDON_TPM_TCTI ?? "";
  const pcrs = env.CORDON_TPM_PCRS ?? "";
  if (tcti === "") return undefined;
  if (!/^[\w:/.,=-]{1,200}$/.test(tcti)) {
    throw refused(`CORDON_TPM_TCTI is "${tcti}"`, "give a TCTI such as device:/dev/tpmrm0");
  }
  if (pcrs !== "" && !/^sha(?:1|256|384):\d{1,2}(?:,\d{1,2})*$/.test(pcrs)) {
    throw refused(`CORDON_TPM_PCRS is "${pcrs}"`, "give a bank and numbers such as sha256:0,7");
  }
  return { tcti, pcrs: pcrs === "" ? undefined : pcrs };
}

async function firstLine(file: string, setting: string): Promise<Buffer> {
  let bytes: Buffer;
  try {
    bytes = await readFile(file);
  } catch (error) {
    throw refused(
      `Cannot read ${setting}: ${messageOf(error)}`,
      `make ${file} readable for this user, or unset ${setting}`,
    );
  }
  const end = bytes.indexOf(0x0a);
  const line = end === -1 ? bytes : bytes.subarray(0, end);
  if (line.length <= SECRET_BYTES_MAX) return Buffer.from(line);
  throw refused(`The first line of ${file} is too long`, `put the secret alone into ${file}`);
}

function refused(message: string, fix: string): StartError {
  return new StartError(message, { fix, permanent: true });
}
