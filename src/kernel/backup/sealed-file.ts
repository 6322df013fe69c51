/**
 * A sealed file as streams, both ways with bounded memory. Format: docs/operating.md, "What the
 * file is"; the bytes are `engines/age`.
 */
import { randomBytes } from "node:crypto";
import { createReadStream, type ReadStream } from "node:fs";
import { Readable, Transform } from "node:stream";
import {
  AgeError,
  encodeHeader,
  FILE_KEY_BYTES,
  type Header,
  parseHeader,
  type Stanza,
} from "../../engines/age/header.ts";
import {
  CHUNK_BYTES,
  chunkOpener,
  chunkSealer,
  PAYLOAD_NONCE_BYTES,
  payloadKey,
  SEALED_CHUNK_BYTES,
} from "../../engines/age/payload.ts";
import {
  openWithPassphrase,
  openWithRoot,
  passphraseStanza,
  ROOT_STANZA,
  takesPassphrase,
} from "../../engines/age/stanzas.ts";

/** What a new file can be opened with; at least one. */
export type Locks = {
  readonly passphrase?: Buffer | undefined;
  /** Has keyd wrap the file key under the root, so that recovery shares open the file. */
  readonly wrapByRoot?: ((fileKey: Buffer) => Promise<Buffer>) | undefined;
  readonly rootIsDevice?: boolean | undefined;
  /** Of scrypt; smaller only in tests. */
  readonly workFactor?: number | undefined;
};

/** What an operator has to open a file with. */
export type Keys = {
  /** The file key itself, when it was found before: scrypt is slow on purpose. */
  readonly fileKey?: Buffer | undefined;
  readonly passphrase?: Buffer | undefined;
  /** The root, put together from recovery shares. */
  readonly root?: Buffer | undefined;
  /** Has the keyd of this machine unwrap it; undefined when its root is another. */
  readonly unwrapByRoot?: ((wrapped: Buffer) => Promise<Buffer | undefined>) | undefined;
};

export const PASSPHRASE_BYTES_MIN = 12;
const SALT_BYTES = 16;
const READ_BYTES = 1_048_576;

/** A file that cannot be opened, or a state that cannot be copied; says what to do. */
export class BackupError extends Error {
  override readonly name = "BackupError";
  readonly fix: string | undefined;
  constructor(message: string, fix?: string) {
    super(message);
    this.fix = fix;
  }
}

/**
 * Takes plaintext and gives the sealed file.
 *
 * @throws BackupError when there is nothing to lock it with.
 */
export async function sealing(
  locks: Locks,
  fileKey = randomBytes(FILE_KEY_BYTES),
): Promise<Transform> {
  const header = encodeHeader(await stanzasFor(fileKey, locks), fileKey);
  const nonce = randomBytes(PAYLOAD_NONCE_BYTES);
  const seal = chunkSealer(payloadKey(fileKey, nonce));
  const held = chunks(CHUNK_BYTES);
  const stream = new Transform({
    transform(bytes: Buffer, _encoding, done) {
      for (const chunk of held.add(bytes)) this.push(seal(chunk, false));
      done();
    },
    flush(done) {
      this.push(seal(held.rest(), true));
      done();
    },
  });
  stream.push(Buffer.concat([header, nonce]));
  return stream;
}

async function stanzasFor(fileKey: Buffer, locks: Locks): Promise<Stanza[]> {
  const { passphrase, wrapByRoot, workFactor } = locks;
  const stanzas: Stanza[] = [];
  if (passphrase !== undefined) {
    if (passphrase.length < PASSPHRASE_BYTES_MIN) {
      throw new BackupError(
        `Cannot use the passphrase: it has ${passphrase.length} bytes, ` +
          `wanted at least ${PASSPHRASE_BYTES_MIN}`,
        "take a longer one, such as five words",
      );
    }
    const salt = randomBytes(SALT_BYTES);
    const alone = wrapByRoot === undefined;
    const factor = workFactor === undefined ? {} : { workFactor };
    stanzas.push(await passphraseStanza(fileKey, { passphrase, salt, alone, ...factor }));
  }
  if (wrapByRoot !== undefined) {
    stanzas.push({ type: ROOT_STANZA, args: [], body: await wrapByRoot(fileKey) });
  }
  if (stanzas.length > 0) return stanzas;
  throw new BackupError("Cannot seal the backup: there is nothing to open it with", LOCK_FIX);
}

const LOCK_FIX =
  "give --passphrase-file FILE (or CORDON_BACKUP_PASSPHRASE_FILE), or start Cordon and open its " +
  "root with ./cordon keys unseal, so that recovery shares can open it";

/**
 * Opens a sealed file and gives its plaintext, each chunk only after its tag was checked.
 *
 * @throws BackupError when no key fits; the stream fails when the file was cut or changed.
 */
export async function openSealed(file: string, keys: Keys): Promise<Readable> {
  return withBeginning(file, async ({ header, bytes, source, input }) => {
    const fileKey = await fileKeyOf(header, keys);
    const begin = header.length + PAYLOAD_NONCE_BYTES;
    const key = payloadKey(fileKey, bytes.subarray(header.length, begin));
    const chunks = openChunks(key, bytes.subarray(begin), source);
    const opened = Readable.from(naming(file, chunks), { objectMode: false });
    opened.once("close", () => input.destroy());
    return opened;
  });
}

/** The key of a file. @throws BackupError when no key fits. */
export async function unlock(file: string, keys: Keys): Promise<Buffer> {
  return withBeginning(file, async ({ header, input }) => {
    const fileKey = await fileKeyOf(header, keys);
    input.destroy();
    return fileKey;
  });
}

export type FileLocks = {
  readonly passphrase: boolean;
  /** The file key as the root wrapped it; undefined when only a passphrase opens the file. */
  readonly wrappedByRoot: Buffer | undefined;
};

/** Which ways a file can be opened, told from its header alone. */
export async function locksOf(file: string): Promise<FileLocks> {
  return withBeginning(file, async ({ header, input }) => {
    input.destroy();
    return {
      passphrase: header.stanzas.some(takesPassphrase),
      wrappedByRoot: header.stanzas.find(({ type }) => type === ROOT_STANZA)?.body,
    };
  });
}

type Beginning = {
  readonly header: Header;
  /** The header, the nonce of the payload, and what was read beyond. */
  readonly bytes: Buffer;
  readonly source: AsyncIterator<unknown>;
  readonly input: ReadStream;
};

async function withBeginning<Result>(
  file: string,
  work: (beginning: Beginning) => Promise<Result>,
): Promise<Result> {
  const input = createReadStream(file, { highWaterMark: READ_BYTES });
  const source = input[Symbol.asyncIterator]();
  try {
    let bytes: Buffer = Buffer.alloc(0);
    let header: Header | undefined;
    while (header === undefined || bytes.length < header.length + PAYLOAD_NONCE_BYTES) {
      const next = await source.next();
      if (next.done === true) throw new AgeError("it is cut");
      bytes = Buffer.concat([bytes, next.value as Buffer]);
      header ??= parseHeader(bytes);
    }
    return await work({ header, bytes, source, input });
  } catch (error) {
    input.destroy();
    throw asBackupError(file, error);
  }
}

/** The same bytes; errors name the file. */
async function* naming(file: string, chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  try {
    yield* chunks;
  } catch (error) {
    throw asBackupError(file, error);
  }
}

async function* openChunks(key: Buffer, first: Buffer, source: AsyncIterator<unknown>) {
  const open = chunkOpener(key);
  const held = chunks(SEALED_CHUNK_BYTES);
  for (const chunk of held.add(first)) yield open(chunk, false);
  for (let next = await source.next(); next.done !== true; next = await source.next()) {
    for (const chunk of held.add(next.value as Buffer)) yield open(chunk, false);
  }
  yield open(held.rest(), true);
}

/** Cuts bytes into pieces of one size; a piece is given when it is known not to be the last. */
function chunks(size: number) {
  let held: Buffer = Buffer.alloc(0);
  return {
    *add(bytes: Buffer): Generator<Buffer> {
      held = held.length === 0 ? bytes : Buffer.concat([held, bytes]);
      let at = 0;
      for (; held.length - at > size; at += size) yield held.subarray(at, at + size);
      held = held.subarray(at);
    },
    rest: (): Buffer => held,
  };
}

async function fileKeyOf(header: Header, keys: Keys): Promise<Buffer> {
  if (keys.fileKey !== undefined && header.isAuthentic(keys.fileKey)) return keys.fileKey;
  for (const stanza of header.stanzas) {
    const fileKey = await tryStanza(stanza, keys);
    if (fileKey === undefined) continue;
    if (header.isAuthentic(fileKey)) return fileKey;
    throw new AgeError("its header was changed");
  }
  throw new BackupError(
    "none of what was given opens it",
    "give the passphrase it was made with, or enough recovery shares of its root",
  );
}

async function tryStanza(stanza: Stanza, keys: Keys): Promise<Buffer | undefined> {
  if (takesPassphrase(stanza)) {
    if (keys.passphrase === undefined) return undefined;
    return openWithPassphrase(stanza, keys.passphrase);
  }
  if (stanza.type !== ROOT_STANZA) return undefined;
  if (keys.root !== undefined) return openWithRoot(stanza, keys.root);
  return keys.unwrapByRoot?.(stanza.body);
}

/** Errors of the bytes and of the disk as one sentence that names the file. */
export function asBackupError(file: string, error: unknown): unknown {
  if (error instanceof BackupError) {
    if (error.message.startsWith("Cannot")) return error;
    return new BackupError(`Cannot open ${file}: ${error.message}`, error.fix);
  }
  if (error instanceof AgeError) {
    return new BackupError(
      `Cannot open ${file}: ${error.message}`,
      "take another copy of the file; this one is not what was written",
    );
  }
  if (error instanceof Error && "syscall" in error) {
    return new BackupError(`Cannot read ${file}: ${error.message}`);
  }
  return error;
}
