/** Check digits of numbers that people must not see: identity and bank card numbers. */

const weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
const checkCharacters = "10X98765432";

/** Resident identity number, GB 11643-1999: region, date of birth, order, check character. */
export function isIdentityNumber(text: string): boolean {
  if (!/^[1-8]\d{16}[\dXx]$/.test(text)) return false;
  const year = Number(text.slice(6, 10));
  const month = Number(text.slice(10, 12));
  const day = Number(text.slice(12, 14));
  if (year < 1900 || year > 2099 || month < 1 || month > 12 || day < 1 || day > 31) return false;
  let sum = 0;
  for (let at = 0; at < 17; at++) sum += (text.charCodeAt(at) - 48) * (weights[at] ?? 0);
  return checkCharacters[sum % 11] === text.charAt(17).toUpperCase();
}

/** Card number, ISO/IEC 7812-1: 13 to 19 digits of a payment network, Luhn check digit. */
export function isBankCard(digits: string): boolean {
  if (!/^[2-6]\d{12,18}$/.test(digits)) return false;
  let sum = 0;
  for (let at = digits.length - 1, double = false; at >= 0; at--, double = !double) {
    const digit = digits.charCodeAt(at) - 48;
    const value = double ? digit * 2 : digit;
    sum += value > 9 ? value - 9 : value;
  }
  return sum % 10 === 0;
}
