import fc from "fast-check";
import { expect, test } from "vitest";
import { parsePrefix } from "../netpolicy/prefix.ts";
import { readAddress } from "./address.ts";
import {
  addressSetOf,
  holdsAddress,
  packAddressSet,
  rangesIn,
  unpackAddressSet,
} from "./address-set.ts";

const octet = fc.integer({ min: 0, max: 3 });
const v4 = fc
  .tuple(octet, octet, fc.integer({ min: 0, max: 255 }))
  .map(([a, b, c]) => `10.${a}.${b}.${c}`);
const v6 = fc.tuple(octet, octet, octet).map(([a, b, c]) => `2001:db8:${a}::${b}:${c}`);
const entry = fc.record({
  cidr: fc.oneof(
    fc.tuple(v4, fc.integer({ min: 8, max: 32 })).map(([address, bits]) => `${address}/${bits}`),
    fc.tuple(v6, fc.integer({ min: 32, max: 128 })).map(([address, bits]) => `${address}/${bits}`),
  ),
  expiresAtMs: fc.option(fc.integer({ min: 1, max: 4 }).map((at) => at * 1_000)),
});

/** What the set should say, entry by entry. */
function naive(
  entries: readonly { cidr: string; expiresAtMs: number | null }[],
  address: string,
  nowMs: number,
) {
  return entries.some(({ cidr, expiresAtMs }) => {
    const block = parsePrefix(cidr);
    const asked = parsePrefix(`${address}/${block?.bits}`);
    const isIn = block?.family === asked?.family && block?.network === asked?.network;
    return isIn && asked !== undefined && (expiresAtMs === null || expiresAtMs > nowMs);
  });
}

test("a set holds exactly the addresses of its entries, each until its end, packed or not", () => {
  fc.assert(
    fc.property(
      fc.array(entry, { maxLength: 40 }),
      fc.array(fc.oneof(v4, v6), { minLength: 20, maxLength: 20 }),
      fc.integer({ min: 0, max: 4 }),
      (entries, addresses, second) => {
        const { set, faults } = addressSetOf(entries);
        expect(faults).toEqual([]);
        const unpacked = unpackAddressSet(packAddressSet(set));
        for (const address of addresses) {
          const wanted = naive(entries, address, second * 1_000);
          expect(holdsAddress(set, address, second * 1_000), address).toBe(wanted);
          expect(holdsAddress(unpacked, address, second * 1_000), address).toBe(wanted);
        }
      },
    ),
    { numRuns: 500 },
  );
});

test("the ends of the address space are addresses like others, and neighbors become one range", () => {
  const cidrs = ["0.0.0.0", "255.255.255.255", "10.0.0.0/25", "10.0.0.128/25", "::", "ffff::/16"];
  const { set } = addressSetOf(cidrs.map((cidr) => ({ cidr, expiresAtMs: null })));
  expect(rangesIn(set)).toBe(5);
  for (const held of ["0.0.0.0", "255.255.255.255", "10.0.0.200", "::", "ffff:ffff::1"]) {
    expect(holdsAddress(set, held, 0), held).toBe(true);
  }
  for (const other of ["0.0.0.1", "255.255.255.254", "10.0.1.0", "::1", "fffe::", "", "x"]) {
    expect(holdsAddress(set, other, 0), other).toBe(false);
  }
});

test("an IPv4-mapped address is its IPv4 address", () => {
  const { set } = addressSetOf([{ cidr: "192.0.2.0/24", expiresAtMs: null }]);
  expect(holdsAddress(set, "::ffff:192.0.2.7", 0)).toBe(true);
  expect(holdsAddress(set, "::192.0.2.7", 0)).toBe(false);
});

test("addresses are read as the strict parser reads them, and what is none is none", () => {
  const words = new Uint32Array(4);
  const texts = fc.oneof(fc.ipV4(), fc.ipV6(), fc.stringMatching(/^[0-9a-f:.]{1,20}$/));
  fc.assert(
    fc.property(texts, (text) => {
      const wanted = text.includes("/") ? undefined : parsePrefix(text);
      const isRead = readAddress(text, words);
      const known = wanted !== undefined;
      // The hot path forgives leading zeros in IPv4; the strict parser never wrote one.
      if (!known && /(^|[.:])0\d/.test(text)) return;
      expect(isRead, text).toBe(known);
      if (wanted === undefined) return;
      const [a = 0, b = 0, c = 0, d = 0] = words;
      const value =
        wanted.family === 4
          ? BigInt(d)
          : [a, b, c, d].reduce((sum, word) => (sum << 32n) | BigInt(word), 0n);
      expect(value, text).toBe(wanted.network);
    }),
    { numRuns: 2_000 },
  );
});

test("a packed list that was cut or is something else is refused", () => {
  const { set } = addressSetOf([{ cidr: "192.0.2.0/24", expiresAtMs: null }]);
  const packed = packAddressSet(set);
  expect(() => unpackAddressSet(packed.subarray(0, -4))).toThrow("cut short");
  expect(() => unpackAddressSet(Buffer.from("not a list"))).toThrow("no packed list");
});
