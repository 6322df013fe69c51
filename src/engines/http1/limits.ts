/** The bounds of the HTTP/1 parser: what it keeps of one message before it refuses the message. */
export const limits = {
  /** Request line or status line without its CRLF (RFC 9112 §3 asks for at least 8000). */
  startLineBytesMax: 16_384,
  /** Start line and header section together, with the empty line. */
  headBytesMax: 32_768,
  /** Header fields in one head. */
  fieldCountMax: 128,
  /** Empty lines tolerated before a request line (RFC 9112 §2.2). */
  leadingEmptyLinesMax: 2,
  /** Digits of a Content-Length: 10^15 stays exact in a double. */
  contentLengthDigitsMax: 15,
  /** Hexadecimal digits of a chunk size, leading zeros included: 4 GiB - 1. */
  chunkSizeDigitsMax: 8,
  /** One chunk-size line with its extensions. */
  chunkLineBytesMax: 256,
  /** Chunk extensions of one message together (RFC 9112 §7.1.1). */
  chunkExtensionBytesMax: 4_096,
  /** Trailer section of one message. */
  trailerBytesMax: 4_096,
  /** Trailer fields of one message. */
  trailerCountMax: 32,
} as const;

/** The same bounds with values of the caller's choice. */
export type Http1Limits = { readonly [Name in keyof typeof limits]: number };
