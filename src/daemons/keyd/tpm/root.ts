/**
 * The root sealed by a TPM 2.0: 32 random bytes that only this TPM gives back, and only while the
 * chosen PCRs are as they were. Unlike in an HSM the root is then in this process's memory.
 */
import { createHash, randomBytes } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { KeydError } from "../../../kernel/keyd/protocol.ts";
import { readIfThere, writeDurably } from "../durable-file.ts";
import { gcmOpen, gcmSeal } from "../gcm.ts";
import type { MonotonicCounter, RootKeyProvider } from "../root-provider.ts";
import type { TpmSettings } from "../root-settings.ts";
import { type TpmTool, tpmTools } from "./tools.ts";

const ROOT_BYTES = 32;
const COUNTER_BYTES = 8;
export const TPM_FILE = "tpm-root.json";
/** Indices of the owner (TCG registry of reserved handles, table 3). */
const NV_FIRST = 0x01_80_00_00;
const NV_COUNT = 0x40_00_00;
const NV_ATTRIBUTES = "nt=counter|ownerread|ownerwrite|authread|authwrite|no_da";
/** No password opens it: with a policy the policy alone, without one the empty password. */
const ATTRIBUTES = "fixedtpm|fixedparent|noda";

type TpmFile = {
  readonly format: 1;
  readonly public: string;
  readonly private: string;
  readonly pcrs: string | null;
  readonly counterIndex: number;
  /** SHA-256 of the root, to tell a wrong one from a right one. */
  readonly id: string;
};

/**
 * Opens the root that this folder's file holds, or seals a new one.
 *
 * @throws KeydError unavailable when a new one cannot be sealed. One that does not open now
 *   answers `unavailable` and is tried again with each use.
 */
export async function openTpmRoot(
  settings: TpmSettings,
  { keysFolder, make }: { keysFolder: string; make: boolean },
): Promise<RootKeyProvider> {
  const run = tpmTools(settings.tcti);
  const file = join(keysFolder, TPM_FILE);
  if (make) await writeDurably(file, JSON.stringify(await run(sealNew(settings))));
  const bytes = await readIfThere(file);
  if (bytes === undefined) throw new KeydError("unavailable", `${TPM_FILE} is missing`);
  const record = JSON.parse(bytes.toString("utf8")) as TpmFile;
  let rootKey: Buffer | undefined;
  const key = async (): Promise<Buffer> => {
    rootKey ??= await run(unseal(record));
    return rootKey;
  };
  return {
    name: "tpm",
    protection:
      record.pcrs === null
        ? `sealed by the TPM at ${settings.tcti}; bound to no PCR: whoever boots this machine opens it`
        : `sealed by the TPM at ${settings.tcti} while PCRs ${record.pcrs} are as they were`,
    wrap: async (plaintext, aad) => gcmSeal(await key(), aad, plaintext),
    unwrap: async (wrapped, aad) => gcmOpen(await key(), aad, wrapped),
    random: async (count) => randomBytes(count),
    health: async () => {
      await key();
    },
    retry: async () => {
      await key();
    },
    counter: counterAt(run, record.counterIndex),
    close: () => rootKey?.fill(0),
  };
}

const idOf = (root: Buffer): string =>
  createHash("sha256").update("cordon root").update(root).digest("hex");

/** The same primary key each time: it is derived from the TPM's owner seed. */
async function primary(tool: TpmTool, folder: string): Promise<string> {
  const context = join(folder, "primary.ctx");
  const how = ["-Q", "-C", "o", "-g", "sha256", "-G", "ecc", "-c", context];
  await tool("tpm2_createprimary", how);
  return context;
}

function sealNew({ pcrs }: TpmSettings) {
  return async (tool: TpmTool, folder: string): Promise<TpmFile> => {
    const parent = await primary(tool, folder);
    const place = (name: string) => join(folder, name);
    const policy = place("policy");
    if (pcrs !== undefined) {
      const session = place("session.ctx");
      await tool("tpm2_startauthsession", ["-Q", "-S", session]);
      await tool("tpm2_policypcr", ["-Q", "-S", session, "-l", pcrs, "-L", policy]);
      await tool("tpm2_flushcontext", [session]);
    }
    const root = randomBytes(ROOT_BYTES);
    const halves = ["-u", place("public"), "-r", place("private")];
    const how =
      pcrs === undefined
        ? ["-a", `${ATTRIBUTES}|userwithauth`]
        : ["-a", `${ATTRIBUTES}|adminwithpolicy`, "-L", policy];
    await tool("tpm2_create", ["-Q", "-C", parent, "-i", "-", ...halves, ...how], root);
    const counterIndex = NV_FIRST + (randomBytes(4).readUInt32BE() % NV_COUNT);
    const index = `0x${counterIndex.toString(16)}`;
    await tool("tpm2_nvdefine", ["-Q", "-C", "o", "-s", "8", "-a", NV_ATTRIBUTES, index]);
    await tool("tpm2_nvincrement", ["-Q", "-C", "o", index]);
    const id = idOf(root);
    root.fill(0);
    return {
      format: 1,
      public: (await readFile(place("public"))).toString("base64"),
      private: (await readFile(place("private"))).toString("base64"),
      pcrs: pcrs ?? null,
      counterIndex,
      id,
    };
  };
}

function unseal(record: TpmFile) {
  return async (tool: TpmTool, folder: string): Promise<Buffer> => {
    const parent = await primary(tool, folder);
    const place = (name: string) => join(folder, name);
    await writeFile(place("public"), Buffer.from(record.public, "base64"));
    await writeFile(place("private"), Buffer.from(record.private, "base64"));
    const object = place("object.ctx");
    const halves = ["-u", place("public"), "-r", place("private")];
    await tool("tpm2_load", ["-Q", "-C", parent, ...halves, "-c", object]);
    const auth = record.pcrs === null ? [] : ["-p", `pcr:${record.pcrs}`];
    const root = await tool("tpm2_unseal", ["-Q", "-c", object, ...auth]);
    if (root.length === ROOT_BYTES && idOf(root) === record.id) return root;
    throw new KeydError("unavailable", "Cannot use the TPM: it gave back another root");
  };
}

/** An NV index of the type counter: the TPM only ever adds to it. */
function counterAt(run: ReturnType<typeof tpmTools>, counterIndex: number): MonotonicCounter {
  const index = `0x${counterIndex.toString(16)}`;
  const read = async (tool: TpmTool): Promise<number> => {
    const size = String(COUNTER_BYTES);
    const bytes = await tool("tpm2_nvread", ["-C", "o", "-s", size, index]);
    if (bytes.length === COUNTER_BYTES) return Number(bytes.readBigUInt64BE());
    throw new KeydError("unavailable", `Cannot use the TPM: its counter has ${bytes.length} bytes`);
  };
  return {
    where: `NV counter ${index} of the TPM`,
    read: () => run(read),
    increment: () =>
      run(async (tool) => {
        await tool("tpm2_nvincrement", ["-Q", "-C", "o", index]);
      }),
  };
}
