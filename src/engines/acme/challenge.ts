/** What proves control of a name (RFC 8555 §8), and the identifier of RFC 9773. */
import { createHash } from "node:crypto";

export const CHALLENGE_PATH = "/.well-known/acme-challenge/";

/** RFC 8555 §8.1. */
export const keyAuthorization = (token: string, accountThumbprint: string): string =>
  `${token}.${accountThumbprint}`;

/** Value of the TXT record (RFC 8555 §8.4). */
export const dnsValue = (authorization: string): string =>
  createHash("sha256").update(authorization).digest("base64url");

/** Name of the TXT record; a wildcard is proved at the name below it. */
export const dnsName = (name: string): string => `_acme-challenge.${name.replace(/^\*\./, "")}`;

/** Unique identifier of a certificate (RFC 9773 §4.1): key id of the issuer, a dot, the serial. */
export function renewalId(certificate: {
  /** Hex. */
  readonly authorityKeyId: string;
  readonly serialNumber: string;
}): string {
  const hex = certificate.serialNumber;
  const even = hex.length % 2 === 0 ? hex : `0${hex}`;
  const octets = Buffer.from(even, "hex");
  // The content octets of a DER INTEGER: a leading zero keeps it positive.
  const serial = (octets[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.from([0]), octets]) : octets;
  const issuer = Buffer.from(certificate.authorityKeyId, "hex");
  return `${issuer.toString("base64url")}.${serial.toString("base64url")}`;
}

/** Issuer key id and serial (hex) of such an identifier; undefined when it is none. */
export function readRenewalId(text: string) {
  const [, issuer, serial] = /^([A-Za-z0-9_-]{1,100})\.([A-Za-z0-9_-]{1,40})$/.exec(text) ?? [];
  if (issuer === undefined || serial === undefined) return undefined;
  const serialNumber = Buffer.from(serial, "base64url")
    .toString("hex")
    .replace(/^(?:00)+(?=.)/, "");
  return { authorityKeyId: Buffer.from(issuer, "base64url").toString("hex"), serialNumber };
}
