/**
 * keyd's files on a disk that loses its power after any operation, in every state that the disk
 * may then be in: what was acknowledged is there, and what is there is old or new, never between.
 */
import { createSecretKey } from "node:crypto";
import { expect, test, vi } from "vitest";
import type { Head } from "../../kernel/keyd/protocol.ts";
import type { AccountKeyRing, AccountKeys } from "./account-keys.ts";
import { readIfThere, writeDurably } from "./durable-file.ts";
import { type FolderRecord, folderRecord } from "./folder-record.ts";
import { headRecord } from "./head-record.ts";
import {
  emptyDisk,
  fsPromises,
  isPowerCut,
  operationsDone,
  powerCutAfter,
  withEveryDisk,
} from "./power-cut-disk.ts";
import { readRootInUse, writeRootInUse } from "./root-in-use.ts";
import type { MonotonicCounter } from "./root-provider.ts";
import { openSoftwareRoot } from "./software-root.ts";

vi.mock("node:fs/promises", async () => (await import("./power-cut-disk.ts")).fsPromises);

const headAt = (epoch: number): Head => ({ epoch, hash: String(epoch).padStart(64, "0") });
const key = createSecretKey(Buffer.alloc(32, 7));
const keys: AccountKeys = {
  wrapping: key,
  sealing: key,
  importing: key,
  recording: key,
  expireMs: Number.POSITIVE_INFINITY,
};
let folders = 0;
/** A path that no run before had: folders are remembered as flushed by their path. */
const freshFolder = (): string => {
  folders += 1;
  return `/data-${folders}/keys`;
};

type Scenario<Acknowledged> = {
  /** Before the power may go. */
  readonly prepare: (folder: string) => Promise<void>;
  /** Says what was acknowledged, as it happens. */
  readonly change: (folder: string, saw: (what: Acknowledged) => void) => Promise<void>;
  readonly expectRight: (folder: string, last: Acknowledged | undefined) => Promise<void>;
};

/** Cuts the power after 0, 1, 2 … operations of the change; returns how many disks were seen. */
async function cutEverywhere<Acknowledged>(scenario: Scenario<Acknowledged>): Promise<number> {
  let disks = 0;
  for (let cut = 0; ; cut += 1) {
    const folder = freshFolder();
    emptyDisk();
    await scenario.prepare(folder);
    powerCutAfter(cut);
    let last: Acknowledged | undefined;
    let whole = false;
    try {
      await scenario.change(folder, (what) => {
        last = what;
      });
      whole = true;
    } catch (error) {
      if (!isPowerCut(error)) throw error;
    }
    disks += await withEveryDisk(() => scenario.expectRight(folder, last));
    if (whole) return disks;
    expect(operationsDone()).toBeLessThan(2_000);
  }
}

const keysFolder = async (folder: string): Promise<void> => {
  await fsPromises.mkdir(folder);
  for (const path of ["/", folder.slice(0, folder.lastIndexOf("/"))]) {
    await (await fsPromises.open(path, "r")).sync();
  }
};

test("a file that is replaced is the old or the new one, and the new one once written", async () => {
  const disks = await cutEverywhere<string>({
    async prepare(folder) {
      await keysFolder(folder);
      await writeDurably(`${folder}/file`, "the old content");
    },
    async change(folder, saw) {
      await writeDurably(`${folder}/file`, "the new content");
      saw("the new content");
    },
    async expectRight(folder, last) {
      const text = (await readIfThere(`${folder}/file`))?.toString();
      expect(["the old content", "the new content"]).toContain(text);
      if (last !== undefined) expect(text).toBe(last);
    },
  });
  expect(disks).toBeGreaterThan(10);
});

test("the disk finds a file that was renamed without being flushed, so the tests can fail", async () => {
  const careless = cutEverywhere<string>({
    async prepare(folder) {
      await keysFolder(folder);
      await writeDurably(`${folder}/file`, "the old content");
    },
    async change(folder, saw) {
      const handle = await fsPromises.open(`${folder}/file.new`, "w");
      if ("writeFile" in handle) await handle.writeFile("the new content");
      await fsPromises.rename(`${folder}/file.new`, `${folder}/file`);
      saw("the new content");
    },
    async expectRight(folder, last) {
      const text = (await readIfThere(`${folder}/file`))?.toString();
      expect(["the old content", "the new content"]).toContain(text);
      if (last !== undefined) expect(text).toBe(last);
    },
  });
  await expect(careless).rejects.toThrow();
});

const noRecord: FolderRecord = {
  check: async () => {},
  change: async (_change, apply) => apply(),
  finish: async () => {},
  whileStill: (run) => run(),
  begin: async () => {},
  accept: async () => {},
  forget: () => {},
};
// Only `of` is asked by the record of heads.
const ring = { of: async () => keys } as unknown as AccountKeyRing;

test("the first head of an account is there once acknowledged, in its new folder as well", async () => {
  await cutEverywhere<number>({
    prepare: keysFolder,
    async change(folder, saw) {
      const heads = headRecord(`${folder}/heads`, ring, noRecord);
      for (let epoch = 0; epoch < 3; epoch += 1) {
        await heads.advance("acc-one", { from: headAt(epoch), to: headAt(epoch + 1) });
        await heads.confirm("acc-one", headAt(epoch + 1));
        saw(epoch + 1);
      }
    },
    async expectRight(folder, last = 0) {
      const heads = headRecord(`${folder}/heads`, ring, noRecord);
      const accepted: number[] = [];
      for (let epoch = 0; epoch <= 3; epoch += 1) {
        const here = await heads.check("acc-one", headAt(epoch)).then(
          () => true,
          () => false,
        );
        if (here) accepted.push(epoch);
      }
      // The acknowledged head or the one that was announced after it; nothing older.
      expect(accepted.length).toBeGreaterThan(0);
      for (const epoch of accepted) expect([last, last + 1]).toContain(epoch);
    },
  });
});

test("the record of the folder accepts what the power left, with the counter of that moment", async () => {
  let count = 0;
  const counter: MonotonicCounter = {
    where: "a test",
    read: async () => count,
    increment: async () => {
      count += 1;
    },
  };
  const open = (folder: string): { record: FolderRecord; heads: ReturnType<typeof headRecord> } => {
    const record = folderRecord({
      keysFolder: folder,
      accountsFolder: () => `${folder}/accounts`,
      counter: () => counter,
      macKey: async () => key,
      clock: () => 0,
    });
    return { record, heads: headRecord(`${folder}/heads`, ring, record) };
  };
  const disks = await cutEverywhere<number>({
    async prepare(folder) {
      await keysFolder(folder);
      count = 10;
      await open(folder).record.begin(`${folder}/accounts`, counter);
    },
    async change(folder, saw) {
      const { heads } = open(folder);
      for (let epoch = 0; epoch < 2; epoch += 1) {
        await heads.advance("acc-one", { from: headAt(epoch), to: headAt(epoch + 1) });
        await heads.confirm("acc-one", headAt(epoch + 1));
        saw(epoch + 1);
      }
    },
    async expectRight(folder, last = 0) {
      const before = count;
      const { record, heads } = open(folder);
      await record.check();
      const right = [last, last + 1].map((epoch) =>
        heads.check("acc-one", headAt(epoch)).then(
          () => true,
          () => false,
        ),
      );
      expect(await Promise.all(right)).toContain(true);
      count = before;
    },
  });
  expect(disks).toBeGreaterThan(30);
});

test("a change of the root is there or is not", async () => {
  await cutEverywhere<string>({
    async prepare(folder) {
      await keysFolder(folder);
      await writeRootInUse(folder, { format: 1, kind: "software", folder: "accounts" });
    },
    async change(folder, saw) {
      const keyId = "00".repeat(16);
      await writeRootInUse(folder, { format: 1, kind: "pkcs11", folder: "accounts-2", keyId });
      saw("pkcs11");
    },
    async expectRight(folder, last) {
      const kind = (await readRootInUse(folder))?.kind;
      expect(["software", "pkcs11"]).toContain(kind);
      if (last !== undefined) expect(kind).toBe(last);
    },
  });
});

test("a software root opens while it is sealed anew by a new key file", async () => {
  const secret = Buffer.alloc(32, 9);
  const wrapped = new Map<string, Buffer>();
  const aad = Buffer.from("aad");
  await cutEverywhere<string>({
    async prepare(folder) {
      await keysFolder(folder);
      const root = await openSoftwareRoot(folder, undefined, undefined);
      const bytes = await root.provider?.wrap(secret, aad);
      if (bytes !== undefined) wrapped.set(folder, bytes);
    },
    async change(folder, saw) {
      const root = await openSoftwareRoot(folder, undefined, undefined);
      await root.recover(await root.reveal(Buffer.alloc(0)), Buffer.alloc(0));
      saw("sealed anew");
    },
    async expectRight(folder) {
      const root = await openSoftwareRoot(folder, undefined, undefined);
      const bytes = wrapped.get(folder) ?? Buffer.alloc(0);
      expect(await root.provider?.unwrap(bytes, aad)).toEqual(secret);
    },
  });
});
