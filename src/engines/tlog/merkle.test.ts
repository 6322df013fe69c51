import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { emptyFrontier, extendFrontier, frontierRoot } from "./frontier.ts";
import {
  consistencyProof,
  emptyRoot,
  type HashReader,
  inclusionProof,
  leafHash,
  nodeHash,
  rootHash,
  verifyConsistency,
  verifyInclusion,
} from "./merkle.ts";

/** The reference tree of RFC 6962's public test data: eight leaves and the root at each size. */
const leavesHex = [
  "",
  "00",
  "10",
  "2021",
  "3031",
  "40414243",
  "5051525354555657",
  "606162636465666768696a6b6c6d6e6f",
];
const rootsHex = [
  "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
  "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
  "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
  "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
  "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
  "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
  "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
  "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
  "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];
const h1 = "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7";
const h23 = "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e";
const h4567 = "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4";
const h4 = "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b";
const h67 = "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0";
const h45 = "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a";
const h0123 = rootsHex[4] ?? "";

function readerOf(leaves: readonly Buffer[]): HashReader {
  const read = (level: number, index: number): Buffer => {
    if (level === 0) return leaves[index] ?? expect.fail(`leaf ${index} is outside the tree`);
    return nodeHash(read(level - 1, index * 2), read(level - 1, index * 2 + 1));
  };
  return read;
}

const hex = (hashes: readonly Buffer[]) => hashes.map((value) => value.toString("hex"));
const vectorLeaves = leavesHex.map((text) => leafHash(Buffer.from(text, "hex")));
const vectorReader = readerOf(vectorLeaves);

describe("the public RFC 6962 vectors", () => {
  test.each(rootsHex.map((root, size) => [size, root] as const))(
    "the root of %i leaves is the published one, by reader and by frontier",
    async (size, root) => {
      expect((await rootHash(size, vectorReader)).toString("hex")).toBe(root);
      const frontier = extendFrontier(emptyFrontier, vectorLeaves.slice(0, size));
      expect(frontierRoot(frontier).toString("hex")).toBe(root);
    },
  );

  test("inclusion proofs are the published ones", async () => {
    expect(hex(await inclusionProof(0, 8, vectorReader))).toEqual([h1, h23, h4567]);
    expect(hex(await inclusionProof(5, 8, vectorReader))).toEqual([h4, h67, h0123]);
    expect(hex(await inclusionProof(0, 1, vectorReader))).toEqual([]);
  });

  test("consistency proofs are the published ones", async () => {
    expect(hex(await consistencyProof(1, 8, vectorReader))).toEqual([h1, h23, h4567]);
    expect(hex(await consistencyProof(6, 8, vectorReader))).toEqual([h45, h67, h0123]);
    expect(hex(await consistencyProof(2, 5, vectorReader))).toEqual([h23, h4]);
    expect(hex(await consistencyProof(8, 8, vectorReader))).toEqual([]);
  });
});

const tree = fc.integer({ min: 1, max: 70 }).chain((size) =>
  fc.record({
    leaves: fc.constant(
      Array.from({ length: size }, (_, index) => leafHash(Buffer.from(`entry ${index}`))),
    ),
    index: fc.nat(size - 1),
    oldSize: fc.nat(size),
    flip: fc.record({ hash: fc.nat(), bit: fc.nat(255) }),
  }),
);

function flipped(hashes: readonly Buffer[], at: { hash: number; bit: number }): Buffer[] {
  const copy = hashes.map((value) => Buffer.from(value));
  const victim = copy[at.hash % copy.length];
  if (victim !== undefined) victim[at.bit >> 3] = (victim[at.bit >> 3] ?? 0) ^ (1 << (at.bit & 7));
  return copy;
}

describe("properties", () => {
  test("every leaf's proof verifies, and no mutation of it does", async () => {
    const property = fc.asyncProperty(tree, async ({ leaves, index, flip }) => {
      const read = readerOf(leaves);
      const size = leaves.length;
      const leaf = leaves[index] ?? emptyRoot;
      const root = await rootHash(size, read);
      const proof = await inclusionProof(index, size, read);
      const claim = { index, size, leaf, proof, root };
      expect(verifyInclusion(claim)).toBe(true);
      expect(verifyInclusion({ ...claim, leaf: flipped([leaf], flip)[0] ?? leaf })).toBe(false);
      expect(verifyInclusion({ ...claim, root: flipped([root], flip)[0] ?? root })).toBe(false);
      expect(verifyInclusion({ ...claim, proof: [...proof, root] })).toBe(false);
      expect(verifyInclusion({ ...claim, index: size })).toBe(false);
      if (size > 1) {
        expect(verifyInclusion({ ...claim, index: (index + 1) % size })).toBe(false);
        expect(verifyInclusion({ ...claim, proof: proof.slice(1) })).toBe(false);
        expect(verifyInclusion({ ...claim, proof: flipped(proof, flip) })).toBe(false);
      }
    });
    await fc.assert(property, { numRuns: 300 });
  });

  test("every prefix is proved consistent, and no mutation of the proof is", async () => {
    const property = fc.asyncProperty(tree, async ({ leaves, oldSize, flip }) => {
      const read = readerOf(leaves);
      const newSize = leaves.length;
      const oldRoot = await rootHash(oldSize, read);
      const newRoot = await rootHash(newSize, read);
      const proof = await consistencyProof(oldSize, newSize, read);
      const claim = { oldSize, newSize, oldRoot, newRoot, proof };
      expect(verifyConsistency(claim)).toBe(true);
      expect(verifyConsistency({ ...claim, proof: [...proof, newRoot] })).toBe(false);
      const badOldRoot = flipped([oldRoot], flip)[0] ?? oldRoot;
      expect(verifyConsistency({ ...claim, oldRoot: badOldRoot })).toBe(false);
      if (oldSize > 0) {
        const badNewRoot = flipped([newRoot], flip)[0] ?? newRoot;
        expect(verifyConsistency({ ...claim, newRoot: badNewRoot })).toBe(false);
      }
      if (proof.length > 0) {
        expect(verifyConsistency({ ...claim, proof: flipped(proof, flip) })).toBe(false);
        expect(verifyConsistency({ ...claim, proof: proof.slice(1) })).toBe(false);
      }
    });
    await fc.assert(property, { numRuns: 300 });
  });

  test("a frontier that grows in steps has the root of the whole tree", () => {
    const property = fc.property(fc.array(fc.nat(40), { maxLength: 6 }), (steps) => {
      let frontier = emptyFrontier;
      const all: Buffer[] = [];
      for (const step of steps) {
        const leaves = Array.from({ length: step }, (_, at) => leafHash(Buffer.from(`${at}`)));
        all.push(...leaves);
        frontier = extendFrontier(frontier, leaves);
      }
      expect(frontier).toEqual(extendFrontier(emptyFrontier, all));
    });
    fc.assert(property);
  });
});
