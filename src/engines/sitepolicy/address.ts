/** IP addresses as four 32-bit words; IPv4 is mapped into ::ffff:0:0/96, as sockets report it. */

/** Words of the address last read: one buffer for all, since the hot path allocates nothing. */
export type AddressWords = Uint32Array;

const MAPPED = 0xffff;

/** Reads an address into `words` (length 4); false when the text is none. */
export function readAddress(text: string, words: AddressWords): boolean {
  return text.includes(":") ? readIpv6(text, words) : readIpv4(text, words);
}

function readIpv4(text: string, words: AddressWords): boolean {
  const value = ipv4Word(text, 0);
  if (value < 0) return false;
  words[0] = 0;
  words[1] = 0;
  words[2] = MAPPED;
  words[3] = value;
  return true;
}

/** The word of a dotted quad that ends the text, or -1. */
function ipv4Word(text: string, from: number): number {
  let value = 0;
  let part = 0;
  let digits = 0;
  let dots = 0;
  for (let at = from; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 46) {
      if (digits === 0 || part > 255 || ++dots > 3) return -1;
      value = value * 256 + part;
      part = 0;
      digits = 0;
    } else {
      if (code < 48 || code > 57 || ++digits > 3) return -1;
      part = part * 10 + code - 48;
    }
  }
  return dots === 3 && digits > 0 && part <= 255 ? value * 256 + part : -1;
}

const groups = new Uint16Array(8);

function readIpv6(text: string, words: AddressWords): boolean {
  let count = 0;
  let gap = -1;
  let at = 0;
  if (text.startsWith("::")) {
    gap = 0;
    at = 2;
  }
  while (at < text.length) {
    if (count === 8) return false;
    const end = groupEnd(text, at);
    if (text.charCodeAt(end) === 46) {
      const value = count <= 6 ? ipv4Word(text, at) : -1;
      if (value < 0) return false;
      groups[count++] = Math.floor(value / 65_536);
      groups[count++] = value % 65_536;
      break;
    }
    if (end === at || end - at > 4) return false;
    groups[count++] = Number.parseInt(text.substring(at, end), 16);
    if (end === text.length) break;
    if (text.charCodeAt(end) !== 58 || end + 1 === text.length) return false;
    at = end + 1;
    if (text.charCodeAt(at) === 58) {
      if (gap >= 0) return false;
      gap = count;
      at++;
    }
  }
  if (gap < 0 ? count !== 8 : count > 7) return false;
  spread(count, gap, words);
  return true;
}

function groupEnd(text: string, from: number): number {
  let at = from;
  for (; at < text.length; at++) {
    const code = text.charCodeAt(at) | 32;
    if (!((code >= 48 && code <= 57) || (code >= 97 && code <= 102))) break;
  }
  return at;
}

function spread(count: number, gap: number, words: AddressWords): void {
  const tail = gap < 0 ? 0 : count - gap;
  const group = (at: number): number => {
    if (gap < 0 || at < gap) return groups[at] ?? 0;
    return at >= 8 - tail ? (groups[at - 8 + count] ?? 0) : 0;
  };
  for (let word = 0; word < 4; word++) {
    words[word] = group(word * 2) * 65_536 + group(word * 2 + 1);
  }
}
