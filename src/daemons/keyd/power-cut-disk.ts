/**
 * A disk in memory that loses its power: after any operation, it can be one of all the disks that
 * what was not flushed allows. Data of a file is flushed by its own sync, entries of a folder by
 * the folder's; of what was not, any part may be there, in any order. Test code only.
 */

type File = { readonly kind: "file"; durable: Buffer; current: Buffer };
type Folder = {
  readonly kind: "folder";
  readonly durable: Map<string, Node>;
  readonly current: Map<string, Node>;
  /** Changes of entries since the last sync of this folder. */
  pending: { readonly name: string; readonly node: Node | undefined; readonly from?: string }[];
};
type Node = File | Folder;

class PowerCut extends Error {
  override readonly name = "PowerCut";
}

let root = newFolder();
let budget = Number.POSITIVE_INFINITY;
let spent = 0;

function newFolder(): Folder {
  return { kind: "folder", durable: new Map(), current: new Map(), pending: [] };
}

/** An empty disk whose power goes after so many operations. */
export function emptyDisk(operations = Number.POSITIVE_INFINITY): void {
  root = newFolder();
  budget = operations;
  spent = 0;
}

export function powerCutAfter(operations: number): void {
  budget = spent + operations;
}

/** Operations that were done since the disk was made. */
export function operationsDone(): number {
  return spent;
}

export function isPowerCut(error: unknown): boolean {
  return error instanceof PowerCut;
}

function spend(): void {
  if (spent >= budget) throw new PowerCut("the power is gone");
  spent += 1;
}

function missing(path: string): Error {
  return Object.assign(new Error(`ENOENT: ${path}`), { code: "ENOENT" });
}

function parts(path: string): readonly string[] {
  return path.split("/").filter((part) => part !== "");
}

function nodeAt(path: string): Node | undefined {
  let node: Node | undefined = root;
  for (const part of parts(path)) {
    node = node?.kind === "folder" ? node.current.get(part) : undefined;
  }
  return node;
}

function folderOf(path: string): { folder: Folder; name: string } {
  const all = parts(path);
  const folder = nodeAt(all.slice(0, -1).join("/"));
  if (folder?.kind !== "folder") throw missing(path);
  return { folder, name: all.at(-1) ?? "" };
}

function setEntry(folder: Folder, name: string, node: Node | undefined, from?: string): void {
  if (node === undefined) folder.current.delete(name);
  else folder.current.set(name, node);
  if (from !== undefined) folder.current.delete(from);
  folder.pending.push(from === undefined ? { name, node } : { name, node, from });
}

function sync(node: Node): void {
  spend();
  if (node.kind === "file") {
    node.durable = node.current;
    return;
  }
  node.durable.clear();
  for (const [name, child] of node.current) node.durable.set(name, child);
  node.pending = [];
}

function fileHandle(file: File) {
  const add = (bytes: Buffer | string): void => {
    // Two operations, so that a cut comes between the halves of one write.
    const added = Buffer.from(bytes);
    const middle = added.length >> 1;
    for (const piece of [added.subarray(0, middle), added.subarray(middle)]) {
      spend();
      file.current = Buffer.concat([file.current, piece]);
    }
  };
  return {
    writeFile: async (bytes: Buffer | string) => add(bytes),
    write: async (bytes: Buffer | string) => add(bytes),
    sync: async () => sync(file),
    datasync: async () => sync(file),
    close: async () => {},
  };
}

/** What keyd's durable files use of `node:fs/promises`. */
export const fsPromises = {
  async open(path: string, flags: string) {
    const node = nodeAt(path);
    if (flags === "r") {
      if (node === undefined) throw missing(path);
      return { sync: async () => sync(node), close: async () => {} };
    }
    spend();
    if (node?.kind === "file") {
      if (flags === "w") node.current = Buffer.alloc(0);
      return fileHandle(node);
    }
    const file: File = { kind: "file", durable: Buffer.alloc(0), current: Buffer.alloc(0) };
    const { folder, name } = folderOf(path);
    setEntry(folder, name, file);
    return fileHandle(file);
  },
  async readFile(path: string) {
    const node = nodeAt(path);
    if (node?.kind !== "file") throw missing(path);
    return Buffer.from(node.current);
  },
  async rename(from: string, to: string) {
    spend();
    const node = nodeAt(from);
    if (node === undefined) throw missing(from);
    const target = folderOf(to);
    setEntry(target.folder, target.name, node, folderOf(from).name);
  },
  async rm(path: string) {
    spend();
    if (nodeAt(path) === undefined) return;
    const { folder, name } = folderOf(path);
    setEntry(folder, name, undefined);
  },
  async mkdir(path: string) {
    let folder = root;
    for (const part of parts(path)) {
      let next = folder.current.get(part);
      if (next === undefined) {
        spend();
        next = newFolder();
        setEntry(folder, part, next);
      }
      if (next.kind !== "folder") throw new Error(`not a folder: ${path}`);
      folder = next;
    }
  },
  async readdir(path: string) {
    const node = nodeAt(path);
    if (node?.kind !== "folder") throw missing(path);
    return [...node.current.keys()];
  },
  async appendFile(path: string, text: string) {
    const handle = await fsPromises.open(path, "a");
    if ("write" in handle) await handle.write(text);
  },
};

/** Runs with every disk that the cut may have left; each starts with full power. */
export async function withEveryDisk(run: () => Promise<void>): Promise<number> {
  let count = 0;
  const before = root;
  for (const disk of folderStates(before)) {
    root = disk;
    budget = Number.POSITIVE_INFINITY;
    await run();
    count += 1;
  }
  return count;
}

/** Contents that a file may have: as flushed, as written, and each half of what came since. */
function fileStates({ durable, current }: File): readonly File[] {
  const middle = current.subarray(0, current.length >> 1);
  const contents = [durable, current, middle, Buffer.alloc(0)];
  const flushed = durable.equals(current);
  const different = contents.filter(
    (one, at) => contents.findIndex((other) => other.equals(one)) === at,
  );
  const possible = flushed ? [durable] : different;
  return possible.map((bytes) => ({ kind: "file", durable: bytes, current: bytes }));
}

function nodeStates(node: Node): readonly Node[] {
  return node.kind === "file" ? fileStates(node) : folderStates(node);
}

function folderStates({ durable, pending }: Folder): readonly Folder[] {
  const states: Folder[] = [];
  for (let chosen = 0; chosen < 2 ** pending.length; chosen += 1) {
    const entries = new Map(durable);
    for (const [at, { name, node, from }] of pending.entries()) {
      if ((chosen >> at) % 2 === 0) continue;
      if (node === undefined) entries.delete(name);
      else entries.set(name, node);
      if (from !== undefined) entries.delete(from);
    }
    let combined: ReadonlyMap<string, Node>[] = [new Map()];
    for (const [name, node] of entries) {
      const variants = nodeStates(node);
      combined = combined.flatMap((base) =>
        variants.map((variant) => new Map(base).set(name, variant)),
      );
    }
    for (const all of combined) {
      states.push({ kind: "folder", durable: new Map(all), current: new Map(all), pending: [] });
    }
  }
  return states;
}
