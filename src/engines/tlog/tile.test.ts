import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  decodeEntryBundle,
  decodeHashTile,
  encodeEntryBundle,
  tileOfNode,
  tilePath,
  tilesOfSize,
  tileWidth,
} from "./tile.ts";

describe("tile coordinates", () => {
  test("paths are those of the C2SP examples", () => {
    expect(tilePath({ level: 0, index: 1_234_067, width: 256 })).toBe("tile/0/x001/x234/067");
    expect(tilePath({ level: 1, index: 0, width: 8 })).toBe("tile/1/000.p/8");
    expect(tilePath({ level: "entries", index: 273, width: 1 })).toBe("tile/entries/273.p/1");
  });

  test("a log of 70,000 entries has the tiles that the specification lists", () => {
    const tiles = [...tilesOfSize(70_000)].map(tilePath);
    expect(tiles.filter((path) => path.startsWith("tile/entries/")).length).toBe(274);
    expect(tiles.filter((path) => path.startsWith("tile/0/")).at(-1)).toBe("tile/0/273.p/112");
    expect(tiles.filter((path) => path.startsWith("tile/1/"))).toEqual([
      "tile/1/000",
      "tile/1/001.p/17",
    ]);
    expect(tiles.filter((path) => path.startsWith("tile/2/"))).toEqual(["tile/2/000.p/1"]);
    expect(tiles.filter((path) => path.startsWith("tile/3/"))).toEqual([]);
  });

  test("a node at level 11 lies in a tile of level 1, eight hashes wide", () => {
    expect(tileOfNode(11, 40)).toEqual({ level: 1, index: 1, start: 64, count: 8 });
    expect(tileOfNode(0, 257)).toEqual({ level: 0, index: 1, start: 1, count: 1 });
    expect(tileWidth(1, 0, 70_000)).toBe(256);
    expect(tileWidth(1, 1, 70_000)).toBe(17);
    expect(tileWidth("entries", 274, 70_000)).toBe(0);
  });
});

describe("encodings", () => {
  test("a bundle gives back its entries, and a cut or longer one is not complete", () => {
    const entries = fc.array(fc.uint8Array({ maxLength: 300 }), { minLength: 1, maxLength: 256 });
    const property = fc.property(entries, fc.nat(), (list, cut) => {
      const bytes = encodeEntryBundle(list);
      const back = decodeEntryBundle(bytes, 256);
      expect(back.complete).toBe(true);
      expect(back.entries.map((entry) => [...entry])).toEqual(list.map((entry) => [...entry]));
      const shorter = decodeEntryBundle(bytes.subarray(0, cut % bytes.length), 256);
      expect(shorter.entries.length).toBeLessThan(list.length);
      expect(decodeEntryBundle(bytes, list.length - 1).complete).toBe(false);
    });
    fc.assert(property);
  });

  test("an entry that is longer than its length field is refused", () => {
    expect(() => encodeEntryBundle([Buffer.alloc(65_536)])).toThrow("65536 bytes");
  });

  test("a hash tile of the wrong length is refused", () => {
    expect(decodeHashTile(Buffer.alloc(64), 2)?.length).toBe(2);
    expect(decodeHashTile(Buffer.alloc(65), 2)).toBeUndefined();
  });
});
