/** Values of each kind in the one form that they are kept in, and the checks that they pass. */
import type { TokenProfile } from "../contract.ts";

type Kind = TokenProfile["kind"];

/** The value in its one form, or why it is none of this kind. Reasons never hold the value. */
export function normalized(kind: Kind, text: string): { value: string } | { fault: string } {
  switch (kind) {
    case "card":
      return card(text.replace(/[ -]/g, ""));
    case "phone":
      return phone(text.replace(/[ ()-]/g, ""));
    case "idCard":
      return idCard(text.trim().toUpperCase());
    case "email":
      return email(text.trim());
    case "text":
      return text.isWellFormed() ? { value: text } : { fault: "is not well-formed text" };
  }
}

function card(value: string): { value: string } | { fault: string } {
  if (!/^\d{12,19}$/.test(value)) return { fault: "must have 12 to 19 digits" };
  return luhnSum(value) % 10 === 0 ? { value } : { fault: "does not pass the card check (Luhn)" };
}

function phone(value: string): { value: string } | { fault: string } {
  return /^\+?\d{7,15}$/.test(value) ? { value } : { fault: "must have 7 to 15 digits" };
}

function idCard(value: string): { value: string } | { fault: string } {
  if (!/^\d{17}[\dX]$/.test(value)) return { fault: "must have 17 digits and a check character" };
  const passes = value.endsWith(idCardCheck(value.slice(0, 17)));
  return passes ? { value } : { fault: "does not pass the ID card check (GB 11643)" };
}

function email(value: string): { value: string } | { fault: string } {
  const at = value.lastIndexOf("@");
  const [local, domain] = [value.slice(0, at), value.slice(at + 1)];
  const whole = /^[^\s@]{1,64}$/.test(local) && /^[^\s@.]+(?:\.[^\s@.]+)+$/.test(domain);
  if (!whole || domain.length > 253) return { fault: "must be an e-mail address" };
  return { value: `${local}@${domain.toLowerCase()}` };
}

/** ISO/IEC 7812-1, annex B: 0 modulo 10 for a number that passes. */
export function luhnSum(digits: string): number {
  let sum = 0;
  for (let at = 0; at < digits.length; at += 1) {
    sum += luhnPart(Number(digits[digits.length - 1 - at]), at);
  }
  return sum;
}

/** What a digit adds at its place, counted from the end. */
export function luhnPart(digit: number, placeFromEnd: number): number {
  if (placeFromEnd % 2 === 0) return digit;
  return digit > 4 ? 2 * digit - 9 : 2 * digit;
}

export const ID_CARD_CHECKS = "10X98765432";

/** The check character of an ID card's first 17 digits (GB 11643, ISO 7064 MOD 11-2). */
export function idCardCheck(digits: string): string {
  let sum = 0;
  for (let at = 0; at < digits.length; at += 1) {
    sum += Number(digits[at]) * (2 ** (digits.length - at) % 11);
  }
  return ID_CARD_CHECKS[sum % 11] ?? "";
}
