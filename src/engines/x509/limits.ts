/** The bounds of what is read: files, blocks, names and requests, each with its name. */
export const x509Limits = {
  /** A PEM file with a key and its chain; a chain of RSA-4096 certificates takes 12 KiB. */
  pemBytesMax: 131_072,
  pemBlocksMax: 16,
  /** One certificate, key or request in DER. */
  derBytesMax: 32_768,
  derDepthMax: 16,
  namesMax: 100,
  rsaBitsMin: 2_048,
  rsaBitsMax: 16_384,
  /** An OCSP request with one entry and a nonce takes less than 200 bytes. */
  ocspRequestBytesMax: 4_096,
  ocspRequestEntriesMax: 8,
  ocspNonceBytesMax: 128,
} as const;
