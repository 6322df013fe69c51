/**
 * Reads the outer shape of DER (X.690 §10): tag, length and content. It refuses what BER allows
 * and DER does not, so that no two readers can see two things in the same bytes.
 */
import { X509Fault } from "./fault.ts";
import { x509Limits } from "./limits.ts";

export type DerValue = {
  readonly tag: number;
  readonly content: Buffer;
  /** Offset behind the value in the buffer it was read from. */
  readonly end: number;
};

export const derTag = {
  integer: 0x02,
  octetString: 0x04,
  objectIdentifier: 0x06,
  sequence: 0x30,
  context0: 0xa0,
} as const;

/**
 * The value at `at`.
 *
 * @throws X509Fault derInvalid.
 */
export function readDer(bytes: Buffer, at = 0): DerValue {
  const tag = bytes[at];
  const first = bytes[at + 1];
  if (tag === undefined || first === undefined) throw cutOff();
  if ((tag & 0x1f) === 0x1f) throw new X509Fault("derInvalid", "A tag above 30 is not known here");
  if (first < 0x80) return valueAt(bytes, { tag, start: at + 2, length: first });
  const count = first & 0x7f;
  if (count === 0 || count > 3) throw new X509Fault("derInvalid", "A length is not definite");
  let length = 0;
  for (let position = 0; position < count; position += 1) {
    const octet = bytes[at + 2 + position];
    if (octet === undefined) throw cutOff();
    length = length * 256 + octet;
  }
  const minimal = length >= 0x80 && length >= 256 ** (count - 1);
  if (!minimal) throw new X509Fault("derInvalid", "A length is longer than it need be");
  return valueAt(bytes, { tag, start: at + 2 + count, length });
}

function valueAt(
  bytes: Buffer,
  { tag, start, length }: { tag: number; start: number; length: number },
): DerValue {
  const end = start + length;
  if (end > bytes.length) throw cutOff();
  return { tag, content: bytes.subarray(start, end), end };
}

const cutOff = () => new X509Fault("derInvalid", "The bytes end within a value");

/** The values inside a constructed value, in order. */
export function derChildren(content: Buffer): DerValue[] {
  const children: DerValue[] = [];
  for (let at = 0; at < content.length; ) {
    const child = readDer(content, at);
    children.push(child);
    at = child.end;
  }
  return children;
}

/**
 * One whole SEQUENCE with nothing behind it.
 *
 * @throws X509Fault derInvalid.
 */
export function wholeSequence(bytes: Buffer): DerValue[] {
  if (bytes.length > x509Limits.derBytesMax) {
    throw new X509Fault("derInvalid", `${bytes.length} bytes, at most ${x509Limits.derBytesMax}`);
  }
  const outer = readDer(bytes);
  if (outer.tag !== derTag.sequence || outer.end !== bytes.length) {
    throw new X509Fault("derInvalid", "The bytes are not one SEQUENCE with nothing behind it");
  }
  return derChildren(outer.content);
}
