/**
 * The text of an address list: an address or block a line, perhaps with the time it ends, `#`
 * begins a comment. Reads a million lines, so it runs in a thread of its own (`list-thread.ts`).
 */
import { createHash } from "node:crypto";
import { formatPrefix, parsePrefix } from "../../engines/netpolicy/prefix.ts";
import { addressSetOf, packAddressSet, rangesIn } from "../../engines/sitepolicy/address-set.ts";

export const listLimits = {
  listsMax: 100,
  entriesMax: 1_000_000,
  faultsMax: 20,
} as const;

/** Texts to join, the later ones over the earlier; `without` are taken out at the end. */
export type ListChange = {
  readonly texts: readonly string[];
  readonly without: readonly string[];
  /** The end of entries of the last text that name none. */
  readonly expiresAtMs: number | null;
  readonly nowMs: number;
};

export type ListFault = { readonly line: number; readonly message: string };

export type ReadList =
  | { readonly faults: readonly ListFault[] }
  | {
      readonly content: string;
      readonly entries: number;
      readonly ranges: number;
      readonly sha256: string;
      readonly packed: Uint8Array;
    };

/** Reads a change of a list; with a fault in any line nothing of it counts. */
export function readList({ texts, without, expiresAtMs, nowMs }: ListChange): ReadList {
  const ends = new Map<string, number | null>();
  const faults: ListFault[] = [];
  for (const [at, text] of texts.entries()) {
    const isLast = at === texts.length - 1;
    readText(text, { ends, faults, expiresAtMs: isLast ? expiresAtMs : null });
  }
  for (const [at, cidr] of without.entries()) {
    const prefix = parsePrefix(cidr);
    if (prefix === undefined) faults.push({ line: at + 1, message: `"${cidr}" is no address` });
    else ends.delete(formatPrefix(prefix));
  }
  for (const [cidr, end] of ends) if (end !== null && end <= nowMs) ends.delete(cidr);
  if (ends.size > listLimits.entriesMax) {
    const message = `${ends.size} entries are more than ${listLimits.entriesMax}`;
    faults.push({ line: 0, message });
  }
  if (faults.length > 0) return { faults: faults.slice(0, listLimits.faultsMax) };
  return packed(ends);
}

function packed(ends: ReadonlyMap<string, number | null>): ReadList {
  const lines = [...ends].map(([cidr, end]) =>
    end === null ? cidr : `${cidr} ${new Date(end).toISOString()}`,
  );
  const entries = [...ends].map(([cidr, end]) => ({ cidr, expiresAtMs: end }));
  const { set } = addressSetOf(entries);
  const bytes = packAddressSet(set);
  return {
    content: lines.join("\n"),
    entries: ends.size,
    ranges: rangesIn(set),
    sha256: createHash("sha256").update(bytes).digest("hex"),
    packed: bytes,
  };
}

function readText(
  text: string,
  into: {
    readonly ends: Map<string, number | null>;
    readonly faults: ListFault[];
    readonly expiresAtMs: number | null;
  },
): void {
  let line = 0;
  let from = 0;
  while (from <= text.length && into.faults.length < listLimits.faultsMax) {
    const found = text.indexOf("\n", from);
    const end = found < 0 ? text.length : found;
    line++;
    const comment = text.indexOf("#", from);
    const until = comment >= 0 && comment < end ? comment : end;
    const [cidr = "", time, ...rest] = text
      .slice(from, until)
      .trim()
      .split(/[\s,;]+/);
    from = end + 1;
    if (cidr === "") continue;
    const prefix = parsePrefix(cidr);
    const expiry = time === undefined || time === "" ? into.expiresAtMs : Date.parse(time);
    if (prefix === undefined || rest.length > 0) {
      into.faults.push({ line, message: `"${cidr.slice(0, 64)}" is no IP address or CIDR block` });
    } else if (Number.isNaN(expiry)) {
      into.faults.push({ line, message: `"${time?.slice(0, 64)}" is no time` });
    } else into.ends.set(formatPrefix(prefix), expiry);
  }
}
