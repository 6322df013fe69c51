/** The search tree of a database in MaxMind's format: each of its leaves once, without look-ups. */

export type TreeShape = {
  readonly nodeCount: number;
  /** Bits of one of the two records of a node: 24, 28 or 32. */
  readonly recordSize: number;
  readonly ipVersion: number;
};

export type Leaves = {
  /** Records of the tree that lead to data. */
  readonly networks: number;
  /** The first node whose record leads neither to a node nor into the data; null = none. */
  readonly strayAt: number | null;
};

const SEPARATOR_BYTES = 16;

/**
 * Walks the tree. A node that several lead to, as IPv4 has in a tree of IPv6, is entered once, so
 * that a tree in circles ends too.
 *
 * @param dataBytes from the end of the tree on, with the separator.
 * @param tell called with an address of each different record of the data.
 */
export function leavesOf(
  file: Buffer,
  shape: TreeShape,
  dataBytes: number,
  tell: (address: string) => void,
): Leaves {
  const { nodeCount } = shape;
  const bits = shape.ipVersion === 4 ? 32 : 128;
  /** Of each node: twice the node above it, and one more when it is the right one below. */
  const above = new Uint32Array(nodeCount);
  const depths = new Uint8Array(nodeCount);
  const told = new Uint8Array(Math.ceil(dataBytes / 8));
  let networks = 0;
  const open = [0];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    const depth = (depths[node] ?? 0) + 1;
    for (const side of [0, 1] as const) {
      const record = recordOf(file, shape.recordSize, { node, side });
      if (record === nodeCount) continue;
      if (record < nodeCount) {
        if (record === 0 || depths[record] !== 0 || depth >= bits) continue;
        depths[record] = depth;
        above[record] = node * 2 + side;
        open.push(record);
        continue;
      }
      const at = record - nodeCount;
      if (at < SEPARATOR_BYTES || at >= dataBytes) return { networks, strayAt: node };
      networks++;
      const mask = 1 << (at & 7);
      if (((told[at >>> 3] ?? 0) & mask) !== 0) continue;
      told[at >>> 3] = (told[at >>> 3] ?? 0) | mask;
      tell(addressOf(node * 2 + side, { above, depths, bytes: bits / 8 }));
    }
  }
  return { networks, strayAt: null };
}

function recordOf(
  file: Buffer,
  recordSize: number,
  { node, side }: { readonly node: number; readonly side: 0 | 1 },
): number {
  const at = (node * recordSize) / 4;
  if (recordSize === 24) return file.readUIntBE(at + side * 3, 3);
  if (recordSize === 32) return file.readUInt32BE(at + side * 4);
  // Of 28 bits: the byte between both records holds the highest four of each.
  const middle = file.readUInt8(at + 3);
  const high = side === 0 ? middle >>> 4 : middle & 0x0f;
  return high * 2 ** 24 + file.readUIntBE(at + side * 4, 3);
}

/** The first address below a record. */
function addressOf(
  record: number,
  tree: { readonly above: Uint32Array; readonly depths: Uint8Array; readonly bytes: number },
): string {
  const address = Buffer.alloc(tree.bytes);
  let step = record;
  for (let bit = tree.depths[record >>> 1] ?? 0; bit >= 0; bit--) {
    if ((step & 1) === 1) address[bit >>> 3] = (address[bit >>> 3] ?? 0) | (0x80 >>> (bit & 7));
    step = tree.above[step >>> 1] ?? 0;
  }
  if (tree.bytes === 4) return [...address].join(".");
  return Array.from({ length: 8 }, (_, at) => address.readUInt16BE(at * 2).toString(16)).join(":");
}
