/**
 * A dynamic update of one TXT record (RFC 2136), signed by a shared key (TSIG, RFC 8945): the
 * message as bytes and what the answer's code means. It sends nothing.
 */
import { createHmac } from "node:crypto";

export type TsigKey = {
  readonly name: string;
  readonly secret: Buffer;
};

export type TxtUpdate = {
  readonly zone: string;
  readonly name: string;
  readonly value: string;
  readonly ttlSeconds: number;
  readonly action: "present" | "remove";
};

const TYPE = { soa: 6, txt: 16, tsig: 250 } as const;
const CLASS = { in: 1, none: 254, any: 255 } as const;
const OPCODE_UPDATE = 5 << 11;
const ALGORITHM = "hmac-sha256";
const FUDGE_SECONDS = 300;
const MAC_BYTES = 32;

const u16 = (value: number) => Buffer.from([value >> 8, value & 0xff]);
const u32 = (value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};
const u48 = (value: number) => {
  const bytes = Buffer.alloc(6);
  bytes.writeUIntBE(value, 0, 6);
  return bytes;
};

/** A name as labels, lower case, without compression (RFC 8945 §4.3.3 wants it so). */
function wireName(name: string): Buffer {
  const labels = name
    .toLowerCase()
    .replace(/\.$/, "")
    .split(".")
    .filter((label) => label !== "");
  for (const label of labels) {
    if (Buffer.byteLength(label) > 63) throw new Error(`The label "${label}" is over 63 bytes`);
  }
  const pieces = labels.map((label) =>
    Buffer.concat([Buffer.from([label.length]), Buffer.from(label)]),
  );
  return Buffer.concat([...pieces, Buffer.from([0])]);
}

/** One resource record of the update section. */
function recordOf({ name, value, ttlSeconds, action }: TxtUpdate): Buffer {
  const text = Buffer.from(value, "latin1");
  if (text.length > 255) throw new Error("The value is over 255 bytes");
  const data = Buffer.concat([Buffer.from([text.length]), text]);
  // RFC 2136 §2.5.1 adds; §2.5.4 takes away exactly this record: class NONE, no lifetime.
  const isAdded = action === "present";
  return Buffer.concat([
    ...[wireName(name), u16(TYPE.txt), u16(isAdded ? CLASS.in : CLASS.none)],
    ...[u32(isAdded ? ttlSeconds : 0), u16(data.length), data],
  ]);
}

/** The signed message. `id` is 16 random bits, `nowSeconds` since the epoch. */
export function writeUpdate(
  update: TxtUpdate,
  key: TsigKey,
  { id, nowSeconds }: { readonly id: number; readonly nowSeconds: number },
): Buffer {
  const zone = Buffer.concat([wireName(update.zone), u16(TYPE.soa), u16(CLASS.in)]);
  const body = Buffer.concat([zone, recordOf(update)]);
  const header = (additional: number) =>
    Buffer.concat([u16(id), u16(OPCODE_UPDATE), u16(1), u16(0), u16(1), u16(additional)]);
  const keyName = wireName(key.name);
  const algorithm = wireName(ALGORITHM);
  const signedAt = u48(nowSeconds);
  // RFC 8945 §4.3.3: the message without TSIG, then the variables of TSIG.
  const mac = createHmac("sha256", key.secret)
    .update(Buffer.concat([header(0), body, keyName, u16(CLASS.any), u32(0), algorithm]))
    .update(Buffer.concat([signedAt, u16(FUDGE_SECONDS), u16(0), u16(0)]))
    .digest();
  const data = Buffer.concat([
    ...[algorithm, signedAt, u16(FUDGE_SECONDS), u16(MAC_BYTES), mac],
    ...[u16(id), u16(0), u16(0)],
  ]);
  const tsig = Buffer.concat([
    ...[keyName, u16(TYPE.tsig), u16(CLASS.any), u32(0), u16(data.length), data],
  ]);
  return Buffer.concat([header(1), body, tsig]);
}

const CODES: Readonly<Record<number, string>> = {
  1: "FORMERR",
  2: "SERVFAIL",
  3: "NXDOMAIN",
  4: "NOTIMP",
  5: "REFUSED",
  9: "NOTAUTH: the key is not accepted",
  10: "NOTZONE: the name is not in the zone",
};

/** Why the server refused; empty when it did as it was told. */
export function updateFault(answer: Buffer, id: number): string {
  if (answer.length < 12 || answer.readUInt16BE(0) !== id)
    return "the answer is to another question";
  const code = (answer[3] ?? 0) & 0x0f;
  return code === 0 ? "" : (CODES[code] ?? `code ${code}`);
}
