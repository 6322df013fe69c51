import { describe, expect, test } from "vitest";
import { capturedHellos } from "../../../test/captured-hellos.ts";
import { clientHelloLimits, readClientHello } from "./client-hello.ts";
import {
  extension,
  helloBytes,
  helloMessage,
  inRecords,
  u16,
  vector8,
  vector16,
} from "./test-kit.ts";

const captured = capturedHellos();
const named = { extensions: [extension.serverName("A.test")] };

test("a hello of each kept client is read to its last extension", () => {
  expect(captured.length).toBeGreaterThan(6);
  for (const { client, hello } of captured) {
    const reading = readClientHello(hello);
    const serverName = client.includes("noservername") ? "" : "a.test";
    expect(reading, client).toMatchObject({ kind: "hello", hello: { serverName } });
  }
});

test("split at each byte it is the same hello, with few looks, and not one byte too early", () => {
  for (const { client, hello } of captured) {
    const whole = readClientHello(hello);
    let looks = 0;
    let bytesMin = 1;
    for (let size = 1; size <= hello.length; size++) {
      const reading = readClientHello(hello.subarray(0, size));
      if (size < hello.length) expect(reading.kind, `${client} ${size}`).toBe("more");
      else expect(reading).toEqual(whole);
      if (size < bytesMin) continue;
      looks++;
      if (reading.kind === "more") ({ bytesMin } = reading);
    }
    expect(looks, client).toBeLessThanOrEqual(4);
  }
});

test("spread over records of any size it is the same hello; what follows it does not matter", () => {
  const message = helloMessage(named);
  const whole = readClientHello(inRecords(message));
  expect(whole).toMatchObject({ kind: "hello", hello: { serverName: "a.test" } });
  for (let bytesEach = 2; bytesEach < message.length; bytesEach++) {
    const records = inRecords(message, bytesEach);
    expect(readClientHello(records), `records of ${bytesEach}`).toEqual(whole);
    expect(readClientHello(Buffer.concat([records, Buffer.from("GET /")]))).toEqual(whole);
  }
});

describe("limits", () => {
  test("records without end are given up by their number, not waited for", () => {
    const message = helloMessage({ extensions: [[21, Buffer.alloc(200)]] });
    const looksOf = (bytes: Buffer) => {
      const readings: string[] = [];
      for (let size = 1; size <= bytes.length; size++) {
        const reading = readClientHello(bytes.subarray(0, size));
        if (reading.kind === "more") expect(reading.bytesMin).toBeGreaterThan(size);
        readings.push(reading.kind);
      }
      return readings;
    };
    const readings = looksOf(inRecords(message, 1));
    expect(readings.at(-1)).toBe("none");
    expect(readings.lastIndexOf("more")).toBe(clientHelloLimits.recordsMax * 6 - 2);
  });

  test("a hello of more than bytesMax is told by its header, before it has come", () => {
    const { bytesMax } = clientHelloLimits;
    const empty = helloMessage({ extensions: [[21, Buffer.alloc(0)]] }).length;
    const largest = helloMessage({ extensions: [[21, Buffer.alloc(bytesMax - empty)]] });
    expect(largest.length).toBe(bytesMax);
    expect(readClientHello(inRecords(largest)).kind).toBe("hello");
    const larger = helloMessage({ extensions: [[21, Buffer.alloc(bytesMax - empty + 1)]] });
    expect(readClientHello(inRecords(larger).subarray(0, 9)).kind).toBe("none");
  });

  test("four thousand extensions are read; each is counted", () => {
    const extensions = Array.from(
      { length: 4_000 },
      (_, at) => [at + 100, Buffer.alloc(0)] as const,
    );
    const reading = readClientHello(helloBytes({ extensions }));
    expect(reading.kind === "hello" && reading.hello.extensions.length).toBe(4_000);
  });
});

describe("what is no hello is left to the handshake", () => {
  const message = helloMessage(named);
  const broken: [string, Buffer][] = [
    ["HTTP in clear text", Buffer.from("GET / HTTP/1.1\r\n")],
    ["an alert", Buffer.from([21, 3, 1, 0, 2, 1, 0])],
    ["an SSL 2 hello", Buffer.from([0x80, 0x2e, 1, 0, 2, 0, 0x15])],
    ["another version of records", Buffer.from([22, 2, 0, 0, 4, 1, 0, 0, 0])],
    ["an empty record", Buffer.from([22, 3, 1, 0, 0])],
    ["a record longer than records may be", Buffer.from([22, 3, 1, 0x40, 1, 1])],
    ["a ServerHello", inRecords(Buffer.concat([Buffer.from([2]), message.subarray(1)]))],
    ["no body", inRecords(Buffer.from([1, 0, 0, 0]))],
    [
      "another record amid the hello",
      Buffer.concat([inRecords(message.subarray(0, 20)), Buffer.from([23, 3, 3, 0, 1, 0])]),
    ],
  ];
  test.each(broken)("%s", (_, bytes) => {
    expect(readClientHello(bytes)).toEqual({ kind: "none" });
  });

  test("a length that leads beyond its message, wherever it stands", () => {
    const whole = inRecords(message);
    // Version, random and the length of what follows stay; every other byte becomes the largest.
    for (let at = 9 + 34; at < whole.length; at++) {
      const changed = Buffer.from(whole);
      changed[at] = 255;
      expect(() => readClientHello(changed), `byte ${at}`).not.toThrow();
    }
    const lengths = [43, 76, 77, 80, 82, 83];
    for (const at of lengths) {
      const changed = Buffer.from(whole);
      changed[at] = 255;
      expect(readClientHello(changed).kind, `byte ${at}`).toBe("none");
    }
  });

  test("extensions that break their own form have no values, and the rest is read", () => {
    const bytes = helloBytes({
      extensions: [
        [0, Buffer.from([0, 9, 0, 0, 9, 97])],
        [13, Buffer.from([0, 3, 4, 3, 4])],
        [16, vector16(vector8(Buffer.from("h2")).subarray(0, 2))],
        [43, Buffer.from([200, 3, 4])],
        [35, Buffer.alloc(0)],
      ],
    });
    expect(readClientHello(bytes)).toMatchObject({
      kind: "hello",
      hello: {
        serverName: "",
        firstProtocol: "",
        signatureAlgorithms: [0x0403],
        supportedVersions: [],
        extensions: [0, 13, 16, 43, 35],
      },
    });
    const otherType = [
      0,
      vector16(Buffer.concat([Buffer.from([1]), vector16(u16(0x6161))])),
    ] as const;
    expect(readClientHello(helloBytes({ extensions: [otherType] }))).toMatchObject({
      hello: { serverName: "" },
    });
  });
});

test("without extensions, or without a list of them, there are none (TLS 1.2 and before)", () => {
  for (const parts of [{}, { extensions: [] }]) {
    expect(readClientHello(helloBytes({ ...parts, legacyVersion: 0x0301 }))).toMatchObject({
      kind: "hello",
      hello: { legacyVersion: 0x0301, extensions: [], supportedVersions: null, serverName: "" },
    });
  }
});
