/**
 * Frames on keyd's socket: `length | id | header length | header (JSON) | parts`, a part being
 * `length | bytes`; all numbers are 4 bytes, big endian. Nothing here knows what a frame asks.
 */

export type Frame = {
  /** Chosen by the client; the answer carries the same. */
  readonly id: number;
  readonly header: Readonly<Record<string, unknown>>;
  readonly parts: readonly Buffer[];
};

/** A whole frame, parts and all. Holds a batch of `ITEMS_MAX` small items or one large one. */
export const FRAME_BYTES_MAX = 1_048_576;
export const HEADER_BYTES_MAX = 65_536;
export const PARTS_MAX = 1_024;
/** Items of one encryptMany or decryptMany. */
export const ITEMS_MAX = 500;

const WORD = 4;
const PREFIX = 3 * WORD;

/** A frame that breaks a limit or the form; the connection cannot go on after it. */
export class FrameError extends Error {
  override readonly name = "FrameError";
}

/** @throws FrameError when a limit is broken, so that the other side never has to refuse it. */
export function encodeFrame({ id, header, parts }: Frame): Buffer {
  const text = Buffer.from(JSON.stringify(header), "utf8");
  let bytes = PREFIX + text.length;
  for (const part of parts) bytes += WORD + part.length;
  checkLimits({ frame: bytes, header: text.length, parts: parts.length });
  const frame = Buffer.allocUnsafe(bytes);
  frame.writeUInt32BE(bytes - WORD, 0);
  frame.writeUInt32BE(id, WORD);
  frame.writeUInt32BE(text.length, 2 * WORD);
  text.copy(frame, PREFIX);
  let at = PREFIX + text.length;
  for (const part of parts) {
    frame.writeUInt32BE(part.length, at);
    part.copy(frame, at + WORD);
    at += WORD + part.length;
  }
  return frame;
}

function checkLimits(sizes: { frame: number; header: number; parts: number }): void {
  if (sizes.frame > FRAME_BYTES_MAX) {
    throw new FrameError(`A frame of ${sizes.frame} bytes exceeds ${FRAME_BYTES_MAX}`);
  }
  if (sizes.header > HEADER_BYTES_MAX) {
    throw new FrameError(`A header of ${sizes.header} bytes exceeds ${HEADER_BYTES_MAX}`);
  }
  if (sizes.parts > PARTS_MAX) {
    throw new FrameError(`${sizes.parts} parts in a frame exceed ${PARTS_MAX}`);
  }
}

export type FrameReader = {
  /** The frames that are complete with this chunk. @throws FrameError. */
  push(chunk: Buffer): readonly Frame[];
};

/** Collects bytes into frames; keeps at most one unfinished frame. */
export function frameReader(): FrameReader {
  let rest: Buffer = Buffer.alloc(0);
  let waiting: Buffer[] = [];
  let waitingBytes = 0;
  let wantedBytes = WORD;
  return {
    push(chunk) {
      waiting.push(chunk);
      waitingBytes += chunk.length;
      if (rest.length + waitingBytes < wantedBytes) return [];
      rest = rest.length + waiting.length === 1 ? chunk : Buffer.concat([rest, ...waiting]);
      waiting = [];
      waitingBytes = 0;
      const frames: Frame[] = [];
      let at = 0;
      wantedBytes = WORD;
      while (rest.length - at >= WORD) {
        const length = rest.readUInt32BE(at);
        if (length + WORD > FRAME_BYTES_MAX || length < PREFIX - WORD) {
          throw new FrameError(`A frame says it has ${length} bytes`);
        }
        if (rest.length - at < WORD + length) {
          wantedBytes = WORD + length;
          break;
        }
        frames.push(decodeFrame(rest.subarray(at + WORD, at + WORD + length)));
        at += WORD + length;
      }
      rest = rest.subarray(at);
      return frames;
    },
  };
}

function decodeFrame(bytes: Buffer): Frame {
  const id = bytes.readUInt32BE(0);
  const headerBytes = bytes.readUInt32BE(WORD);
  let at = 2 * WORD + headerBytes;
  if (headerBytes > HEADER_BYTES_MAX || at > bytes.length) {
    throw new FrameError(`A header says it has ${headerBytes} bytes`);
  }
  const parts: Buffer[] = [];
  const header = parseHeader(bytes.toString("utf8", 2 * WORD, at));
  while (at < bytes.length) {
    if (parts.length === PARTS_MAX) throw new FrameError(`More than ${PARTS_MAX} parts`);
    if (bytes.length - at < WORD) throw new FrameError("A part is cut off");
    const end = at + WORD + bytes.readUInt32BE(at);
    if (end > bytes.length) throw new FrameError("A part is cut off");
    parts.push(bytes.subarray(at + WORD, end));
    at = end;
  }
  return { id, header, parts };
}

function parseHeader(text: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new FrameError("A header is not JSON");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new FrameError("A header is not an object");
  }
  return value as Readonly<Record<string, unknown>>;
}
