/** The library's front: messages, streams, files with random access, and rewrapping. */
import type { EncryptionContext } from "./canonical.ts";
import { MESSAGE_BYTES_MAX, type Place, sealChunk } from "./chunks.ts";
import {
  type CacheLimits,
  cacheLimitsDefault,
  createDataKeyCache,
  type DataKeyCache,
  usedOnce,
} from "./data-key-cache.ts";
import { EncryptionError } from "./errors.ts";
import { chunkBytesOf, encodeHeader, fixedPart, type Header, readHeader } from "./header.ts";
import type { DataKey, Kms } from "./kms.ts";
import { messageKey, newMessageKey } from "./message-key.ts";
import { bytesSource, openForReading, type RandomAccess, type Source } from "./random-access.ts";
import { decryptingStream, type EncryptingStart, encryptingStream } from "./streams.ts";

export type EncryptionOptions = {
  readonly kms: Kms;
  /** The key that new messages are encrypted under. */
  readonly keyId: string;
  /** Other keys whose messages are opened as well, such as the one before a change of keys. */
  readonly alsoOpens?: readonly string[];
  readonly cache?: Partial<CacheLimits>;
  /** Milliseconds; the system's clock when absent. */
  readonly clock?: () => number;
};

export type Encryption = ReturnType<typeof createEncryption>;

export function createEncryption({
  kms,
  keyId,
  alsoOpens = [],
  cache: limits = {},
  clock = Date.now,
}: EncryptionOptions) {
  const cache = createDataKeyCache(kms, { limits: { ...cacheLimitsDefault, ...limits }, clock });
  const opening = { cache, opens: new Set([keyId, ...alsoOpens]) };
  const keyOf = (header: Header, context: EncryptionContext) => openedKey(opening, header, context);
  return {
    /** One message; the data key is shared with others of the same context, within the limits. */
    async encrypt(plaintext: Uint8Array, context: EncryptionContext = {}): Promise<Buffer> {
      const wanted = { keyId, context, bytes: plaintext.length };
      const start = await cache.forEncryption(wanted, (dataKey) =>
        startOf({ dataKey, keyId, context }),
      );
      return sealedWhole(start, plaintext);
    },
    /** @throws EncryptionError when the message is not as it was made, or for another context. */
    async decrypt(message: Uint8Array, context: EncryptionContext = {}): Promise<Buffer> {
      const reading = await openForReading(bytesSource(message), (head) => keyOf(head, context));
      return reading.read(0, reading.plaintextBytes);
    },
    /** A stream of a message of any length, under a data key of its own. */
    async encryptStream(context: EncryptionContext = {}) {
      const dataKey = await kms.generateDataKey(keyId, context);
      return encryptingStream(
        usedOnce(dataKey, (one) => startOf({ dataKey: one, keyId, context })),
      );
    },
    /**
     * The other way. Each chunk that comes out is authentic and at its place; that none is missing
     * at the end is known only when the stream ends without an error.
     */
    decryptStream: (context: EncryptionContext = {}) =>
      decryptingStream((header) => keyOf(header, context)),
    /** Reads ranges of a message without reading the rest. */
    openRandomAccess: (source: Source, context: EncryptionContext = {}): Promise<RandomAccess> =>
      openForReading(source, (header) => keyOf(header, context)),
    /**
     * The header of a message with its data key encrypted again, under the current version of this
     * key. What follows the header stays as it is; the data key is never in clear here.
     *
     * @param beginning the message, or at least its header.
     */
    async rewrapHeader(beginning: Uint8Array, context: EncryptionContext = {}) {
      const read = readHeader(asBuffer(beginning));
      if (read === undefined) throw cut();
      const { header, headerBytes } = read;
      checkKey(opening.opens, header);
      const encryptedDataKey = await kms.reEncrypt({
        keyId: header.keyId,
        encryptedDataKey: header.encryptedDataKey,
        context,
        destinationKeyId: keyId,
      });
      return { header: encodeHeader({ ...header, keyId, encryptedDataKey }), headerBytes };
    },
    /** A whole message with its data key encrypted again. */
    async rewrap(message: Uint8Array, context: EncryptionContext = {}): Promise<Buffer> {
      const { header, headerBytes } = await this.rewrapHeader(message, context);
      return Buffer.concat([header, message.subarray(headerBytes)]);
    },
    /** Overwrites and forgets the data keys in memory. */
    clear: () => cache.clear(),
  };
}

/** Header and key of a new message. */
function startOf(made: {
  readonly dataKey: DataKey;
  readonly keyId: string;
  readonly context: EncryptionContext;
}): EncryptingStart {
  const { dataKey, keyId, context } = made;
  const fixed = fixedPart();
  const { key, salt, commitment } = newMessageKey(dataKey.plaintext, fixed, context);
  const { encryptedDataKey } = dataKey;
  const header = encodeHeader({ fixed, salt, commitment, keyId, encryptedDataKey });
  return { header, key, chunkBytes: chunkBytesOf(fixed) };
}

function sealedWhole({ header, key, chunkBytes }: EncryptingStart, plaintext: Uint8Array): Buffer {
  if (plaintext.length > MESSAGE_BYTES_MAX) throw new EncryptionError("inputInvalid", "Too long");
  const parts = [header];
  const chunks = Math.max(1, Math.ceil(plaintext.length / chunkBytes));
  for (let index = 0; index < chunks; index += 1) {
    const place: Place = { index, isLast: index === chunks - 1 };
    const chunk = plaintext.subarray(index * chunkBytes, (index + 1) * chunkBytes);
    parts.push(sealChunk(key, place, chunk));
  }
  key.fill(0);
  return Buffer.concat(parts);
}

type Opening = { readonly cache: DataKeyCache; readonly opens: ReadonlySet<string> };

function openedKey(
  { cache, opens }: Opening,
  header: Header,
  context: EncryptionContext,
): Promise<Buffer> {
  checkKey(opens, header);
  const { keyId, encryptedDataKey } = header;
  return cache.forDecryption({ keyId, encryptedDataKey, context }, (dataKey) =>
    messageKey(dataKey, header, context),
  );
}

/** Anybody can write a message under a key of his own: only keys that were named are asked. */
function checkKey(opens: ReadonlySet<string>, { keyId }: Header): void {
  if (opens.has(keyId)) return;
  const name = JSON.stringify(keyId);
  throw new EncryptionError("keyRefused", `The message is under ${name}, which was not named`);
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function cut(): EncryptionError {
  return new EncryptionError("messageInvalid", "The message ends inside its header");
}
