/**
 * Collects the bytes of one message head from pieces of any size, each byte looked at once.
 * Knows only lines and limits; what the lines say is parsed afterwards from `text`.
 */
import type { FaultKind } from "./fault.ts";
import { CR, LF } from "./grammar.ts";
import type { Http1Limits } from "./limits.ts";

/** State of one head; reset by `resetHead` for the next message. */
export type HeadReader = {
  readonly limits: Http1Limits;
  /** latin1 text of the head when complete or refused, else null. */
  text: string | null;
  /** A fault that needs no parsing: too long, or garbage before the start line. */
  fault: FaultKind | null;
  /** Bytes taken since the start line began. */
  bytes: number;
  pending: string;
  lineBytes: number;
  previous: number;
  startLineDone: boolean;
  emptyLines: number;
  skipBytes: number;
};

/** A reader for one message head at a time. */
export const createHeadReader = (limits: Http1Limits): HeadReader => ({
  limits,
  text: null,
  fault: null,
  bytes: 0,
  pending: "",
  lineBytes: 0,
  previous: 0,
  startLineDone: false,
  emptyLines: 0,
  skipBytes: 0,
});

/** Makes the reader ready for the next head. */
export const resetHead = (reader: HeadReader): void => {
  reader.text = null;
  reader.fault = null;
  reader.bytes = 0;
  reader.pending = "";
  reader.lineBytes = 0;
  reader.previous = 0;
  reader.startLineDone = false;
  reader.emptyLines = 0;
  reader.skipBytes = 0;
};

/**
 * Reads from `piece` at `from`; returns the index of the first byte not taken. `text` is set when
 * the head is complete (an empty line, ended by CRLF or LF) or a limit is passed.
 *
 * INVARIANT: the outcome depends on the bytes only, never on how they were cut into pieces.
 */
export function readHead(reader: HeadReader, piece: Buffer, from: number): number {
  const isAtStart = reader.bytes === 0;
  const start = isAtStart ? skipEmptyLines(reader, piece, from) : from;
  if (reader.fault !== null || start >= piece.length) return start;
  if (isAtStart) {
    const end = readWhole(reader, piece, start);
    if (end > start) return end;
  }
  const { startLineBytesMax, headBytesMax } = reader.limits;
  const taken = reader.bytes - start;
  let { lineBytes, previous, startLineDone } = reader;
  for (let at = start; at < piece.length; at++) {
    const code = piece[at] ?? 0;
    if (code !== LF) {
      lineBytes++;
      previous = code;
      if (startLineDone ? taken + at + 1 < headBytesMax : lineBytes <= startLineBytesMax) continue;
      // The CR of a start line of exactly the longest length is not a byte too many.
      if (!startLineDone && code === CR && lineBytes === startLineBytesMax + 1) continue;
      reader.fault = startLineDone ? "headTooLarge" : "startLineTooLong";
      return complete(reader, piece, start, at + 1);
    }
    if (lineBytes === 0 || (lineBytes === 1 && previous === CR)) {
      return complete(reader, piece, start, at + 1);
    }
    if (taken + at + 1 >= headBytesMax) {
      reader.fault = "headTooLarge";
      return complete(reader, piece, start, at + 1);
    }
    startLineDone = true;
    lineBytes = 0;
    previous = LF;
  }
  reader.lineBytes = lineBytes;
  reader.previous = previous;
  reader.startLineDone = startLineDone;
  reader.bytes = taken + piece.length;
  reader.pending += piece.toString("latin1", start, piece.length);
  return piece.length;
}

/** Most heads come in one piece and are no longer than this. */
const WHOLE_BYTES_MAX = 4_096;

/** The short way for a head that is whole and within all limits; else changes nothing. */
function readWhole(reader: HeadReader, piece: Buffer, start: number): number {
  const { startLineBytesMax, headBytesMax } = reader.limits;
  const text = piece.toString("latin1", start, start + WHOLE_BYTES_MAX);
  const startLineEnd = text.indexOf("\n");
  if (startLineEnd < 0 || startLineEnd > startLineBytesMax) return start;
  const crLf = text.indexOf("\n\r\n", startLineEnd);
  const lf = text.indexOf("\n\n", startLineEnd);
  if (crLf < 0 && lf < 0) return start;
  const end = lf < 0 || (crLf >= 0 && crLf < lf) ? crLf + 3 : lf + 2;
  if (end >= headBytesMax) return start;
  reader.bytes = end;
  // A text of its own: of a substring each character costs more to read.
  reader.text = end === text.length ? text : piece.toString("latin1", start, start + end);
  return start + end;
}

/** Ends a head that will get no more bytes (closed or timed out): what there is becomes `text`. */
export const truncateHead = (reader: HeadReader): void => {
  reader.text = reader.pending;
  reader.fault = "truncatedHead";
};

/** Whether bytes of a head have arrived, but not all. */
export const headBegun = (reader: HeadReader): boolean => reader.bytes > 0 && reader.text === null;

function complete(reader: HeadReader, piece: Buffer, start: number, end: number): number {
  reader.bytes += end - start;
  const tail = piece.toString("latin1", start, end);
  reader.text = reader.pending === "" ? tail : reader.pending + tail;
  reader.pending = "";
  return end;
}

/** RFC 9112 §2.2: a server ignores a few CRLF before the request line. */
function skipEmptyLines(reader: HeadReader, piece: Buffer, from: number): number {
  let at = from;
  while (at < piece.length) {
    const code = piece[at];
    const wanted = reader.skipBytes === 1 ? LF : CR;
    if (code !== wanted) {
      if (reader.skipBytes === 0 && code !== LF) return at;
      return refuseLeading(reader, code === LF ? "bareLf" : "bareCr", at + 1);
    }
    at++;
    reader.skipBytes = wanted === CR ? 1 : 0;
    if (wanted === LF && ++reader.emptyLines > reader.limits.leadingEmptyLinesMax) {
      return refuseLeading(reader, "leadingGarbage", at);
    }
  }
  return at;
}

const refuseLeading = (reader: HeadReader, fault: FaultKind, at: number): number => {
  reader.fault = fault;
  reader.text = "";
  return at;
};
