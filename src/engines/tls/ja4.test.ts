import { describe, expect, test } from "vitest";
import { capturedHellos } from "../../../test/captured-hellos.ts";
import { readClientHello } from "./client-hello.ts";
import { ja4 } from "./ja4.ts";
import { extension, type HelloParts, helloBytes } from "./test-kit.ts";

function ja4Of(parts: HelloParts | Buffer): string {
  const reading = readClientHello(Buffer.isBuffer(parts) ? parts : helloBytes(parts));
  return reading.kind === "hello" ? ja4(reading.hello) : reading.kind;
}

/** The example of the specification (JA4.md, "Example" and "Extension hash"), with GREASE added. */
const suites = [
  ...[0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014],
  ...[0x009c, 0x009d, 0x002f, 0x0035],
];
const algorithms = [0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601];
const empty = (type: number) => [type, Buffer.alloc(0)] as const;
const known = [
  ...[0x001b, 0x0033, 0x4469, 0x0017, 0x002d, 0x0005, 0x0023, 0x0012].map(empty),
  extension.serverName("a.test"),
  extension.protocols([Buffer.from("h2"), Buffer.from("http/1.1")]),
  extension.signatureAlgorithms(algorithms),
  extension.versions([0x0304, 0x0303]),
  ...[0xff01, 0x000b, 0x000a, 0x0015].map(empty),
];
const example = { cipherSuites: suites, extensions: known };

describe("vectors of the specification", () => {
  test("the example", () => {
    expect(ja4Of(example)).toBe("t13d1516h2_8daaf6152771_e5627efa2ab1");
  });

  test("GREASE is ignored wherever a client may put it", () => {
    const greased = known.map((one) => {
      if (one[0] === 13) return extension.signatureAlgorithms([0x8a8a, ...algorithms]);
      return one[0] === 43 ? extension.versions([0xfafa, 0x0304, 0x0303]) : one;
    });
    const extensions = [empty(0x6a6a), ...greased, empty(0xcaca)];
    const parts = { cipherSuites: [0x0a0a, ...suites, 0xdada], extensions };
    expect(ja4Of(parts)).toBe("t13d1516h2_8daaf6152771_e5627efa2ab1");
    // Alike, and none of it.
    expect(ja4Of({ ...example, cipherSuites: [...suites, 0x0a1a] })).toMatch(/^t13d1616h2_/);
  });

  test("the order of suites and extensions does not matter, that of algorithms does", () => {
    const turned = { cipherSuites: suites.toReversed(), extensions: known.toReversed() };
    expect(ja4Of(turned)).toBe(ja4Of(example));
    const other = known.map((one) =>
      one[0] === 13 ? extension.signatureAlgorithms(algorithms.toReversed()) : one,
    );
    expect(ja4Of({ ...example, extensions: other })).not.toBe(ja4Of(example));
  });

  test("without algorithms the hash ends with the extensions; without either it is zeros", () => {
    const without = known.map((one) => (one[0] === 13 ? empty(13) : one));
    expect(ja4Of({ ...example, extensions: without })).toBe("t13d1516h2_8daaf6152771_6d807ffa2a79");
    expect(ja4Of({ cipherSuites: [0x2a2a] })).toBe("t12i000000_000000000000_000000000000");
    // Name and protocol are told in the first part and take no part in the hash.
    const told = [extension.serverName("a.test"), extension.protocols([Buffer.from("h2")])];
    expect(ja4Of({ cipherSuites: [], extensions: told })).toBe(
      "t12d0002h2_000000000000_000000000000",
    );
  });

  test.each([
    ["ab", "ab"],
    ["20", "20"],
    ["abcd", "ad"],
    ["2061", "21"],
    ["30ab", "3b"],
    ["6120", "60"],
    ["3031abcd", "3d"],
    ["30abcd31", "01"],
    ["68", "hh"],
    ["687474702f312e31", "h1"],
    ["", "00"],
  ])("the protocol of bytes %s is written %s", (bytes, written) => {
    const protocols = extension.protocols([Buffer.from(bytes, "hex"), Buffer.from("h2")]);
    expect(ja4Of({ extensions: [protocols] }).slice(8, 10)).toBe(written);
  });

  test.each([
    [0x0304, "13"],
    [0x0303, "12"],
    [0x0302, "11"],
    [0x0301, "10"],
    [0x0300, "s3"],
    [0x0002, "s2"],
    [0xfeff, "d1"],
    [0xfefd, "d2"],
    [0xfefc, "d3"],
    [0x7f1c, "00"],
  ])(
    "version %i is written %s, from the extension or, without it, from the message",
    (version, written) => {
      expect(ja4Of({ legacyVersion: version }).slice(1, 3)).toBe(written);
      const extensions = [extension.versions([0x0002, version, 0x1a1a])];
      expect(ja4Of({ extensions }).slice(1, 3)).toBe(written);
    },
  );

  test("more than 99 of a kind are 99", () => {
    const cipherSuites = Array.from({ length: 120 }, (_, at) => at + 1);
    const extensions = Array.from({ length: 100 }, (_, at) => empty(at + 60));
    expect(ja4Of({ cipherSuites, extensions })).toMatch(/^t12i999900_/);
  });
});

test("real clients have the fingerprint that Wireshark computes for them, each another", () => {
  const captured = capturedHellos();
  for (const { client, hello, ja4: expected } of captured) {
    expect(ja4Of(hello), client).toBe(expected);
  }
  expect(new Set(captured.map((one) => one.ja4)).size).toBe(captured.length);
});
