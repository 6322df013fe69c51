/** `@ipMatch`: is the value an address inside one of these blocks? */
import ipaddr from "ipaddr.js";
import { remembered } from "../remembered.ts";
import { type Operator, whole } from "./operator.ts";

type Block = { readonly bytes: readonly number[]; readonly prefix: number };

/** `::192.0.2.1`: the last four bytes in the form of IPv4 (RFC 4291 §2.2), as groups. */
function inGroups(text: string): string {
  if (!text.includes(":")) return text;
  return text.replace(/(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})(?=$|\/)/, (whole, ...parts) => {
    const bytes = parts.slice(0, 4).map(Number);
    if (bytes.some((byte) => byte > 255)) return whole;
    const [a = 0, b = 0, c = 0, d = 0] = bytes;
    return `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
  });
}

function blockOf(given: string): Block | undefined {
  const text = inGroups(given);
  try {
    const [address, prefix] = text.includes("/")
      ? ipaddr.parseCIDR(text)
      : [ipaddr.parse(text), undefined];
    const bytes = address.toByteArray();
    return { bytes, prefix: prefix ?? bytes.length * 8 };
  } catch {
    return undefined;
  }
}

/** The operator, or the text that is no address. */
export function addressOperator(list: readonly string[]): Operator | { error: string } {
  const blocks: Block[] = [];
  for (const text of list) {
    const block = blockOf(text);
    if (block === undefined) return { error: `"${text}" is no address or block` };
    blocks.push(block);
  }
  return whole(
    remembered((value) => {
      const address = blockOf(value);
      return address !== undefined && blocks.some((block) => contains(block, address));
    }),
  );
}

function contains(block: Block, address: Block): boolean {
  if (block.bytes.length !== address.bytes.length) return false;
  for (let bit = 0; bit < block.prefix; bit += 1) {
    const mask = 0x80 >> (bit & 7);
    const at = bit >> 3;
    if (((block.bytes[at] ?? 0) & mask) !== ((address.bytes[at] ?? 0) & mask)) return false;
  }
  return true;
}
