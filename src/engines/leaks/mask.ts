/**
 * Masks what should not leave in text: identity and card numbers, telephone numbers, e-mail
 * addresses, stack traces. The mask is as long as what it covers, so that no length changes. Text
 * is latin1, one char per byte, and may come in pieces of any size.
 */
import { isBankCard, isIdentityNumber } from "./numbers.ts";

export const leakLimits = {
  /** Bytes held back at the end of a piece, since what they begin may go on in the next. */
  heldBytesMax: 512,
} as const;

export type LeakKind = "idCard" | "phone" | "email" | "bankCard" | "stackTrace";
export type LeakCounts = { [Kind in LeakKind]?: number };

/** A masker of one body. */
export type Masker = {
  readonly counts: LeakCounts;
  /** What of the text so far can go on. */
  push(text: string): string;
  /** The rest. */
  end(): string;
};

/** Numbers with optional separators; which kind they are is decided by their digits. */
const numberForm = /(?<![0-9A-Za-z_.])\+?\d(?:[ -]?\d){9,17}(?:[ -]?[\dXx])?(?![0-9A-Za-z_])/g;
const emailForm =
  /(?<![\w.%+-])[A-Za-z0-9](?:[\w.%+-]{0,63})@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,4}/g;
const traceForms: readonly RegExp[] = [
  // Java, JavaScript: at a.b.C(D.java:12), at f (/app/x.js:1:2)
  /\bat [\w$.<>[\] /]{1,200}\((?:[^()\r\n]{1,200}:\d{1,7}(?::\d{1,7})?|Native Method|Unknown Source)\)/g,
  // JavaScript without a function: at /app/x.js:1:2, at file:///app/x.js:1:2
  /\bat (?:file:\/\/)?\/[^\s()]{1,200}:\d{1,7}:\d{1,7}/g,
  // .NET: at A.B.C(String d) in C:\e.cs:line 12
  /\bat [\w.`<>[\]]{1,200}\([^()\r\n]{0,200}\) in [^\r\n]{1,200}:line \d{1,7}/g,
  // Python: File "/app/x.py", line 12, in f
  /File "[^"\r\n]{1,200}", line \d{1,7}, in [\w<>]{1,100}/g,
  // PHP: #0 /app/x.php(12): f()
  /#\d{1,3} [^\s(]{1,200}\(\d{1,7}\): [^\r\n<]{1,200}/g,
  // Go: /app/x.go:12 +0x1a
  /[\w./-]{1,200}\.go:\d{1,7} \+0x[0-9a-f]{1,16}/g,
];

/** Whether what ends in this character may go on: no kind holds any other. */
const holdsOn = /[\w.%+@$<>[\](){}/:",#` -]$/;

export function createMasker(kinds: ReadonlySet<LeakKind>): Masker {
  const counts: LeakCounts = {};
  let held = "";
  const count = (kind: LeakKind): void => {
    counts[kind] = (counts[kind] ?? 0) + 1;
  };
  const masked = (text: string): string => maskText(text, kinds, count);
  return {
    counts,
    push(text) {
      const all = held + text;
      const cut = cutOf(all, kinds);
      held = all.slice(cut);
      return masked(all.slice(0, cut));
    },
    end() {
      const rest = masked(held);
      held = "";
      return rest;
    },
  };
}

/**
 * Where the text can be parted without parting a match: at a line end, or before the last run of
 * characters that a match may be made of. Never more than `heldBytesMax` stay back.
 */
function cutOf(text: string, kinds: ReadonlySet<LeakKind>): number {
  const least = Math.max(0, text.length - leakLimits.heldBytesMax);
  if (!holdsOn.test(text)) return text.length;
  // Traces hold spaces; without them only numbers do, whose groups are short.
  const isBoundary = kinds.has("stackTrace") ? isLineEnd : isNoCandidate;
  let at = text.length;
  while (at > least && !isBoundary(text.charCodeAt(at - 1))) at--;
  return at;
}

const isLineEnd = (code: number): boolean => code === 10 || code === 13;

/** Neither a letter, a digit, nor one of `.%+-_@ `. */
function isNoCandidate(code: number): boolean {
  if (code > 127) return true;
  return !/[\w.%+@ -]/.test(String.fromCharCode(code));
}

function maskText(
  text: string,
  kinds: ReadonlySet<LeakKind>,
  count: (kind: LeakKind) => void,
): string {
  let out = text;
  if (kinds.has("stackTrace")) {
    for (const form of traceForms) {
      out = out.replace(form, (line) => {
        count("stackTrace");
        return "*".repeat(line.length);
      });
    }
  }
  if (kinds.has("email")) {
    out = out.replace(emailForm, (address) => {
      count("email");
      const at = address.indexOf("@");
      return address.charAt(0) + "*".repeat(at - 1) + address.slice(at);
    });
  }
  if (!kinds.has("idCard") && !kinds.has("phone") && !kinds.has("bankCard")) return out;
  return out.replace(numberForm, (number) => {
    const kind = kindOf(number.replace(/[ +-]/g, ""), number.startsWith("+"));
    if (kind === null || !kinds.has(kind)) return number;
    count(kind);
    return maskDigits(number, kept[kind]);
  });
}

/** How many characters stay readable at the begin and at the end. */
const kept = { idCard: [3, 2], phone: [3, 4], bankCard: [0, 4] } as const;

function kindOf(digits: string, isInternational: boolean): "idCard" | "phone" | "bankCard" | null {
  const national = /^86(1[3-9]\d{9})$/.exec(digits)?.[1] ?? digits;
  if (/^1[3-9]\d{9}$/.test(national)) return "phone";
  if (isInternational) return null;
  if (isIdentityNumber(digits)) return "idCard";
  return isBankCard(digits) ? "bankCard" : null;
}

/** Separators stay, so that the form of the page does. */
function maskDigits(number: string, [first, last]: readonly [number, number]): string {
  const total = number.replace(/[ +-]/g, "").length;
  let seen = 0;
  return number.replace(/[\dXx]/g, (char) => {
    seen++;
    return seen <= first || seen > total - last ? char : "*";
  });
}
