/** A message as streams, both ways with bounded memory. */
import { Transform } from "node:stream";
import { MESSAGE_BYTES_MAX, openChunk, sealChunk, TAG_BYTES } from "./chunks.ts";
import { EncryptionError } from "./errors.ts";
import { HEADER_BYTES_MAX, type Header, readHeader } from "./header.ts";

export type EncryptingStart = {
  readonly header: Buffer;
  /** Of this one message; overwritten when it ends. */
  readonly key: Buffer;
  readonly chunkBytes: number;
};

/** Takes plaintext and gives the message. */
export function encryptingStream({ header, key, chunkBytes }: EncryptingStart): Transform {
  const held = chunkQueue(chunkBytes);
  let index = 0;
  const stream = new Transform({
    transform(bytes: Buffer, _encoding, done) {
      if ((index + 1) * chunkBytes > MESSAGE_BYTES_MAX) return done(tooLong());
      for (const chunk of held.add(bytes)) {
        this.push(sealChunk(key, { index, isLast: false }, chunk));
        index += 1;
      }
      done();
    },
    flush(done) {
      this.push(sealChunk(key, { index, isLast: true }, held.rest()));
      done();
    },
    destroy(error, done) {
      key.fill(0);
      done(error);
    },
  });
  stream.push(header);
  return stream;
}

/** Takes a message and gives its plaintext; the key is asked for when the header has come. */
export function decryptingStream(keyOf: (header: Header) => Promise<Buffer>): Transform {
  let beginning: Buffer = Buffer.alloc(0);
  let body: ReturnType<typeof bodyOpener> | undefined;
  return new Transform({
    transform(bytes: Buffer, _encoding, done) {
      if (body !== undefined) return settle(done, () => this.push(body?.add(bytes)));
      beginning = Buffer.concat([beginning, bytes]);
      const read = attempt(done, () => readHeader(beginning));
      if (read === FAILED) return;
      if (read === undefined) {
        // A header of known form is complete before that; this bounds what is kept all the same.
        return done(beginning.length > HEADER_BYTES_MAX ? endsEarly() : null);
      }
      const rest = beginning.subarray(read.headerBytes);
      beginning = Buffer.alloc(0);
      keyOf(read.header).then(
        (key) => {
          body = bodyOpener(key, read.header.chunkBytes);
          settle(done, () => this.push(body?.add(rest)));
        },
        (error: Error) => done(error),
      );
    },
    flush(done) {
      if (body === undefined) done(endsEarly());
      else settle(done, () => this.push(body?.end()));
    },
    destroy(error, done) {
      body?.forget();
      done(error);
    },
  });
}

const FAILED = Symbol("failed");
type Done = (error?: Error | null) => void;

function attempt<Result>(done: Done, work: () => Result): Result | typeof FAILED {
  try {
    return work();
  } catch (error) {
    done(error instanceof Error ? error : new Error(String(error)));
    return FAILED;
  }
}

function settle(done: Done, work: () => unknown): void {
  if (attempt(done, work) !== FAILED) done();
}

function bodyOpener(key: Buffer, chunkBytes: number) {
  const held = chunkQueue(chunkBytes + TAG_BYTES);
  let index = 0;
  return {
    add(bytes: Buffer): Buffer {
      const opened = held.add(bytes).map((sealed) => {
        const chunk = openChunk(key, { index, isLast: false }, sealed);
        index += 1;
        return chunk;
      });
      return Buffer.concat(opened);
    },
    end: (): Buffer => openChunk(key, { index, isLast: true }, held.rest()),
    forget: () => key.fill(0),
  };
}

/** Cuts what comes into pieces of one size; the last is kept back, since it may be the end. */
function chunkQueue(size: number) {
  let waiting: Buffer[] = [];
  let waitingBytes = 0;
  return {
    add(bytes: Buffer): Buffer[] {
      waiting.push(bytes);
      waitingBytes += bytes.length;
      if (waitingBytes <= size) return [];
      let all = Buffer.concat(waiting);
      const whole: Buffer[] = [];
      while (all.length > size) {
        whole.push(all.subarray(0, size));
        all = all.subarray(size);
      }
      waiting = [Buffer.from(all)];
      waitingBytes = all.length;
      return whole;
    },
    rest: (): Buffer => Buffer.concat(waiting),
  };
}

function endsEarly(): EncryptionError {
  return new EncryptionError("messageInvalid", "The message ends inside its header");
}

function tooLong(): EncryptionError {
  const message = `A message has at most ${MESSAGE_BYTES_MAX} bytes`;
  return new EncryptionError("inputInvalid", message);
}
