/**
 * Follows the frames of a WebSocket that clients send (RFC 6455 §5.2) without changing a byte:
 * enforces the form and the limits, and gathers text messages for whoever wants to judge them.
 */
import { isUtf8 } from "node:buffer";

export type WebSocketLimits = {
  /** Payload of one frame, of one message; 0 = no limit. */
  readonly frameBytesMax: number;
  readonly messageBytesMax: number;
  readonly messagesPerSecondMax: number;
  /** Text of one message that is gathered; 0 = none is. */
  readonly textBytesMax: number;
};

/** Why a connection is ended; the status codes are those of RFC 6455 §7.4.1. */
export const webSocketFaults = {
  reservedBits: 1002,
  unknownOpcode: 1002,
  notMasked: 1002,
  controlTooLong: 1002,
  controlFragmented: 1002,
  strayContinuation: 1002,
  unfinishedMessage: 1002,
  frameTooLarge: 1009,
  messageTooLarge: 1009,
  tooManyMessages: 1008,
  invalidText: 1007,
} as const;
export type WebSocketFault = keyof typeof webSocketFaults;

export type FrameReader = {
  readonly limits: WebSocketLimits;
  fault: WebSocketFault | null;
  head: number[];
  /** Bytes left of the frame's payload, and how many of it were read. */
  remaining: number;
  read: number;
  mask: readonly number[];
  isControl: boolean;
  isFinal: boolean;
  /** Of the message under way; 0 = none. */
  opcode: number;
  messageBytes: number;
  /** Whether extensions may use reserved bits: payloads are opaque then. */
  readonly isExtended: boolean;
  text: number[];
  messages: number;
  windowMs: number;
};

export const createFrameReader = (limits: WebSocketLimits, isExtended: boolean): FrameReader => ({
  ...{ limits, isExtended, fault: null, head: [], remaining: -1, read: 0, mask: [] },
  ...{ isControl: false, isFinal: true, opcode: 0, messageBytes: 0, text: [] },
  ...{ messages: 0, windowMs: 0 },
});

const TEXT = 1;
const CLOSE = 8;

/**
 * Reads a piece. Stops at the first fault; `onText` gets each whole text message as latin1 bytes
 * of its UTF-8, cut to `textBytesMax`.
 */
export function readFrames(
  reader: FrameReader,
  piece: Buffer,
  { nowMs, onText }: { nowMs: number; onText: (text: string) => void },
): void {
  let at = 0;
  while (at < piece.length && reader.fault === null) {
    if (reader.remaining < 0) {
      reader.head.push(piece[at++] ?? 0);
      if (reader.head.length === headLength(reader.head)) beginFrame(reader, nowMs);
    } else {
      const take = Math.min(reader.remaining, piece.length - at);
      keepText(reader, piece.subarray(at, at + take));
      at += take;
      reader.remaining -= take;
      reader.read += take;
    }
    if (reader.remaining === 0) endFrame(reader, onText);
  }
}

/** Bytes of a head as far as they tell it: 2, extended length, masking key. */
function headLength(head: readonly number[]): number {
  if (head.length < 2) return 2;
  const second = head[1] ?? 0;
  const length = second & 127;
  const extended = length === 126 ? 2 : length === 127 ? 8 : 0;
  return 2 + extended + (second & 128 ? 4 : 0);
}

function beginFrame(reader: FrameReader, nowMs: number): void {
  const { head, limits } = reader;
  const first = head[0] ?? 0;
  const second = head[1] ?? 0;
  const opcode = first & 15;
  let length = second & 127;
  const extended = length === 126 ? 2 : length === 127 ? 8 : 0;
  if (extended > 0) {
    length = head.slice(2, 2 + extended).reduce((sum, byte) => sum * 256 + byte, 0);
  }
  reader.mask = head.slice(2 + extended);
  reader.head = [];
  reader.remaining = length;
  reader.read = 0;
  reader.isFinal = (first & 128) !== 0;
  reader.isControl = opcode >= CLOSE;
  reader.fault = formFault(reader, { first, second, opcode, length });
  if (reader.fault !== null) return;
  if (limits.frameBytesMax > 0 && length > limits.frameBytesMax) reader.fault = "frameTooLarge";
  else if (!reader.isControl) beginData(reader, { opcode, length, nowMs });
}

function formFault(
  reader: FrameReader,
  frame: { first: number; second: number; opcode: number; length: number },
): WebSocketFault | null {
  const { first, second, opcode, length } = frame;
  const reserved = first & 0x70;
  if (reserved !== 0 && !(reader.isExtended && reserved === 0x40)) return "reservedBits";
  if ((opcode > 2 && opcode < CLOSE) || opcode > 10) return "unknownOpcode";
  if ((second & 128) === 0) return "notMasked";
  if (length > Number.MAX_SAFE_INTEGER) return "frameTooLarge";
  if (!reader.isControl) return null;
  if (length > 125) return "controlTooLong";
  return reader.isFinal ? null : "controlFragmented";
}

function beginData(
  reader: FrameReader,
  { opcode, length, nowMs }: { opcode: number; length: number; nowMs: number },
): void {
  const { limits } = reader;
  if (opcode === 0 && reader.opcode === 0) reader.fault = "strayContinuation";
  else if (opcode !== 0 && reader.opcode !== 0) reader.fault = "unfinishedMessage";
  if (reader.fault !== null) return;
  if (opcode !== 0) {
    reader.opcode = opcode;
    reader.messageBytes = 0;
    reader.text = [];
    if (nowMs - reader.windowMs >= 1_000) {
      reader.windowMs = nowMs;
      reader.messages = 0;
    }
    reader.messages++;
    const { messagesPerSecondMax } = limits;
    if (messagesPerSecondMax > 0 && reader.messages > messagesPerSecondMax) {
      reader.fault = "tooManyMessages";
    }
  }
  reader.messageBytes += length;
  const { messageBytesMax } = limits;
  if (messageBytesMax > 0 && reader.messageBytes > messageBytesMax)
    reader.fault = "messageTooLarge";
}

function keepText(reader: FrameReader, payload: Buffer): void {
  const { textBytesMax } = reader.limits;
  if (reader.isControl || reader.opcode !== TEXT || reader.text.length >= textBytesMax) return;
  const most = Math.min(payload.length, textBytesMax - reader.text.length);
  for (let at = 0; at < most; at++) {
    reader.text.push((payload[at] ?? 0) ^ (reader.mask[(reader.read + at) % 4] ?? 0));
  }
}

function endFrame(reader: FrameReader, onText: (text: string) => void): void {
  reader.remaining = -1;
  if (reader.isControl || !reader.isFinal) return;
  const { opcode, text } = reader;
  reader.opcode = 0;
  reader.text = [];
  const { textBytesMax } = reader.limits;
  if (opcode !== TEXT || textBytesMax === 0) return;
  const bytes = Buffer.from(text);
  // RFC 6455 §8.1. A text that was cut may end within a character.
  if (bytes.length < textBytesMax && !isUtf8(bytes)) reader.fault = "invalidText";
  else onText(bytes.toString("latin1"));
}

/** A close frame of a server with this status (RFC 6455 §5.5.1). */
export const closeFrame = (status: number): Buffer =>
  Buffer.from([0x80 | CLOSE, 2, status >> 8, status & 255]);
