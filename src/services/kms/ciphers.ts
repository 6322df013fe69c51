/** Handlers of encryption, decryption and data keys. */
import { readBlobHead } from "../../engines/keys/blob.ts";
import { CONTEXT_BYTES_MAX, type EncryptionContext } from "../../engines/keys/canonical.ts";
import type { Context } from "../../kernel/context.ts";
import { Problem } from "../../kernel/problem.ts";
import type { Handlers } from "../../kernel/service.ts";
import type { kmsContract } from "./contract.ts";
import { isSymmetricSpec } from "./domain.ts";
import { asked } from "./keyd-problem.ts";
import { bytesOf, type UseParts, type Using, usingKey } from "./use.ts";
import { limits } from "./use-contract.ts";

type All = Handlers<typeof kmsContract>;
type CipherHandlers = Pick<
  All,
  "encrypt" | "decrypt" | "encryptBatch" | "decryptBatch" | "reEncrypt"
>;

const usage = "ENCRYPT_DECRYPT";

export function cipherHandlers(parts: UseParts): CipherHandlers {
  const { keyd } = parts;
  return {
    async encrypt(context, wanted) {
      const plaintext = bytesOf(wanted.plaintext, "/plaintext", limits.plaintextBytesMax);
      const using = await usingKey(parts, context, { wanted, usage, operation: "Encrypt" });
      const { handle, algorithm, told } = using;
      const options = optionsOf(using, wanted.encryptionContext);
      const ciphertext = await asked(keyd.encrypt(handle, { ...options, plaintext }));
      return { ...told, ciphertext: ciphertext.toString("base64"), algorithm };
    },
    async decrypt(context, wanted) {
      const ciphertext = bytesOf(wanted.ciphertext, "/ciphertext", limits.ciphertextBytesMax);
      const using = await openedBy(parts, context, { wanted, ciphertext, operation: "Decrypt" });
      const { handle, algorithm, told } = using;
      const options = optionsOf(using, wanted.encryptionContext);
      const plaintext = await asked(keyd.decrypt(handle, { ...options, ciphertext }), UNREADABLE);
      return { ...told, plaintext: plaintext.toString("base64"), algorithm };
    },
    async encryptBatch(context, wanted) {
      const plaintexts = wanted.plaintexts.map((text, at) =>
        bytesOf(text, `/plaintexts/${at}`, limits.plaintextBytesMax),
      );
      refuseLarge(plaintexts);
      const using = await usingKey(parts, context, { wanted, usage, operation: "Encrypt" });
      const options = optionsOf(using, wanted.encryptionContext);
      const made = await asked(keyd.encryptMany(using.handle, { ...options, plaintexts }));
      const ciphertexts = made.map((one) => one.toString("base64"));
      return { ...using.told, ciphertexts, algorithm: using.algorithm };
    },
    decryptBatch: (context, wanted) => decryptBatch(parts, context, wanted),
    reEncrypt: (context, wanted) => reEncrypt(parts, context, wanted),
  };
}

/** Nothing says in which way a ciphertext is wrong. */
const UNREADABLE = { inputInvalid: "kms.ciphertextInvalid" } as const;

function refuseLarge(items: readonly Buffer[]): void {
  const bytes = items.reduce((sum, { length }) => sum + length, 0);
  if (bytes > limits.batchBytesMax) throw new Problem("kms.dataTooLarge");
}

/** Algorithm and context for keyd. @throws Problem kms.contextTooLarge. */
function optionsOf(
  { record, algorithm }: Pick<Using, "record" | "algorithm">,
  context: EncryptionContext = {},
) {
  const { spec } = record.key;
  let bytes = 0;
  for (const [name, value] of Object.entries(context)) {
    bytes += Buffer.byteLength(name) + Buffer.byteLength(value);
  }
  if (bytes > CONTEXT_BYTES_MAX) throw new Problem("kms.contextTooLarge");
  if (isSymmetricSpec(spec)) return { algorithm, context };
  // An RSA or SM2 ciphertext cannot be bound to anything: a caller that thinks so must know.
  if (bytes > 0) throw new Problem("kms.algorithmInvalid");
  return { algorithm };
}

type Opening = {
  readonly wanted: Parameters<All["decrypt"]>[1];
  readonly ciphertext: Buffer;
  readonly operation: string;
};

/** The key that a ciphertext names, which must be the one of the call. */
async function openedBy(
  parts: UseParts,
  context: Context,
  { wanted, ciphertext, operation }: Opening,
): Promise<Using> {
  const record = await parts.directory.find(context.accountId, wanted.keyId, context.nowMs);
  if (record === undefined || !isSymmetricSpec(record.key.spec)) {
    return usingKey(parts, context, { wanted, usage, operation });
  }
  const head = readBlobHead(ciphertext);
  if (head === undefined) throw new Problem("kms.ciphertextInvalid");
  if (head.key !== record.key.materialId) throw new Problem("kms.keyIncorrect");
  if (wanted.version !== undefined && wanted.version !== head.version) {
    throw new Problem("kms.ciphertextInvalid");
  }
  const known = record.versions.some(({ version }) => version === head.version);
  if (!known) throw new Problem("kms.ciphertextInvalid");
  const named = { ...wanted, version: head.version };
  return usingKey(parts, context, { wanted: named, usage, operation });
}

async function decryptBatch(
  parts: UseParts,
  context: Context,
  wanted: Parameters<All["decryptBatch"]>[1],
) {
  const ciphertexts = wanted.ciphertexts.map((text, at) =>
    bytesOf(text, `/ciphertexts/${at}`, limits.ciphertextBytesMax),
  );
  refuseLarge(ciphertexts);
  // All of one version: the first names it, and another's do not open.
  const first = { ...wanted, ciphertext: wanted.ciphertexts[0] ?? "" };
  const [ciphertext = Buffer.alloc(0)] = ciphertexts;
  const using = await openedBy(parts, context, { wanted: first, ciphertext, operation: "Decrypt" });
  const options = optionsOf(using, wanted.encryptionContext);
  const results = await asked(parts.keyd.decryptMany(using.handle, { ...options, ciphertexts }));
  const items = results.map((one) =>
    "plaintext" in one
      ? { plaintext: one.plaintext.toString("base64") }
      : { reason: "kms.ciphertextInvalid" },
  );
  return { keyId: wanted.keyId, items };
}

async function reEncrypt(
  parts: UseParts,
  context: Context,
  wanted: Parameters<All["reEncrypt"]>[1],
) {
  const ciphertext = bytesOf(wanted.ciphertext, "/ciphertext", limits.ciphertextBytesMax);
  const live = { ...wanted, dryRun: false };
  const from = await openedBy(parts, context, { wanted: live, ciphertext, operation: "ReEncrypt" });
  const { destinationKeyId: keyId, destinationAlgorithm: algorithm, dryRun } = wanted;
  const to = await usingKey(parts, context, {
    wanted: { keyId, algorithm, dryRun },
    usage,
    operation: "ReEncrypt",
  });
  const request = {
    ciphertext,
    fromOptions: optionsOf(from, wanted.encryptionContext),
    toOptions: optionsOf(to, wanted.destinationEncryptionContext),
  };
  const made = await asked(parts.keyd.reEncrypt(from.handle, to.handle, request), UNREADABLE);
  return {
    ...to.told,
    ciphertext: made.toString("base64"),
    algorithm: to.algorithm,
    sourceKeyId: from.told.keyId,
    sourceVersion: from.told.version,
    sourceAlgorithm: from.algorithm,
  };
}

type DataKeyHandlers = Pick<
  All,
  | "generateDataKey"
  | "generateDataKeyWithoutPlaintext"
  | "generateDataKeyPair"
  | "generateDataKeyPairWithoutPlaintext"
  | "generateRandom"
>;

const DATA_KEY_BYTES = 32;

export function dataKeyHandlers(parts: UseParts): DataKeyHandlers {
  const { keyd } = parts;
  const under = async (
    context: Context,
    wanted: Parameters<All["generateDataKey"]>[1] | Parameters<All["generateDataKeyPair"]>[1],
    operation: string,
  ) => {
    const using = await usingKey(parts, context, { wanted, usage, operation });
    if (!isSymmetricSpec(using.record.key.spec)) throw new Problem("kms.keyUsageInvalid");
    return { ...using, options: optionsOf(using, wanted.encryptionContext) };
  };
  const pair = async (
    context: Context,
    wanted: Parameters<All["generateDataKeyPair"]>[1],
    withoutPlaintext: boolean,
  ) => {
    const name = `GenerateDataKeyPair${withoutPlaintext ? "WithoutPlaintext" : ""}`;
    const { pairSpec } = wanted;
    if (isSymmetricSpec(pairSpec)) throw new Problem("kms.keyUsageInvalid");
    const { handle, options, told } = await under(context, wanted, name);
    const request = { ...options, pairSpec, withoutPlaintext };
    const made = await asked(keyd.dataKeyPair(handle, request));
    return {
      ...told,
      pairSpec,
      publicKey: made.publicKey.toString("base64"),
      privateKeyCiphertext: made.privateCiphertext.toString("base64"),
      privateKeyPlaintext: made.privatePlaintext?.toString("base64") ?? "",
    };
  };
  return {
    async generateDataKey(context, wanted) {
      const { handle, options, told } = await under(context, wanted, "GenerateDataKey");
      const request = { ...options, bytes: wanted.bytes ?? DATA_KEY_BYTES };
      const { plaintext, ciphertext } = await asked(keyd.dataKey(handle, request));
      const clear = plaintext.toString("base64");
      plaintext.fill(0);
      return { ...told, plaintext: clear, ciphertext: ciphertext.toString("base64") };
    },
    async generateDataKeyWithoutPlaintext(context, wanted) {
      const name = "GenerateDataKeyWithoutPlaintext";
      const { handle, options, told } = await under(context, wanted, name);
      const request = { ...options, bytes: wanted.bytes ?? DATA_KEY_BYTES };
      const ciphertext = await asked(keyd.dataKeyWithoutPlaintext(handle, request));
      return { ...told, ciphertext: ciphertext.toString("base64") };
    },
    generateDataKeyPair: (context, wanted) => pair(context, wanted, false),
    async generateDataKeyPairWithoutPlaintext(context, wanted) {
      const { privateKeyPlaintext: _, ...made } = await pair(context, wanted, true);
      return made;
    },
    async generateRandom(_context, { bytes }) {
      return { bytes: (await asked(keyd.random(bytes))).toString("base64") };
    },
  };
}
