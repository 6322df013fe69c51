import { BlockList, isIP } from "node:net";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type BlockedSource, compileBlocklist, limits } from "./blocklist.ts";
import { disjointPrefixes, type TimedPrefix } from "./disjoint.ts";
import { formatPrefix, parsePrefix } from "./prefix.ts";

const nowMs = Date.parse("2030-01-01T00:00:00Z");
const ports = [8080, 8443];

const blocked = (cidr: string, seconds = 60, more: Partial<BlockedSource> = {}) => ({
  cidr,
  accountId: "acc-1",
  siteId: null,
  expiresAt: new Date(nowMs + seconds * 1_000).toISOString(),
  ...more,
});

const compile = (sources: readonly BlockedSource[]) => compileBlocklist(sources, { ports, nowMs });

const elementLines = (script: string) =>
  script.split("\n").filter((line) => line.startsWith("add element"));

test("the script replaces one table of its own and drops only the gateway's ports", () => {
  const list = compile([
    blocked("203.0.113.7", 90),
    blocked("198.51.100.77/24", 3_600),
    blocked("2001:0DB8:0:0::1", 1),
    blocked("::ffff:192.0.2.1", 60),
    blocked("203.0.113.9", 0),
  ]);
  expect(list.messages).toEqual([]);
  expect(list.elementCount).toBe(4);
  expect(list.script).toBe(
    `add table inet cordon
delete table inet cordon
add table inet cordon
add set inet cordon blocked4 { type ipv4_addr; flags interval, timeout; }
add set inet cordon blocked6 { type ipv6_addr; flags interval, timeout; }
add element inet cordon blocked4 { 192.0.2.1/32 timeout 60s }
add element inet cordon blocked4 { 198.51.100.0/24 timeout 3600s }
add element inet cordon blocked4 { 203.0.113.7/32 timeout 90s }
add element inet cordon blocked6 { 2001:db8::1/128 timeout 1s }
add chain inet cordon input { type filter hook input priority -10; policy accept; }
add rule inet cordon input iifname "lo" accept
add rule inet cordon input ip saddr @blocked4 tcp dport { 8080, 8443 } drop
add rule inet cordon input ip6 saddr @blocked6 tcp dport { 8080, 8443 } drop
`,
  );
});

describe("what a packet cannot show is left to the gateway and said", () => {
  test("a block of a single site", () => {
    const list = compile([blocked("203.0.113.7", 60, { siteId: "site-1" })]);
    expect(list.elementCount).toBe(0);
    expect(list.messages).toEqual([
      expect.stringContaining("single sites are left to the gateway"),
    ]);
  });
  test("blocks of several accounts, so that no tenant closes another's sites", () => {
    const list = compile([blocked("203.0.113.7"), blocked("1.2.3.4", 60, { accountId: "acc-2" })]);
    expect(list.elementCount).toBe(0);
    expect(list.messages).toEqual([expect.stringContaining("blocked by 2 accounts")]);
  });
});

test("a block too wide, without an end or without an address is refused by its value", () => {
  const list = compile([
    blocked("10.0.0.0/8"),
    blocked("2001::/16"),
    blocked("1.2.3.4", 60, { expiresAt: "soon" }),
    blocked("1.2.3.4 }; flush ruleset"),
  ]);
  expect(list.elementCount).toBe(0);
  expect(list.messages).toEqual([
    'Cannot block "10.0.0.0/8": the widest block is /16',
    'Cannot block "2001::/16": the widest block is /32',
    'Cannot block "1.2.3.4": its end is no time',
    'Cannot block "1.2.3.4 }; flush ruleset": it is neither an address nor a prefix',
  ]);
});

test("messages stay few, however many sources are wrong", () => {
  const list = compile(Array.from({ length: 500 }, () => blocked("x")));
  expect(list.messages).toHaveLength(limits.messagesMax);
  expect(list.messages.at(-1)).toBe("… and 481 more");
});

test("a port that is none is refused, so that no text can come in by it", () => {
  for (const port of [0, 65_536, 80.5, Number.NaN]) {
    expect(() => compileBlocklist([], { ports: [port], nowMs })).toThrow(RangeError);
  }
});

const octet = fc.integer({ min: 0, max: 255 });
const ipv4Text = fc
  .tuple(octet, octet, octet, octet, fc.integer({ min: 16, max: 32 }))
  .map(([a, b, c, d, bits]) => `${a}.${b}.${c}.${d}/${bits}`);
const ipv6Text = fc
  .tuple(fc.ipV6(), fc.integer({ min: 32, max: 128 }))
  .map(([address, bits]) => `${address}/${bits}`);
const hostileText = fc.oneof(
  fc.string({ unit: "binary", maxLength: 80 }),
  fc
    .tuple(
      fc.oneof(ipv4Text, ipv6Text),
      fc.constantFrom(" ", "\n", ";", "}", ",", "-", "#", "/", "%", "\u0000", '"', "@", "$", "0x"),
      fc.constantFrom("", "1.1.1.1", "flush ruleset", 'include "/etc/passwd"', "}"),
      fc.integer({ min: 0, max: 40 }),
    )
    .map(([text, mark, tail, at]) => text.slice(0, at) + mark + tail + text.slice(at)),
);
const canonicalLine =
  /^add element inet cordon blocked[46] \{ ([0-9a-f.:]+)\/(\d{1,3}) timeout [1-9]\d{0,6}s \}$/;

test("hostile text never reaches the script unless it is an address or a prefix", () => {
  const frame = compile([]).script.split("\n");
  const texts = fc.array(fc.oneof(ipv4Text, ipv6Text, hostileText), { maxLength: 12 });
  fc.assert(
    fc.property(texts, (cidrs) => {
      const { script } = compile(cidrs.map((cidr) => blocked(cidr)));
      const lines = script.split("\n");
      expect(lines.filter((line) => !line.startsWith("add element"))).toEqual(frame);
      for (const line of elementLines(script)) {
        const [, address = "", bits = ""] = canonicalLine.exec(line) ?? [];
        expect(isIP(address)).not.toBe(0);
        expect(formatPrefix(parsePrefix(`${address}/${bits}`) ?? fail())).toBe(
          `${address}/${bits}`,
        );
      }
    }),
    { numRuns: 2_000 },
  );
});

test("an address is read exactly when Node's own parser reads it", () => {
  const nearly = fc
    .array(fc.oneof(octet, fc.nat({ max: 999 })), { minLength: 3, maxLength: 5 })
    .map((parts) => parts.join("."));
  const groups = fc
    .array(fc.constantFrom("", "0", "1", "ffff", "db8", "10000", "1.2.3.4"), { maxLength: 9 })
    .map((parts) => parts.join(":"));
  const marks = fc.string({ unit: fc.constantFrom(..."0129af:.") });
  const texts = fc.oneof(fc.ipV4(), fc.ipV6(), nearly, groups, marks);
  fc.assert(
    fc.property(texts, (text) => {
      const prefix = parsePrefix(text);
      expect(prefix !== undefined).toBe(isIP(text) !== 0);
      if (prefix === undefined) return;
      const list = new BlockList();
      const address = formatPrefix(prefix).split("/")[0] ?? "";
      list.addAddress(address, prefix.family === 4 ? "ipv4" : "ipv6");
      expect(list.check(text, isIP(text) === 4 ? "ipv4" : "ipv6")).toBe(true);
    }),
    { numRuns: 5_000 },
  );
});

test("each address stays blocked until the latest end that names it, without overlaps", () => {
  // Few bits vary, so that nesting is the rule.
  const prefixes = fc.array(
    fc
      .tuple(fc.integer({ min: 0, max: 63 }), fc.integer({ min: 26, max: 32 }), fc.nat({ max: 5 }))
      .map(([low, bits, end]): TimedPrefix => {
        const prefix = parsePrefix(`192.0.2.${low}/${bits}`) ?? fail();
        return { ...prefix, expiresAtMs: end };
      }),
    { maxLength: 12 },
  );
  const covers = (prefix: TimedPrefix, address: bigint) =>
    address >= prefix.network && address < prefix.network + (1n << BigInt(32 - prefix.bits));
  const first = parsePrefix("192.0.2.0")?.network ?? fail();
  fc.assert(
    fc.property(prefixes, (wanted) => {
      const elements = disjointPrefixes(wanted);
      for (let low = 0n; low < 64n; low += 1n) {
        const address = first + low;
        const ends = wanted.filter((one) => covers(one, address)).map((one) => one.expiresAtMs);
        const got = elements.filter((one) => covers(one, address)).map((one) => one.expiresAtMs);
        expect(got).toEqual(ends.length === 0 ? [] : [Math.max(...ends)]);
      }
    }),
    { numRuns: 1_000 },
  );
});

function fail(): never {
  throw new Error("The test itself holds a prefix that cannot be read");
}
