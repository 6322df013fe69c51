/** Time-based one-time codes (RFC 6238 over RFC 4226), SHA-1, as authenticator apps make them. */
import { createHmac, timingSafeEqual } from "node:crypto";

export const STEP_SECONDS = 30;
const DIGITS = 6;
/** Codes of one step before and after are taken, for clocks that differ (RFC 6238 section 5.2). */
const WINDOW_STEPS = 1;

/** The code of a time step. */
export function totpCode(secret: Buffer, step: number, digits: number = DIGITS): string {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(step));
  const mac = createHmac("sha1", secret).update(counter).digest();
  const offset = (mac.at(-1) ?? 0) & 0x0f;
  const value = mac.readUInt32BE(offset) & 0x7fffffff;
  return String(value % 10 ** digits).padStart(digits, "0");
}

/** The step whose code this is, near now; undefined when it is none. Compares all of them. */
export function totpStep(secret: Buffer, code: string, nowMs: number): number | undefined {
  if (!/^\d{6}$/.test(code)) return undefined;
  const now = Math.floor(nowMs / 1000 / STEP_SECONDS);
  let found: number | undefined;
  for (let step = now - WINDOW_STEPS; step <= now + WINDOW_STEPS; step += 1) {
    const wanted = Buffer.from(totpCode(secret, step));
    if (timingSafeEqual(wanted, Buffer.from(code))) found = step;
  }
  return found;
}

const BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/** RFC 4648 base32 without padding, the form in which apps take a secret. */
export function base32(bytes: Buffer): string {
  let bits = 0;
  let value = 0;
  let text = "";
  for (const byte of bytes) {
    value = (value << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += BASE32.charAt((value >>> bits) & 31);
      value &= (1 << bits) - 1;
    }
  }
  return bits === 0 ? text : text + BASE32.charAt((value << (5 - bits)) & 31);
}

/** The address that authenticator apps read from a QR code. */
export function totpUri(secret: Buffer, label: string): string {
  const parameters = new URLSearchParams({ secret: base32(secret), issuer: "Cordon" });
  return `otpauth://totp/${encodeURIComponent(`Cordon:${label}`)}?${parameters}`;
}
