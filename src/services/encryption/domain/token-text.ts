/** The text of a new token. Chance comes from outside; that nobody has the token yet as well. */
import type { TokenProfile } from "../contract.ts";
import { ID_CARD_CHECKS, idCardCheck, luhnPart, luhnSum } from "./formats.ts";

/** A uniform whole number from 0 to below `end`. */
export type Chance = (end: number) => number;
type Shape = Pick<TokenProfile, "kind" | "format" | "checksum" | "keepLast">;

const BASE32 = "abcdefghijklmnopqrstuvwxyz234567";
/** 130 bits: no token is found by trying. */
const OPAQUE_CHARS = 26;
const DIGITS_FREE_MIN = 6;
/** A domain that never receives mail (RFC 2606). */
const MAIL_DOMAIN = "token.invalid";

/** @returns the token, or undefined when the value is too short to keep so many digits. */
export function tokenText(shape: Shape, value: string, chance: Chance): string | undefined {
  const random = letters(BASE32, OPAQUE_CHARS, chance);
  if (shape.format === "opaque" || shape.kind === "text") return `tok_${random}`;
  switch (shape.kind) {
    case "email":
      return `${random}@${MAIL_DOMAIN}`;
    case "idCard":
      return idCardToken(shape, chance);
    case "card":
      return cardToken(shape, value, chance);
    case "phone":
      return phoneToken(shape, value, chance);
  }
}

function letters(alphabet: string, count: number, chance: Chance): string {
  return Array.from({ length: count }, () => alphabet[chance(alphabet.length)]).join("");
}

function idCardToken({ checksum }: Shape, chance: Chance): string {
  const digits = letters("0123456789", 17, chance);
  const check = idCardCheck(digits);
  if (checksum === "valid") return digits + check;
  const others = [...ID_CARD_CHECKS].filter((one) => one !== check);
  return digits + others[chance(others.length)];
}

/** The digit before those that are kept decides whether the whole passes the check. */
function cardToken({ checksum, keepLast }: Shape, value: string, chance: Chance) {
  const free = value.length - keepLast - 1;
  if (free < DIGITS_FREE_MIN) return undefined;
  const head = letters("0123456789", free, chance);
  const tail = value.slice(value.length - keepLast);
  const rest = luhnSum(`${head}0${tail}`) % 10;
  // Each of the ten digits adds something else at a place, so exactly one makes the sum 0.
  const wanted = checksum === "valid" ? 0 : 1 + chance(9);
  const digit = [..."0123456789"].find(
    (one) => (rest + luhnPart(Number(one), keepLast)) % 10 === wanted,
  );
  return `${head}${digit}${tail}`;
}

function phoneToken({ keepLast }: Shape, value: string, chance: Chance) {
  const sign = value.startsWith("+") ? "+" : "";
  const free = value.length - sign.length - keepLast;
  if (free < DIGITS_FREE_MIN) return undefined;
  return sign + letters("0123456789", free, chance) + value.slice(value.length - keepLast);
}
