/** CPU nanoseconds per look-up in an address list of ten, a thousand and a million entries. */
import {
  addressSetOf,
  holdsAddress,
  packAddressSet,
} from "../src/engines/sitepolicy/address-set.ts";
import { printRow } from "./row.ts";

const LOOKUPS = 400_000;
const ROUNDS = 5;

/** A number that looks random and is the same each time. */
const spread = (at: number): number => Math.imul(at + 1, 2_654_435_761) >>> 0;
const textOf = (value: number): string =>
  [24, 16, 8, 0].map((shift) => (value >>> shift) & 255).join(".");

const asked = Array.from({ length: 4_096 }, (_, at) => textOf(spread(at * 7 + 3)));

for (const entries of [10, 1_000, 1_000_000]) {
  const cidrs = Array.from({ length: entries }, (_, at) => ({
    cidr: textOf(spread(at)),
    expiresAtMs: null,
  }));
  const { set } = addressSetOf(cidrs);
  const rounds = Array.from({ length: ROUNDS }, () => {
    const before = process.cpuUsage();
    let held = 0;
    for (let at = 0; at < LOOKUPS; at++) {
      if (holdsAddress(set, asked[at & 4_095] ?? "", 0)) held++;
    }
    const { user, system } = process.cpuUsage(before);
    if (held > LOOKUPS) throw new Error("more were held than asked for");
    return ((user + system) * 1_000) / LOOKUPS;
  });
  const value = rounds.toSorted((left, right) => left - right)[ROUNDS >> 1] ?? 0;
  const what = `look-up among ${entries} entries`;
  printRow({ bench: "address-list", what, value, unit: "ns CPU", goal: "flat" });
  if (entries < 1_000_000) continue;
  const mebibytes = packAddressSet(set).length / 1_048_576;
  printRow({
    bench: "address-list",
    what: "packed list of 1000000",
    value: mebibytes,
    unit: "MiB",
  });
}
