/** Builds TLS hellos for tests, well-formed and otherwise. Test code only. */

export type HelloParts = {
  readonly legacyVersion?: number;
  readonly cipherSuites?: readonly number[];
  /** Type and content, in this order. */
  readonly extensions?: readonly (readonly [number, Buffer])[];
};

const u8 = (value: number) => Buffer.from([value]);
export const u16 = (value: number) => Buffer.from([value >> 8, value & 255]);
const u24 = (value: number) => Buffer.concat([u8(value >> 16), u16(value & 0xffff)]);
export const u16s = (values: readonly number[]) => Buffer.concat(values.map(u16));
export const vector8 = (content: Buffer) => Buffer.concat([u8(content.length), content]);
export const vector16 = (content: Buffer) => Buffer.concat([u16(content.length), content]);

/** The extensions that a fingerprint looks into, with their contents. */
export const extension = {
  serverName: (name: string) =>
    [0, vector16(Buffer.concat([u8(0), vector16(Buffer.from(name))]))] as const,
  signatureAlgorithms: (values: readonly number[]) => [13, vector16(u16s(values))] as const,
  protocols: (names: readonly Buffer[]) =>
    [16, vector16(Buffer.concat(names.map(vector8)))] as const,
  versions: (values: readonly number[]) => [43, vector8(u16s(values))] as const,
};

/** A ClientHello message with its header, without records. */
export function helloMessage(parts: HelloParts = {}): Buffer {
  const { legacyVersion = 0x0303, cipherSuites = [0x1301], extensions } = parts;
  const listed = extensions?.map(([type, content]) =>
    Buffer.concat([u16(type), vector16(content)]),
  );
  const body = Buffer.concat([
    u16(legacyVersion),
    Buffer.alloc(32, 7),
    vector8(Buffer.alloc(32, 8)),
    vector16(u16s(cipherSuites)),
    vector8(u8(0)),
    ...(listed === undefined ? [] : [vector16(Buffer.concat(listed))]),
  ]);
  return Buffer.concat([u8(1), u24(body.length), body]);
}

/** The message in handshake records of at most this many bytes each. */
export function inRecords(message: Buffer, bytesEach = 16_384): Buffer {
  const records: Buffer[] = [];
  for (let at = 0; at < message.length; at += bytesEach) {
    const part = message.subarray(at, at + bytesEach);
    records.push(Buffer.from([22, 3, 1]), vector16(part));
  }
  return Buffer.concat(records);
}

/** A whole hello as it goes over the wire. */
export const helloBytes = (parts: HelloParts = {}): Buffer => inRecords(helloMessage(parts));
