/**
 * A fingerprint of the client software from how it writes a request head: version, language, and
 * which fields it sends in which order and spelling. A format of our own: JA4H, which inspired it,
 * is not free to implement (docs/decisions/0030).
 */
import { hash } from "node:crypto";
import type { Fields } from "../http1/fields.ts";

/** Fields that come and go between requests of one client, or that proxies add. */
const variable =
  /^(cookie|referer|origin|authorization|content-.*|transfer-encoding|if-.*|range|cache-control|pragma|connection|expect|via|forwarded|x-forwarded-.*|x-real-ip|x-request-id|sec-fetch-.*)$/;

/** `r1_<version><fields>_<language>_<12 hex digits>`, such as `r1_1107_enus_3f0c9a1be2d4`. */
export function requestFingerprint(minorVersion: number, { names, lower, values }: Fields): string {
  const kept: string[] = [];
  let language = "";
  for (const [at, name] of lower.entries()) {
    if (name === "accept-language") language = values[at] ?? "";
    if (!variable.test(name)) kept.push(names[at] ?? "");
  }
  const count = String(Math.min(kept.length, 99)).padStart(2, "0");
  const tongue = language
    .toLowerCase()
    .replace(/[^a-z]/g, "")
    .slice(0, 4)
    .padEnd(4, "0");
  const digest = hash("sha256", kept.join(","), "hex").slice(0, 12);
  return `r1_1${minorVersion}${count}_${tongue}_${digest}`;
}
