/** Decodes message bodies (RFC 9112 §6–§7) from pieces of any size without copying the data. */
import type { FaultKind } from "./fault.ts";
import { emptyFields, type Fields, parseFields } from "./fields.ts";
import type { Framing } from "./framing.ts";
import { CR, HT, hexValue, LF, tokenChars, valueChars } from "./grammar.ts";
import type { Http1Limits } from "./limits.ts";

type ChunkState = "size" | "sizeLf" | "data" | "dataCr" | "dataLf" | "trailer";

/** State of one body. `done` and `fault` are final; `trailers` are those of a chunked body. */
export type BodyDecoder = {
  readonly limits: Http1Limits;
  readonly kind: Framing["kind"];
  /** Bytes left of the body (length) or of the current chunk (chunked). */
  remaining: number;
  done: boolean;
  fault: FaultKind | null;
  /** Decoded bytes delivered so far. */
  bytes: number;
  readonly trailers: Fields;
  state: ChunkState;
  line: string;
  extensionBytes: number;
  trailerText: string;
};

/** A decoder for the body that `framing` declares; a body of no bytes is done from the start. */
export const createBodyDecoder = (framing: Framing, limits: Http1Limits): BodyDecoder => ({
  limits,
  kind: framing.kind,
  remaining: framing.kind === "length" ? framing.bytes : 0,
  done: framing.kind === "none" || (framing.kind === "length" && framing.bytes === 0),
  fault: null,
  bytes: 0,
  trailers: emptyFields(),
  state: "size",
  line: "",
  extensionBytes: 0,
  trailerText: "",
});

/**
 * Decodes from `piece` at `from` and hands slices of it to `sink` (they share its memory).
 * Returns the index of the first byte that is not of this body (pipelining).
 */
export function decodeBody(
  decoder: BodyDecoder,
  piece: Buffer,
  from: number,
  sink: (data: Buffer) => void,
): number {
  if (decoder.done || decoder.fault !== null) return from;
  if (decoder.kind === "chunked") return decodeChunked(decoder, piece, from, sink);
  const available = piece.length - from;
  const take = decoder.kind === "close" ? available : Math.min(available, decoder.remaining);
  if (take > 0) deliver(decoder, piece, from, take, sink);
  if (decoder.kind === "length") {
    decoder.remaining -= take;
    decoder.done = decoder.remaining === 0;
  }
  return from + take;
}

/** Tells the decoder that the connection ended: the end of a `close` body, a fault of any other. */
export const endBody = (decoder: BodyDecoder): void => {
  if (decoder.done || decoder.fault !== null) return;
  if (decoder.kind === "close") decoder.done = true;
  else decoder.fault = "truncatedBody";
};

function deliver(
  decoder: BodyDecoder,
  piece: Buffer,
  from: number,
  take: number,
  sink: (data: Buffer) => void,
): void {
  decoder.bytes += take;
  sink(from === 0 && take === piece.length ? piece : piece.subarray(from, from + take));
}

function decodeChunked(
  decoder: BodyDecoder,
  piece: Buffer,
  from: number,
  sink: (data: Buffer) => void,
): number {
  let at = from;
  while (at < piece.length && !decoder.done && decoder.fault === null) {
    if (decoder.state === "data") {
      const take = Math.min(piece.length - at, decoder.remaining);
      deliver(decoder, piece, at, take, sink);
      decoder.remaining -= take;
      at += take;
      if (decoder.remaining === 0) decoder.state = "dataCr";
      continue;
    }
    stepChunked(decoder, piece[at] ?? 0);
    at++;
  }
  return at;
}

/** One byte outside chunk data. */
function stepChunked(decoder: BodyDecoder, code: number): void {
  if (decoder.state === "size") {
    if (code === CR) decoder.state = "sizeLf";
    else if (code === LF) decoder.fault = "bareLf";
    else if (decoder.line.length >= decoder.limits.chunkLineBytesMax) {
      decoder.fault = "chunkLineTooLong";
    } else decoder.line += String.fromCharCode(code);
  } else if (decoder.state === "sizeLf") {
    if (code === LF) endChunkLine(decoder);
    else decoder.fault = "bareCr";
  } else if (decoder.state === "dataCr") {
    if (code === CR) decoder.state = "dataLf";
    else decoder.fault = "invalidChunkEnd";
  } else if (decoder.state === "dataLf") {
    if (code === LF) decoder.state = "size";
    else decoder.fault = "invalidChunkEnd";
  } else stepTrailer(decoder, code);
}

function endChunkLine(decoder: BodyDecoder): void {
  const { line, limits } = decoder;
  decoder.line = "";
  let digits = 0;
  let size = 0;
  while (digits < line.length) {
    const value = hexValue(line.charCodeAt(digits));
    if (value < 0) break;
    size = size * 16 + value;
    digits++;
  }
  if (digits === 0 || digits > limits.chunkSizeDigitsMax) decoder.fault = "invalidChunkSize";
  else if (digits < line.length) {
    decoder.extensionBytes += line.length - digits;
    if (line.charCodeAt(digits) !== 59) decoder.fault = "invalidChunkSize";
    else if (!isChunkExtension(line, digits)) decoder.fault = "invalidChunkExtension";
    else if (decoder.extensionBytes > limits.chunkExtensionBytesMax) {
      decoder.fault = "chunkExtensionsTooLarge";
    }
  }
  decoder.remaining = size;
  decoder.state = size === 0 ? "trailer" : "data";
}

/** *( ";" name [ "=" ( token / quoted-string ) ] ), RFC 9112 §7.1.1; its BWS is refused. */
function isChunkExtension(line: string, start: number): boolean {
  let at = start;
  while (at < line.length) {
    if (line.charCodeAt(at) !== 59) return false;
    const nameStart = ++at;
    while (at < line.length && tokenChars[line.charCodeAt(at)] === 1) at++;
    if (at === nameStart) return false;
    if (line.charCodeAt(at) !== 61) continue;
    const valueStart = ++at;
    if (line.charCodeAt(at) === 34) {
      at = endOfQuoted(line, at + 1);
      if (at < 0) return false;
      continue;
    }
    while (at < line.length && tokenChars[line.charCodeAt(at)] === 1) at++;
    if (at === valueStart) return false;
  }
  return true;
}

/** Index after the closing quote of a quoted-string (RFC 9110 §5.6.4), or -1. */
function endOfQuoted(line: string, start: number): number {
  for (let at = start; at < line.length; at++) {
    const code = line.charCodeAt(at);
    if (code === 34) return at + 1;
    if (code !== HT && (valueChars[code] !== 1 || code > 126)) return -1;
    if (code === 92) {
      at++;
      if (valueChars[line.charCodeAt(at)] !== 1) return -1;
    }
  }
  return -1;
}

/**
 * Names that frame or route a message. Dropping them in silence would hide an attempt to smuggle,
 * and a next hop that merges trailers into the header would read another message (RFC 9110 §6.5.1).
 */
const isFramingName = (lowerName: string): boolean =>
  lowerName === "content-length" || lowerName === "transfer-encoding" || lowerName === "host";

/** Collects the trailer section up to its empty line, then parses it like header fields. */
function stepTrailer(decoder: BodyDecoder, code: number): void {
  decoder.trailerText += String.fromCharCode(code);
  const text = decoder.trailerText;
  if (text.length > decoder.limits.trailerBytesMax) {
    decoder.fault = "trailersTooLarge";
    return;
  }
  if (code !== LF) {
    if (text.charCodeAt(text.length - 2) === CR) decoder.fault = "bareCr";
    return;
  }
  if (text.charCodeAt(text.length - 2) !== CR) {
    decoder.fault = "bareLf";
    return;
  }
  if (text.length > 2 && !text.endsWith("\n\r\n")) return;
  decoder.trailerText = "";
  const end = parseFields(text, 0, decoder.trailers, decoder.limits.trailerCountMax);
  decoder.fault = end.fault === "tooManyFields" ? "trailersTooLarge" : end.fault;
  if (decoder.fault === null && decoder.trailers.lower.some(isFramingName)) {
    decoder.fault = "forbiddenTrailer";
  }
  decoder.done = decoder.fault === null;
}
