/**
 * Request bodies that are held back until the rules have judged them. A short one is a copy of its
 * bytes. A longer one grows in a buffer that the worker keeps for the next: for each few dozen
 * megabytes of new buffers V8 looks through its whole heap, which was most of an upload's CPU.
 */

export type HeldBody = { buffer: Buffer; length: number };

/** The smallest buffer that is kept; others have twice as much, or twice that, and so on. */
const BUFFER_BYTES_MIN = 4_096;
/** How much one worker keeps for bodies to come. */
const KEPT_BYTES_MAX = 8_388_608;

const kept = new Map<number, Buffer[]>();
let keptBytes = 0;

const NO_BYTES = Buffer.alloc(0);

/** A body of which nothing has come. */
export const createHeldBody = (): HeldBody => ({ buffer: NO_BYTES, length: 0 });

/** What has come of it; valid until it is let go. */
export const bytesOf = ({ buffer, length }: HeldBody): Buffer => buffer.subarray(0, length);

/** Adds a copy of a piece. */
export function addPiece(held: HeldBody, piece: Buffer): void {
  const length = held.length + piece.length;
  if (held.length === 0 && length < BUFFER_BYTES_MIN) held.buffer = Buffer.from(piece);
  else {
    if (length > held.buffer.length) grow(held, length);
    piece.copy(held.buffer, held.length);
  }
  held.length = length;
}

function grow(held: HeldBody, bytes: number): void {
  let size = BUFFER_BYTES_MIN;
  while (size < bytes) size *= 2;
  const before = { ...held };
  held.buffer = takeBuffer(size);
  before.buffer.copy(held.buffer, 0, 0, before.length);
  letGo(before);
}

function takeBuffer(size: number): Buffer {
  const buffer = kept.get(size)?.pop();
  if (buffer === undefined) return Buffer.allocUnsafeSlow(size);
  keptBytes -= size;
  return buffer;
}

/** Call when nobody will read the body again: another one may be written over it. */
export function letGo(held: HeldBody): void {
  const { buffer } = held;
  held.buffer = NO_BYTES;
  held.length = 0;
  const size = buffer.length;
  if (size < BUFFER_BYTES_MIN || keptBytes + size > KEPT_BYTES_MAX) return;
  const ofSize = kept.get(size) ?? [];
  kept.set(size, ofSize);
  ofSize.push(buffer);
  keptBytes += size;
}
