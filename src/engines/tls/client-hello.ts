/**
 * Reads a TLS ClientHello (RFC 8446 §4.1.2, §5.1) out of the first bytes of a connection, before a
 * TLS stack sees them. It judges nothing: what it cannot read is left to the handshake.
 */

export const clientHelloLimits = {
  /** Bytes of the message; of a longer one nothing is read. Browsers send less than 3,000. */
  bytesMax: 16_384,
  /** Records that the message may be spread over. */
  recordsMax: 64,
} as const;

/** What a client offers, in its order. Numbers are those of the IANA registries for TLS. */
export type ClientHello = {
  /** The field of the message; from TLS 1.3 on it says 1.2 (0x0303) whatever is offered. */
  readonly legacyVersion: number;
  /** Null: the extension is absent. */
  readonly supportedVersions: readonly number[] | null;
  readonly cipherSuites: readonly number[];
  /** Types of the extensions. */
  readonly extensions: readonly number[];
  /** The one host_name asked for (RFC 6066 §3), in lower case; empty = none. */
  readonly serverName: string;
  /** The first protocol of ALPN (RFC 7301), one character a byte; empty = none. */
  readonly firstProtocol: string;
  readonly signatureAlgorithms: readonly number[];
};

/** `more`: worth another look once there are `bytesMin`. `none`: no hello that can be read. */
export type HelloReading =
  | { readonly kind: "more"; readonly bytesMin: number }
  | { readonly kind: "none" }
  | { readonly kind: "hello"; readonly hello: ClientHello };

const none: HelloReading = { kind: "none" };

/** Extension types that are read (IANA, TLS ExtensionType Values). */
export const extensionTypes = {
  serverName: 0,
  signatureAlgorithms: 13,
  applicationProtocols: 16,
  supportedVersions: 43,
} as const;

const HANDSHAKE_RECORD = 22;
const CLIENT_HELLO = 1;
const HOST_NAME = 0;
const RECORD_HEADER_BYTES = 5;
const MESSAGE_HEADER_BYTES = 4;
const RECORD_BYTES_MAX = 16_384;
const RANDOM_BYTES = 32;

/**
 * Reads the first bytes of a connection, from the first record on. Looks are few however small the
 * pieces are that bytes come in: one at the first byte, then at most three for each record.
 */
export function readClientHello(bytes: Buffer): HelloReading {
  const parts: Buffer[] = [];
  let have = 0;
  let need: number = MESSAGE_HEADER_BYTES;
  let at = 0;
  for (let record = 0; record < clientHelloLimits.recordsMax; record++) {
    if (at < bytes.length && bytes[at] !== HANDSHAKE_RECORD) return none;
    const start = at + RECORD_HEADER_BYTES;
    if (bytes.length < start) return { kind: "more", bytesMin: start };
    const length = bytes.readUInt16BE(at + 3);
    if (bytes[at + 1] !== 3 || length === 0 || length > RECORD_BYTES_MAX) return none;
    at = start + length;
    const part = bytes.subarray(start, at);
    const isHeaderNew = have < MESSAGE_HEADER_BYTES && have + part.length >= MESSAGE_HEADER_BYTES;
    parts.push(part);
    have += part.length;
    if (isHeaderNew) {
      const message = joined(parts);
      need = MESSAGE_HEADER_BYTES + message.readUIntBE(1, 3);
      if (message[0] !== CLIENT_HELLO || need > clientHelloLimits.bytesMax) return none;
    }
    if (have >= need) {
      const hello = helloIn(joined(parts).subarray(MESSAGE_HEADER_BYTES, need));
      return hello === null ? none : { kind: "hello", hello };
    }
    if (bytes.length < at) {
      return { kind: "more", bytesMin: Math.min(at, bytes.length + need - have) };
    }
  }
  return none;
}

function joined(parts: readonly Buffer[]): Buffer {
  const [first] = parts;
  return first !== undefined && parts.length === 1 ? first : Buffer.concat(parts);
}

/** A place in bytes; nothing is read beyond `end`. */
type Cursor = { readonly bytes: Buffer; at: number; readonly end: number };

/** The whole message, or null when a length in it leads beyond what there is. */
function helloIn(body: Buffer): ClientHello | null {
  const cursor: Cursor = { bytes: body, at: 2 + RANDOM_BYTES, end: body.length };
  if (cursor.at > body.length) return null;
  const sessionId = vector(cursor, 1);
  const suites = vector(cursor, 2);
  const compression = vector(cursor, 1);
  if (sessionId === null || suites === null || compression === null) return null;
  const found: Found = {
    legacyVersion: body.readUInt16BE(0),
    cipherSuites: numbersIn(suites),
    extensions: [],
    supportedVersions: null,
    serverName: "",
    firstProtocol: "",
    signatureAlgorithms: [],
  };
  // TLS 1.2 and before: the extensions may be left out, length and all (RFC 5246 §7.4.1.2).
  if (cursor.at === cursor.end) return found;
  const extensions = vector(cursor, 2);
  if (extensions === null || cursor.at < cursor.end) return null;
  while (extensions.at < extensions.end) {
    if (extensions.at + 2 > extensions.end) return null;
    const type = body.readUInt16BE(extensions.at);
    extensions.at += 2;
    const data = vector(extensions, 2);
    if (data === null) return null;
    found.extensions.push(type);
    readExtension(found, type, data);
  }
  return found;
}

type Found = { -readonly [Name in keyof ClientHello]: ClientHello[Name] } & {
  readonly extensions: number[];
};

/** A list that breaks its form has the elements that could be read. */
function readExtension(found: Found, type: number, data: Cursor): void {
  if (type === extensionTypes.serverName) found.serverName = hostName(data);
  else if (type === extensionTypes.applicationProtocols) found.firstProtocol = firstProtocol(data);
  else if (type === extensionTypes.signatureAlgorithms) {
    found.signatureAlgorithms = numbersIn(vector(data, 2));
  } else if (type === extensionTypes.supportedVersions) {
    found.supportedVersions = numbersIn(vector(data, 1));
  }
}

/** A vector whose length stands before it in this many bytes; null when it is cut off. */
function vector(cursor: Cursor, lengthBytes: number): Cursor | null {
  const { bytes, at, end } = cursor;
  const start = at + lengthBytes;
  if (start > end) return null;
  const stop = start + bytes.readUIntBE(at, lengthBytes);
  if (stop > end) return null;
  cursor.at = stop;
  return { bytes, at: start, end: stop };
}

function numbersIn(list: Cursor | null): number[] {
  const numbers: number[] = [];
  if (list === null) return numbers;
  for (let at = list.at; at + 2 <= list.end; at += 2) numbers.push(list.bytes.readUInt16BE(at));
  return numbers;
}

/** The one host_name of a ServerNameList. */
function hostName(data: Cursor): string {
  const list = vector(data, 2);
  if (list === null || list.at >= list.end || list.bytes[list.at] !== HOST_NAME) return "";
  list.at++;
  return latin1(vector(list, 2)).toLowerCase();
}

function firstProtocol(data: Cursor): string {
  const list = vector(data, 2);
  return latin1(list === null ? null : vector(list, 1));
}

const latin1 = (text: Cursor | null): string =>
  text === null ? "" : text.bytes.toString("latin1", text.at, text.end);
