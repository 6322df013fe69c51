/** PEM text (RFC 7468) to DER blocks and back. Strict: what is cut off is refused, not skipped. */
import { X509Fault } from "./fault.ts";
import { x509Limits } from "./limits.ts";

export type PemBlock = { readonly label: string; readonly der: Buffer; readonly text: string };

const BEGIN = /^-----BEGIN ([A-Z0-9 ]{1,40})-----$/;
const BASE64_LINE = /^[A-Za-z0-9+/]{1,76}={0,2}$/;
/** OpenSSL writes these lines into keys that a passphrase protects (RFC 1421 §4.6). */
const HEADER_LINE = /^[A-Za-z0-9-]+: /;

/**
 * Every block of a PEM file in order. Text between blocks is passed over, as all programs do.
 *
 * @throws X509Fault pemTooLarge, pemInvalid.
 */
export function readPem(text: string): PemBlock[] {
  if (text.length > x509Limits.pemBytesMax) {
    throw new X509Fault(
      "pemTooLarge",
      `The file has ${text.length} characters, at most ${x509Limits.pemBytesMax} are read`,
    );
  }
  const lines = text.split(/\r?\n/).map((line) => line.trim());
  const blocks: PemBlock[] = [];
  for (let at = 0; at < lines.length; at += 1) {
    const label = BEGIN.exec(lines[at] ?? "")?.[1];
    if (label === undefined) continue;
    if (blocks.length >= x509Limits.pemBlocksMax) {
      throw new X509Fault("pemTooLarge", `More than ${x509Limits.pemBlocksMax} blocks in one file`);
    }
    const end = lines.indexOf(`-----END ${label}-----`, at + 1);
    if (end === -1) throw new X509Fault("pemInvalid", `The block "${label}" has no end line`);
    blocks.push(blockOf(label, lines.slice(at + 1, end)));
    at = end;
  }
  return blocks;
}

function blockOf(label: string, lines: readonly string[]): PemBlock {
  const isHeader = lines[0] !== undefined && HEADER_LINE.test(lines[0]);
  const start = isHeader ? lines.indexOf("") + 1 : 0;
  const body = lines.slice(start).filter((line) => line !== "");
  const sound = body.every((line, at) =>
    at === body.length - 1 ? BASE64_LINE.test(line) : /^[A-Za-z0-9+/]{1,76}$/.test(line),
  );
  const base64 = body.join("");
  if (!sound || base64 === "" || base64.length % 4 !== 0) {
    throw new X509Fault("pemInvalid", `The block "${label}" is not whole base64 (RFC 7468 §3)`);
  }
  const text = `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
  return { label, der: Buffer.from(base64, "base64"), text };
}

/** DER as a PEM block with lines of 64 characters. */
export function writePem(label: string, der: Uint8Array): string {
  const base64 = Buffer.from(der).toString("base64");
  const lines = base64.match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}
