/**
 * The state of each account's keys as keyd saw it last, outside the database. A database that was
 * put back to an older state shows an older head and is refused. Whether this folder was put back
 * as well is the question of `folder-record.ts`.
 */
import { createHmac, timingSafeEqual } from "node:crypto";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { lengthPrefixed } from "../../engines/keys/canonical.ts";
import { type Head, KeydError } from "../../kernel/keyd/protocol.ts";
import type { AccountKeyRing } from "./account-keys.ts";
import { makeFolder, readIfThere, syncFolder, writeDurably } from "./durable-file.ts";
import { type FolderRecord, headName, markOf } from "./folder-record.ts";

type HeadState = {
  /** What the database showed after its last confirmed change. */
  readonly current: Head;
  /** Announced before a commit whose outcome was not told yet. */
  readonly announced: Head | undefined;
};

const SUFFIX = ".head";
const HASH = /^[0-9a-f]{64}$/;
/** The head of an account that never had a key. */
const START: Head = { epoch: 0, hash: "0".repeat(64) };

export type HeadRecord = ReturnType<typeof headRecord>;

export function headRecord(folder: string, ring: AccountKeyRing, record: FolderRecord) {
  const states = new Map<string, HeadState>();
  const running = new Map<string, Promise<void>>();
  const file = (account: string) => join(folder, `${account}${SUFFIX}`);

  const macOf = async (account: string, state: HeadState): Promise<Buffer> => {
    const keys = await ring.of(account, { make: true });
    const { current, announced } = state;
    const fields = [account, String(current.epoch), current.hash];
    if (announced !== undefined) fields.push(String(announced.epoch), announced.hash);
    return createHmac("sha256", keys.recording).update(lengthPrefixed(fields)).digest();
  };
  const read = async (account: string): Promise<HeadState> => {
    const known = states.get(account);
    if (known !== undefined) return known;
    const bytes = await readIfThere(file(account));
    if (bytes === undefined) return { current: START, announced: undefined };
    // A file of ours; its MAC is checked before it is believed.
    const parsed = JSON.parse(bytes.toString("utf8")) as HeadState & { readonly mac: string };
    const state = { current: parsed.current, announced: parsed.announced };
    const mac = Buffer.from(parsed.mac, "hex");
    const expected = await macOf(account, state);
    if (mac.length !== expected.length || !timingSafeEqual(mac, expected)) {
      throw new KeydError("rolledBack", `The record of account "${account}" was changed`);
    }
    states.set(account, state);
    return state;
  };
  const write = async (account: string, state: HeadState): Promise<void> => {
    const mac = (await macOf(account, state)).toString("hex");
    await makeFolder(folder);
    const text = JSON.stringify({ ...state, mac });
    const change = { name: headName(account), mark: markOf(text) };
    await record.change(change, () => writeDurably(file(account), text));
    states.set(account, state);
  };
  /** One change of an account's record at a time, each on top of the former. */
  const inTurn = (account: string, change: () => Promise<void>): Promise<void> => {
    const next = (running.get(account) ?? Promise.resolve()).catch(() => {}).then(change);
    running.set(account, next);
    return next.finally(() => {
      if (running.get(account) === next) running.delete(account);
    });
  };
  return {
    async check(account: string, head: Head): Promise<void> {
      if (matching(await read(account), head) === undefined) throw rolledBack(account);
    },
    /** @throws KeydError rolledBack when `from` is neither the current nor the announced head. */
    advance: (account: string, { from, to }: { from: Head; to: Head }) =>
      inTurn(account, async () => {
        const state = await read(account);
        if (state.announced !== undefined && same(state.announced, to) && same(state.current, from))
          return;
        const base = matching(state, from);
        if (base === undefined) throw rolledBack(account);
        if (to.epoch !== base.epoch + 1) {
          throw new KeydError("inputInvalid", `The next epoch is ${base.epoch + 1}`);
        }
        await write(account, { current: base, announced: to });
      }),
    confirm: (account: string, head: Head) =>
      inTurn(account, async () => {
        const state = await read(account);
        const base = matching(state, head);
        if (base === undefined) throw rolledBack(account);
        // A confirmation that comes late, behind the next announcement, must not take that away.
        if (state.announced === undefined || !same(state.announced, head)) return;
        await write(account, { current: base, announced: undefined });
      }),
    /** @throws nothing about the state: this is the operator's override. */
    force: (account: string, head: Head) =>
      inTurn(account, () => write(account, { current: head, announced: undefined })),
    async list(): Promise<Readonly<Record<string, Head>>> {
      const names = await readdir(folder).catch(() => []);
      const accounts = names.filter((name) => name.endsWith(SUFFIX));
      const heads: Record<string, Head> = {};
      for (const name of accounts) {
        const account = name.slice(0, -SUFFIX.length);
        heads[account] = (await read(account)).current;
      }
      return heads;
    },
    async forget(account: string): Promise<void> {
      states.delete(account);
      await record.change({ name: headName(account), mark: null }, async () => {
        await rm(file(account), { force: true });
        await syncFolder(folder).catch(() => {});
      });
    },
    clear: () => states.clear(),
  };
}

/** True for what may be a head. */
export function isHead(value: unknown): value is Head {
  if (typeof value !== "object" || value === null) return false;
  const { epoch, hash } = Object.fromEntries(Object.entries(value));
  const whole = typeof epoch === "number" && Number.isSafeInteger(epoch) && epoch >= 0;
  return whole && typeof hash === "string" && HASH.test(hash);
}

function same(left: Head, right: Head): boolean {
  return left.epoch === right.epoch && left.hash === right.hash;
}

function matching({ current, announced }: HeadState, head: Head): Head | undefined {
  if (same(current, head)) return current;
  return announced !== undefined && same(announced, head) ? announced : undefined;
}

function rolledBack(account: string): KeydError {
  const message = `The keys of account "${account}" are in another state than recorded`;
  return new KeydError("rolledBack", message);
}
