/** Which names of fields say that their value is a secret. Pure. */

/** Answers for a name as it stands in a message, one char a byte. */
export type IsSecret = (name: string) => boolean;

/** Anywhere in a name, whatever separates its words. */
const PARTS = [
  ...["password", "passwd", "passphrase", "passcode", "pwd", "secret", "token", "credential"],
  ...["apikey", "accesskey", "privatekey", "creditcard", "cardnumber", "sessionid"],
  ...["csrf", "xsrf", "authorization", "密码", "密碼", "口令"],
];

/** As a word of a name: within others they mean something else (`shipping`, `author`). */
const WORDS = new Set([
  ...["pass", "pw", "card", "pan", "cvv", "cvv2", "cvc", "cvc2", "cvn", "csc", "pin", "otp"],
  ...["totp", "ssn", "iban", "sid", "session", "auth", "jwt"],
]);

/** Names of a site come again and again; so many answers are kept. */
const KNOWN_MAX = 2_000;
const KNOWN_LENGTH_MAX = 64;

/** @param more names of the site's own; they count for the last part of a path too. */
export function secretNames(more: readonly string[]): IsSecret {
  const decide = decider(more);
  const known = new Map<string, boolean>();
  return (bytes) => {
    const before = known.get(bytes);
    if (before !== undefined) return before;
    const isSecret = decide(bytes);
    if (bytes.length <= KNOWN_LENGTH_MAX && known.size < KNOWN_MAX) {
      // Flat: a part of a long text would keep all of it.
      known.set(Buffer.from(bytes, "latin1").toString("latin1"), isSecret);
    }
    return isSecret;
  };
}

function decider(more: readonly string[]): IsSecret {
  const own = new Set(more.map((name) => name.toLowerCase()));
  return (bytes) => {
    const name = Buffer.from(bytes, "latin1").toString("utf8").trim();
    const lower = name.toLowerCase();
    if (own.size > 0 && (own.has(lower) || own.has(lastPart(lower)))) return true;
    const plain = lower.replace(/[^\p{L}\p{N}]+/gu, "");
    if (PARTS.some((part) => plain.includes(part))) return true;
    return wordsOf(name).some((word) => WORDS.has(word));
  };
}

/** `iban` of `order[bank][iban]`, of `order.iban` and of `ns:iban`. */
const lastPart = (name: string): string =>
  name.split(/[.:/[\]]+/).findLast((part) => part !== "") ?? "";

const wordsOf = (name: string): string[] =>
  name
    .replace(/(\p{Ll}|\p{N})(\p{Lu})/gu, "$1 $2")
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u);
