/** `cordon encrypt | decrypt FILE`: files under data keys of the key service. */
import { createReadStream, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import {
  createEncryption,
  EncryptionError,
  HEADER_BYTES_MAX,
  httpKms,
  type Kms,
  KmsError,
  messageKeyId,
  openFileSource,
} from "../../packages/encryption-client/src/index.ts";
import { readConfig } from "../kernel/config.ts";
import { hostPort } from "../lib/host-port.ts";
import { storedKey } from "./api-client.ts";
import { exists, writeNewFile } from "./encrypt/new-file.ts";
import { type FileOptions, readFileOptions, wantsKey } from "./encrypt/options.ts";
import { CommandError, EXIT, type ExitStatus } from "./exit.ts";

const SUFFIX = ".encrypted";

/** Writes FILE.encrypted; `--rewrap` puts the data key of FILE under the newest version instead. */
export async function encrypt(args: readonly string[]): Promise<ExitStatus> {
  const options = readFileOptions("encrypt", args);
  return withKms(async (kms) => {
    if (options.rewrap) return rewrap(kms, options);
    const { file, keyId, context, replace } = options;
    if (keyId === undefined) throw wantsKey();
    const out = options.out ?? `${file}${SUFFIX}`;
    if (!replace && existsSync(out)) throw exists(out);
    const encryption = createEncryption({ kms, keyId });
    await writeNewFile(out, { replace }, async (written) => {
      const sealing = await encryption.encryptStream(context);
      await pipeline(createReadStream(file), sealing, written);
    });
    process.stdout.write(`${out}: encrypted under ${keyId}\n`);
  });
}

/** Writes FILE without its suffix; with `--range` only that part, to the terminal or `--out`. */
export async function decrypt(args: readonly string[]): Promise<ExitStatus> {
  const options = readFileOptions("decrypt", args);
  return withKms(async (kms) => {
    const { file, context, range, replace } = options;
    const keyId = options.keyId ?? (await keyOf(file));
    const encryption = createEncryption({ kms, keyId });
    if (range !== undefined && options.out === undefined) {
      process.stdout.write(await rangeOf(encryption, options, range));
      return;
    }
    const out = options.out ?? plainName(file);
    if (!replace && existsSync(out)) throw exists(out);
    await writeNewFile(out, { replace }, async (written) => {
      if (range === undefined) {
        await pipeline(createReadStream(file), encryption.decryptStream(context), written);
      } else {
        await pipeline([await rangeOf(encryption, options, range)], written);
      }
    });
    process.stdout.write(`${out}: decrypted\n`);
  });
}

type Encryption = ReturnType<typeof createEncryption>;
type Range = NonNullable<FileOptions["range"]>;

async function rangeOf(
  encryption: Encryption,
  { file, context }: FileOptions,
  { from, bytes }: Range,
): Promise<Buffer> {
  const source = await openFileSource(file);
  try {
    return await (await encryption.openRandomAccess(source, context)).read(from, bytes);
  } finally {
    await source.close();
  }
}

/** The file again, its encrypted data exactly as they were, then exchanged for the old one. */
async function rewrap(kms: Kms, { file, keyId, context }: FileOptions): Promise<void> {
  const beginning = await beginningOf(file);
  const from = messageKeyId(beginning);
  const to = keyId ?? from;
  const encryption = createEncryption({ kms, keyId: to, alsoOpens: [from] });
  const { header, headerBytes } = await encryption.rewrapHeader(beginning, context);
  await writeNewFile(file, { replace: true }, async (written) => {
    written.write(header);
    await pipeline(createReadStream(file, { start: headerBytes }), written);
  });
  process.stdout.write(`${file}: its data key is under the current version of ${to}\n`);
}

async function keyOf(file: string): Promise<string> {
  return messageKeyId(await beginningOf(file));
}

async function beginningOf(file: string): Promise<Buffer> {
  const source = await openFileSource(file);
  try {
    return await source.read(0, Math.min(source.bytes, HEADER_BYTES_MAX));
  } finally {
    await source.close();
  }
}

function plainName(file: string): string {
  if (file.endsWith(SUFFIX) && file.length > SUFFIX.length) return file.slice(0, -SUFFIX.length);
  throw new CommandError(`Cannot tell where to: ${file} does not end with ${SUFFIX}`, {
    fix: "name the file to write with --out",
    status: EXIT.usage,
  });
}

/** The key service of the Cordon on this machine, with the key of the command line. */
async function withKms(work: (kms: Kms) => Promise<void>): Promise<ExitStatus> {
  const config = readConfig(process.env);
  const authority = join(config.folders.keys, "authority.pem");
  const bearerKey = storedKey(config);
  if (!existsSync(authority) || bearerKey === undefined) {
    throw new CommandError(`There is no Cordon in ${config.dataFolder}, or no key for it`, {
      fix: "start one with ./cordon up, then ./cordon setup or sign-in; or set CORDON_TOKEN",
      status: EXIT.unreachable,
    });
  }
  const kms = httpKms({
    url: `https://${hostPort(config.console)}`,
    credential: { bearerKey },
    ca: readFileSync(authority),
    serverName: "localhost",
  });
  try {
    await work(kms);
    return EXIT.ok;
  } catch (error) {
    throw told(error);
  } finally {
    kms.close();
  }
}

/** What the library or the file system refused, as the command line tells it. */
function told(error: unknown): unknown {
  if (error instanceof KmsError) {
    const unreachable = error.reason === "unreachable";
    const denied = error.reason === "kernel.forbidden";
    const status = unreachable ? EXIT.unreachable : denied ? EXIT.denied : EXIT.problem;
    return new CommandError(`${error.message} (${error.reason})`, { fix: error.fix, status });
  }
  if (error instanceof EncryptionError) {
    const fix = "use the file as it was written, with the same --context and --key";
    return new CommandError(error.message, { fix, status: EXIT.problem });
  }
  const known = error instanceof Error && "code" in error && "path" in error;
  return known ? new CommandError(error.message, { status: EXIT.problem }) : error;
}
