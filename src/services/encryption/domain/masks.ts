/** Masks: what stays of a value is decided by its kind, never by what is in it. */
import type { TokenProfile } from "../contract.ts";

type Kind = TokenProfile["kind"];
type Kept = { readonly keepFirst?: number | undefined; readonly keepLast?: number | undefined };

/** What is kept when nothing is said, and how many characters are hidden at least. */
const RULES = {
  card: { keepFirst: 6, keepLast: 4, hidden: 6 },
  phone: { keepFirst: 3, keepLast: 4, hidden: 4 },
  idCard: { keepFirst: 3, keepLast: 4, hidden: 8 },
} as const;
const SEPARATORS = /[ ()-]/g;
/** Of one length, so that the mask does not tell the value's. */
const HIDDEN_TEXT = "********";

/** The masked value; one that is too short for what would be kept is hidden whole. */
export function masked(kind: Kind, value: string, kept: Kept = {}): string {
  if (kind === "text") return HIDDEN_TEXT;
  if (kind === "email") return maskedEmail(value, kept);
  const rule = RULES[kind];
  const letters = [...value.replace(SEPARATORS, "")];
  const last = kept.keepLast ?? rule.keepLast;
  const room = Math.max(0, letters.length - last - rule.hidden);
  const first = Math.min(kept.keepFirst ?? rule.keepFirst, room);
  if (letters.length - first - last < rule.hidden) return HIDDEN_TEXT;
  const hidden = "*".repeat(letters.length - first - last);
  return letters.slice(0, first).join("") + hidden + letters.slice(letters.length - last).join("");
}

/** The first letter of the name, if it has more than three, and the domain. */
function maskedEmail(value: string, { keepFirst = 1 }: Kept): string {
  const at = value.lastIndexOf("@");
  if (at < 1) return HIDDEN_TEXT;
  const name = [...value.slice(0, at)];
  const shown = name.length > keepFirst + 2 ? name.slice(0, keepFirst).join("") : "";
  return `${shown}***${value.slice(at)}`;
}
