import fc from "fast-check";
import { expect, test } from "vitest";
import { encodeBlobHead, readBlobHead } from "./blob.ts";
import { pkcs8NamesCurve, spkiNamesCurve } from "./named-curve.ts";

test("a head is read back as it was written, whatever follows", () => {
  const heads = fc.record({
    key: fc.stringMatching(/^[a-z0-9-]{1,64}$/),
    version: fc.integer({ min: 1, max: 2 ** 31 - 1 }),
    algorithm: fc.constantFrom("SYMMETRIC_DEFAULT", "SM4_GCM", "SM4_CBC", "SM4_CTR"),
  });
  fc.assert(
    fc.property(heads, fc.uint8Array({ maxLength: 40 }), (head, body) => {
      const bytes = encodeBlobHead(head);
      const read = readBlobHead(Buffer.concat([bytes, body]));
      expect(read).toEqual({ ...head, bodyOffset: bytes.length });
    }),
  );
});

test("any bytes are a head or are not, and never an exception", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 90 }), (bytes) => {
      const read = readBlobHead(bytes);
      if (read !== undefined) expect(read.bodyOffset).toBeLessThanOrEqual(bytes.length);
      expect([true, false]).toContain(spkiNamesCurve(Buffer.from(bytes)));
      expect([true, false]).toContain(pkcs8NamesCurve(Buffer.from(bytes)));
    }),
  );
});

test("another format version is not read", () => {
  const head = encodeBlobHead({ key: "key-1", version: 1, algorithm: "SYMMETRIC_DEFAULT" });
  head[0] = 2;
  expect(readBlobHead(head)).toBeUndefined();
});
