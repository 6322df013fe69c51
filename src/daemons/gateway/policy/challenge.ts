/**
 * Proof of work for browsers, without third parties: a signed token, bound to site and client,
 * that becomes a pass by adding a number whose SHA-256 begins with zero bits. The gateway keeps
 * nothing; whoever has the site's key can check a pass.
 */
import { createHmac, hash, randomBytes, timingSafeEqual } from "node:crypto";
import { type Facts, FIELDS } from "../../../engines/sitepolicy/facts.ts";
import type { SiteIntent } from "../intent.ts";
import { networkOf } from "./rates.ts";

export const PASS_COOKIE = "__cordon_pass";

/** Cookies of that name that are looked at; a client may hold one of a path and one of the site. */
const PASSES_MAX = 3;
const PASS_LENGTH_MAX = 256;

/**
 * The key of a site's challenges. Derived from its certificate's key, which every gateway has and
 * nobody else, so that a pass of one gateway is good at all; without one, from the gateway's seed.
 */
export function challengeKeyOf(
  { siteId, privateKeyPem }: Pick<SiteIntent, "siteId" | "privateKeyPem">,
  seed: string,
): Buffer {
  const secret = privateKeyPem === "" ? seed : privateKeyPem;
  return createHmac("sha256", secret).update(`cordon challenge\0${siteId}`).digest();
}

type Terms = { readonly key: Buffer; readonly bits: number; readonly passSeconds: number };

/** A token for this client: `v1.<expiry>.<bits>.<nonce>.<mac>`. */
export function issueToken(facts: Facts, { key, bits, passSeconds }: Terms): string {
  const expiry = Math.floor(facts.nowMs / 1_000) + passSeconds;
  const payload = `v1.${expiry.toString(36)}.${bits}.${randomBytes(9).toString("base64url")}`;
  return `${payload}.${macOf(key, payload, facts).toString("base64url")}`;
}

/** Whether the request carries a pass: signed for this site and client, solved, not too old. */
export function hasPass(facts: Facts, key: Buffer): boolean {
  const values = FIELDS.cookie(facts, PASS_COOKIE) ?? [];
  return values.slice(0, PASSES_MAX).some((value) => isPass(value, facts, key));
}

function isPass(value: string, facts: Facts, key: Buffer): boolean {
  if (value.length > PASS_LENGTH_MAX) return false;
  const parts = value.split(".");
  const [version, expiryText = "", bitsText = "", nonce = "", mac = ""] = parts;
  if (parts.length !== 6 || version !== "v1") return false;
  const expected = macOf(key, `v1.${expiryText}.${bitsText}.${nonce}`, facts);
  const given = Buffer.from(mac, "base64url");
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) return false;
  // From here on the token is our own, only the solution is the client's.
  if (Number.parseInt(expiryText, 36) * 1_000 <= facts.nowMs) return false;
  return leadingZeroBits(hash("sha256", value, "buffer")) >= Number(bitsText);
}

function macOf(key: Buffer, payload: string, facts: Facts): Buffer {
  const client = `${networkOf(facts.address)}\0${facts.userAgent}`;
  return createHmac("sha256", key).update(`${payload}\0${client}`).digest().subarray(0, 18);
}

function leadingZeroBits(digest: Buffer): number {
  const first = digest.readUInt32BE(0);
  return first === 0 ? 32 : Math.clz32(first);
}
