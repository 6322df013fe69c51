import fc from "fast-check";
import { expect, test } from "vitest";
import { createHeadReader, readHead } from "./head-reader.ts";
import { type Http1Limits, limits } from "./limits.ts";

/** What a reader makes of the bytes when they come in pieces of this size. */
function read(text: string, size: number, given: Http1Limits) {
  const bytes = Buffer.from(text, "latin1");
  const reader = createHeadReader(given);
  let taken = 0;
  for (let end = size; taken < bytes.length && reader.text === null; end += size) {
    const piece = bytes.subarray(taken, Math.min(end, bytes.length));
    taken += readHead(reader, piece, 0);
  }
  return { text: reader.text, fault: reader.fault, bytes: reader.bytes, taken };
}

test("a head in one piece is what it is byte by byte, whatever ends its lines, near every limit", () => {
  const part = fc.constantFrom("a", "b: c", "\r\n", "\n", "\r", "\r\n\r\n", "\n\n", "\n\r\n");
  const texts = fc.array(part, { minLength: 1, maxLength: 14 }).map((parts) => parts.join(""));
  const small = fc.integer({ min: 1, max: 24 });
  fc.assert(
    fc.property(texts, small, small, (text, startLineBytesMax, headBytesMax) => {
      for (const given of [limits, { ...limits, startLineBytesMax, headBytesMax }]) {
        expect(read(`GET${text}`, 100, given)).toEqual(read(`GET${text}`, 1, given));
      }
    }),
    { numRuns: 3_000 },
  );
});
