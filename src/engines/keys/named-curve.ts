/**
 * Tells whether an elliptic-curve key names its curve. A key that writes out the parameters of a
 * curve of its own (RFC 3279's specifiedCurve) can be made to look right on a weak curve, so such
 * keys are refused everywhere (RFC 5480 §2.1.1 forbids them as well).
 */

const SEQUENCE = 0x30;
const INTEGER = 0x02;
const OCTET_STRING = 0x04;
const OBJECT_IDENTIFIER = 0x06;
const CONTEXT_0 = 0xa0;
/** id-ecPublicKey, 1.2.840.10045.2.1. */
const EC_PUBLIC_KEY = "2a8648ce3d0201";

type Element = { readonly tag: number; readonly body: Buffer; readonly rest: Buffer };

/** One DER element with a definite length below 64 KiB; undefined when it is none. */
function element(bytes: Buffer): Element | undefined {
  const [tag, first] = bytes;
  if (tag === undefined || first === undefined) return undefined;
  let length = first;
  let start = 2;
  if (first >= 0x80) {
    const count = first & 0x7f;
    if (count === 0 || count > 2 || bytes.length < 2 + count) return undefined;
    length = bytes.readUIntBE(2, count);
    start += count;
  }
  const end = start + length;
  if (end > bytes.length) return undefined;
  return { tag, body: bytes.subarray(start, end), rest: bytes.subarray(end) };
}

/** The AlgorithmIdentifier is not one of a curve, or names the curve. */
function identifierNames(identifier: Element | undefined): boolean {
  if (identifier?.tag !== SEQUENCE) return false;
  const oid = element(identifier.body);
  if (oid?.tag !== OBJECT_IDENTIFIER) return false;
  if (oid.body.toString("hex") !== EC_PUBLIC_KEY) return true;
  return element(oid.rest)?.tag === OBJECT_IDENTIFIER;
}

/** True for a SubjectPublicKeyInfo without explicit curve parameters. */
export function spkiNamesCurve(spki: Buffer): boolean {
  const outer = element(spki);
  return outer?.tag === SEQUENCE && outer.rest.length === 0 && identifierNames(element(outer.body));
}

/** True for a PKCS #8 key without explicit parameters, outside and in the ECPrivateKey inside. */
export function pkcs8NamesCurve(pkcs8: Buffer): boolean {
  const outer = element(pkcs8);
  if (outer?.tag !== SEQUENCE || outer.rest.length !== 0) return false;
  const version = element(outer.body);
  if (version?.tag !== INTEGER) return false;
  const identifier = element(version.rest);
  if (identifier === undefined || !identifierNames(identifier)) return false;
  if (!identifier.body.toString("hex").includes(EC_PUBLIC_KEY)) return true;
  const wrapper = element(identifier.rest);
  const key = wrapper?.tag === OCTET_STRING ? element(wrapper.body) : undefined;
  if (key?.tag !== SEQUENCE) return false;
  const scalar = element(element(key.body)?.rest ?? Buffer.alloc(0));
  const parameters = element(scalar?.rest ?? Buffer.alloc(0));
  if (parameters?.tag !== CONTEXT_0) return scalar?.tag === OCTET_STRING;
  return element(parameters.body)?.tag === OBJECT_IDENTIFIER;
}
