/**
 * JA4 of a ClientHello over TCP, by its published specification ("JA4: TLS Client Fingerprinting",
 * FoxIO, technical_details/JA4.md). Nothing else of the JA4+ family is built here: the others are
 * not free to implement (docs/decisions/0030).
 */
import { hash } from "node:crypto";
import { type ClientHello, extensionTypes } from "./client-hello.ts";

/** How a version is written; every other one is `00`. */
const versionWords: ReadonlyMap<number, string> = new Map([
  [0x0304, "13"],
  [0x0303, "12"],
  [0x0302, "11"],
  [0x0301, "10"],
  [0x0300, "s3"],
  [0x0002, "s2"],
  [0xfeff, "d1"],
  [0xfefd, "d2"],
  [0xfefc, "d3"],
]);

/** Stands for the hash of nothing. */
const EMPTY = "000000000000";
const HASH_DIGITS = 12;

/** Values that clients add at random so that servers keep ignoring what they do not know. */
const isGrease = (value: number): boolean =>
  (value & 0x0f0f) === 0x0a0a && value >> 8 === (value & 0xff);

/** For example `t13d1516h2_8daaf6152771_e5627efa2ab1`: 36 characters. */
export function ja4(hello: ClientHello): string {
  const suites = hello.cipherSuites.filter((value) => !isGrease(value));
  const extensions = hello.extensions.filter((value) => !isGrease(value));
  const { serverName, applicationProtocols } = extensionTypes;
  const hashed = extensions.filter(
    (value) => value !== serverName && value !== applicationProtocols,
  );
  const algorithms = hello.signatureAlgorithms.filter((value) => !isGrease(value));
  const target = extensions.includes(serverName) ? "d" : "i";
  const counts = countOf(suites) + countOf(extensions);
  const start = `t${versionOf(hello)}${target}${counts}${protocolOf(hello.firstProtocol)}`;
  const more = algorithms.length === 0 ? "" : `_${algorithms.map(hex).join(",")}`;
  return `${start}_${digestOf(suites, "")}_${digestOf(hashed, more)}`;
}

function versionOf({ legacyVersion, supportedVersions }: ClientHello): string {
  const offered = supportedVersions?.filter((value) => !isGrease(value)) ?? [legacyVersion];
  return versionWords.get(Math.max(...offered)) ?? "00";
}

const countOf = (values: readonly number[]): string =>
  String(Math.min(values.length, 99)).padStart(2, "0");

/** First and last character of the protocol, or of its hexadecimal form when one is special. */
function protocolOf(name: string): string {
  if (name === "") return "00";
  const ends = name.slice(0, 1) + name.slice(-1);
  if (/^[0-9A-Za-z]{2}$/.test(ends)) return ends;
  const bytes = Buffer.from(name, "latin1").toString("hex");
  return bytes.slice(0, 1) + bytes.slice(-1);
}

/** Four digits each, made when first met; values are of 16 bits. */
const digits = new Map<number, string>();

function hex(value: number): string {
  const known = digits.get(value);
  if (known !== undefined) return known;
  const text = value.toString(16).padStart(4, "0");
  digits.set(value, text);
  return text;
}

/** Hash over the values in the order of their numbers, and what follows them as it is. */
function digestOf(values: readonly number[], more: string): string {
  if (values.length === 0) return EMPTY;
  const sorted = values.toSorted((left, right) => left - right);
  return hash("sha256", sorted.map(hex).join(",") + more, "hex").slice(0, HASH_DIGITS);
}
