/** Writes small databases in MaxMind's format (MaxMind DB File Format 2.0). Test code only. */

type Value = string | number | { readonly [key: string]: Value };

const EXTENDED = { uint64: 9, array: 11 } as const;

function encode(value: Value): Buffer {
  if (typeof value === "string") {
    const bytes = Buffer.from(value, "utf8");
    return Buffer.concat([control(2, bytes.length), bytes]);
  }
  if (typeof value === "number") {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(value);
    return Buffer.concat([control(6, 4), bytes]);
  }
  const entries = Object.entries(value);
  const parts = entries.flatMap(([key, one]) => [encode(key), encode(one)]);
  return Buffer.concat([control(7, entries.length), ...parts]);
}

/** Short sizes only: a test's values. */
function control(type: number, size: number): Buffer {
  if (size < 29) return Buffer.from([(type << 5) | size]);
  return Buffer.from([(type << 5) | 29, size - 29]);
}

type Node = { next: [Node | number, Node | number] };
const NONE = -1;

/** A database of IPv4 blocks with 24-bit records. */
export function writeMmdb(
  type: string,
  blocks: Readonly<Record<string, Value>>,
  buildTime = "2026-01-01T00:00:00Z",
): Buffer {
  const root: Node = { next: [NONE, NONE] };
  const data: Buffer[] = [];
  let offset = 0;
  for (const [cidr, value] of Object.entries(blocks)) {
    const [address = "", bits = "32"] = cidr.split("/");
    const number = address.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
    insert(root, { number, bits: Number(bits), offset });
    const bytes = encode(value);
    data.push(bytes);
    offset += bytes.length;
  }
  const nodes = numbered(root);
  const tree = Buffer.alloc(nodes.length * 6);
  for (const [at, node] of nodes.entries()) {
    for (const side of [0, 1] as const) {
      const next = node.next[side];
      const empty = nodes.length;
      const record =
        typeof next !== "number" ? nodes.indexOf(next) : next === NONE ? empty : empty + 16 + next;
      tree.writeUIntBE(record, at * 6 + side * 3, 3);
    }
  }
  const metadata = Buffer.concat([
    control(7, 9),
    ...[encode("binary_format_major_version"), encode(2)],
    ...[encode("binary_format_minor_version"), encode(0)],
    ...[encode("build_epoch"), Buffer.from([0x08, EXTENDED.uint64 - 7]), epochOf(buildTime)],
    ...[encode("database_type"), encode(type)],
    ...[encode("description"), encode({ en: "a test" })],
    ...[encode("ip_version"), encode(4)],
    ...[encode("languages"), Buffer.from([0x00, EXTENDED.array - 7])],
    ...[encode("node_count"), encode(nodes.length)],
    ...[encode("record_size"), encode(24)],
  ]);
  const marker = Buffer.from("\xab\xcd\xefMaxMind.com", "latin1");
  return Buffer.concat([tree, Buffer.alloc(16), ...data, marker, metadata]);
}

function epochOf(time: string): Buffer {
  const epoch = Buffer.alloc(8);
  epoch.writeBigUInt64BE(BigInt(Date.parse(time) / 1_000));
  return epoch;
}

function insert(root: Node, block: { number: number; bits: number; offset: number }): void {
  let node = root;
  for (let bit = 0; bit < block.bits; bit++) {
    const side = ((block.number >>> (31 - bit)) & 1) === 0 ? 0 : 1;
    if (bit === block.bits - 1) {
      node.next[side] = block.offset;
      return;
    }
    const next = node.next[side];
    const below: Node = typeof next === "number" ? { next: [NONE, NONE] } : next;
    node.next[side] = below;
    node = below;
  }
}

function numbered(root: Node): Node[] {
  const nodes = [root];
  for (const node of nodes)
    for (const next of node.next) if (typeof next !== "number") nodes.push(next);
  return nodes;
}
