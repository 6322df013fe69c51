/** `@ipMatch`: is the value an address inside one of these blocks? */
import ipaddr from "ipaddr.js";
import { remembered } from "../remembered.ts";
import { type Operator, whole } from "./operator.ts";

type Block = { readonly bytes: readonly number[]; readonly prefix: number };

function blockOf(text: string): Block | undefined {
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
