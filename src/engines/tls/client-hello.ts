/**
 * Reads the server name out of a TLS ClientHello (RFC 8446 §4.1.2, RFC 6066 §3) before a TLS stack
 * sees it. It judges nothing: what it cannot read is left to the handshake.
 */

export const clientHelloLimits = {
  /** Bytes looked at before the handshake goes on without a name. */
  bytesMax: 16_384,
  recordsMax: 8,
} as const;

const HANDSHAKE_RECORD = 22;
const CLIENT_HELLO = 1;
const SERVER_NAME = 0;
const HOST_NAME = 0;

/** `more`: the message is not complete yet. Else the name in lower case; empty = none. */
export type ClientHello = { readonly kind: "more" } | { readonly kind: "name"; name: string };

const more: ClientHello = { kind: "more" };
const noName: ClientHello = { kind: "name", name: "" };

/** The server name asked for in the first bytes of a connection. */
export function readClientHello(bytes: Buffer): ClientHello {
  const message = handshakeOf(bytes);
  if (message === null) return noName;
  if (message.length < 4) return more;
  if (message[0] !== CLIENT_HELLO) return noName;
  const end = 4 + message.readUIntBE(1, 3);
  if (end > clientHelloLimits.bytesMax) return noName;
  if (message.length < end) return more;
  return { kind: "name", name: nameIn(message.subarray(4, end)) };
}

/** The handshake bytes of the records so far, null when these are no handshake records. */
function handshakeOf(bytes: Buffer): Buffer | null {
  const parts: Buffer[] = [];
  let at = 0;
  while (at + 5 <= bytes.length && parts.length < clientHelloLimits.recordsMax) {
    if (bytes[at] !== HANDSHAKE_RECORD || bytes[at + 1] !== 3) return null;
    const length = bytes.readUInt16BE(at + 3);
    parts.push(bytes.subarray(at + 5, at + 5 + length));
    at += 5 + length;
  }
  if (at === 0 && bytes.length > 0 && bytes[0] !== HANDSHAKE_RECORD) return null;
  return Buffer.concat(parts);
}

/** Walks over version, random, session id, cipher suites and compression to the extensions. */
function nameIn(body: Buffer): string {
  const reader = { body, at: 34 };
  const skipped = skip(reader, 1) && skip(reader, 2) && skip(reader, 1);
  if (!skipped || reader.at + 2 > body.length) return "";
  reader.at += 2;
  while (reader.at + 4 <= body.length) {
    const type = body.readUInt16BE(reader.at);
    reader.at += 2;
    const start = reader.at + 2;
    if (!skip(reader, 2)) return "";
    if (type === SERVER_NAME) return hostName(body.subarray(start, reader.at));
  }
  return "";
}

/** Skips a vector whose length stands in this many bytes; false when it is cut off. */
function skip(reader: { body: Buffer; at: number }, lengthBytes: number): boolean {
  if (reader.at + lengthBytes > reader.body.length) return false;
  reader.at += lengthBytes + reader.body.readUIntBE(reader.at, lengthBytes);
  return reader.at <= reader.body.length;
}

/** The one host_name of a ServerNameList. */
function hostName(list: Buffer): string {
  if (list.length < 5 || list[2] !== HOST_NAME) return "";
  const length = list.readUInt16BE(3);
  return list
    .subarray(5, 5 + length)
    .toString("latin1")
    .toLowerCase();
}
