/**
 * A record of the whole keys folder that counts with a counter in the device of the root: which
 * accounts have keys, and what their heads say. A folder that was put back to an older state has
 * an older number than the device and is refused, also when the database was put back with it.
 *
 * Order of a change: the record with the next number, naming what is about to change; the counter;
 * the change itself. A crash between two of them leaves what the record allows. Half a second
 * after the last change the record is closed: until then one change could be undone unnoticed.
 */
import { createHash, createHmac, type KeyObject, timingSafeEqual } from "node:crypto";
import { appendFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { KeydError } from "../../kernel/keyd/protocol.ts";
import { makeFolder, readIfThere, writeDurably } from "./durable-file.ts";
import type { MonotonicCounter } from "./root-provider.ts";

export const RECORD_FILE = "folder-record.json";
const RESTORATIONS_FILE = "restorations.log";
const CLOSE_MS = 500;
/** Entries that may be old or new after a crash; more wait for the next record. */
const PENDING_MAX = 256;

/** What stands for an entry: present for a KEK, SHA-256 of its file for a head. */
type Mark = string | null;
export type Change = { readonly name: string; readonly mark: Mark };

type Body = {
  readonly counter: number;
  /** SHA-256 over all entries but the pending ones. */
  readonly digest: string;
  readonly pending: readonly (readonly [name: string, before: Mark, after: Mark])[];
};

type Waiting = {
  /** Undefined: the record is only closed. */
  readonly change: Change | undefined;
  readonly apply: () => Promise<void>;
  readonly done: (error?: unknown) => void;
};

export const kekName = (account: string): string => `kek ${account}`;
export const headName = (account: string): string => `head ${account}`;
export const markOf = (bytes: Buffer | string): string =>
  createHash("sha256").update(bytes).digest("hex");

export type FolderRecordParts = {
  readonly keysFolder: string;
  /** The folder of the accounts' keys; the record lies in it. */
  readonly accountsFolder: () => string;
  readonly counter: () => MonotonicCounter | undefined;
  /** A key that only this root opens. */
  readonly macKey: () => Promise<KeyObject>;
  readonly clock: () => number;
};

type State = FolderRecordParts & {
  /** Undefined until the folder was found to be of today. */
  entries: Map<string, string> | undefined;
  checking: Promise<void> | undefined;
  fault: KeydError | undefined;
  waiting: readonly Waiting[];
  running: Promise<void> | undefined;
  closing: NodeJS.Timeout | undefined;
  /** True while the last record names changes. */
  open: boolean;
  readonly inFlight: Set<Promise<void>>;
  gate: Promise<void> | undefined;
};

export type FolderRecord = {
  /** @throws KeydError rolledBack until the folder is current again or was accepted. */
  check(): Promise<void>;
  /** Runs a change of one entry; it is durable and counted when this returns. */
  change(change: Change, apply: () => Promise<void>): Promise<void>;
  /** Closes the record: from now on only the present state is accepted. */
  finish(): Promise<void>;
  /** Runs while nothing changes. */
  whileStill<Result>(run: () => Promise<Result>): Promise<Result>;
  /** The first record for a new root with a counter, in the folder that it will have. */
  begin(folder: string, device: MonotonicCounter): Promise<void>;
  /** An operator takes the folder as it is; the fact is kept beside it. */
  accept(): Promise<void>;
  /** The root has changed: the next use reads the record of the new one. */
  forget(): void;
};

export function folderRecord(parts: FolderRecordParts): FolderRecord {
  const none = { entries: undefined, checking: undefined, fault: undefined, running: undefined };
  const idle = { waiting: [], closing: undefined, open: false, gate: undefined };
  const state: State = { ...parts, ...none, ...idle, inFlight: new Set() };
  return {
    check: () => checked(state),
    async change(change, apply) {
      while (state.gate !== undefined) await state.gate;
      const mine = changeNow(state, change, apply);
      state.inFlight.add(mine);
      await mine.finally(() => state.inFlight.delete(mine));
    },
    finish: () => finish(state),
    whileStill: (run) => whileStill(state, run),
    async begin(folder, device) {
      const found = await readEntries(state.keysFolder, folder);
      const body = { counter: await device.read(), digest: digestOf(found), pending: [] };
      await write(state, folder, body);
    },
    accept: () => accept(state),
    forget() {
      clearTimeout(state.closing);
      state.entries = undefined;
      state.fault = undefined;
    },
  };
}

async function write(state: State, folder: string, body: Body): Promise<void> {
  const text = JSON.stringify(body);
  const mac = createHmac("sha256", await state.macKey())
    .update(text)
    .digest("hex");
  await makeFolder(folder);
  await writeDurably(join(folder, RECORD_FILE), JSON.stringify({ body: text, mac }));
}

async function checked(state: State): Promise<void> {
  const device = state.counter();
  if (device === undefined || state.entries !== undefined) return;
  if (state.fault !== undefined) throw state.fault;
  state.checking ??= compare(state, device).finally(() => {
    state.checking = undefined;
  });
  await state.checking.catch((error: unknown) => {
    if (error instanceof KeydError && error.reason === "rolledBack") state.fault = error;
    throw error;
  });
}

async function compare(state: State, device: MonotonicCounter): Promise<void> {
  const folder = state.accountsFolder();
  const found = await readEntries(state.keysFolder, folder);
  const record = await readRecord(folder, await state.macKey());
  const value = await device.read();
  const why = faultOf(record, found, value);
  if (why !== undefined) throw new KeydError("rolledBack", refusalText(why));
  // The crash came between the record and the counter.
  if (record !== undefined && value < record.counter) await device.increment();
  state.open = record !== undefined && record.pending.length > 0;
  state.entries = found;
}

async function changeNow(state: State, change: Change, apply: () => Promise<void>): Promise<void> {
  const device = state.counter();
  if (device === undefined) return apply();
  await checked(state);
  await enqueue(state, device, { change, apply });
}

function enqueue(
  state: State,
  device: MonotonicCounter,
  item: Omit<Waiting, "done">,
): Promise<void> {
  return new Promise<void>((resolve, reject) => {
    const done = (error?: unknown): void => (error === undefined ? resolve() : reject(error));
    state.waiting = [...state.waiting, { ...item, done }];
    state.running ??= runWaiting(state, device);
  });
}

/** One record for all changes that wait. */
async function runWaiting(state: State, device: MonotonicCounter): Promise<void> {
  while (state.waiting.length > 0) {
    const batch = takeBatch(state.waiting);
    state.waiting = state.waiting.slice(batch.length);
    const changes = batch.flatMap(({ change }) => (change === undefined ? [] : [change]));
    const failed = await announce(state, device, changes).then(
      () => undefined,
      (error: unknown) => error ?? new Error("failed"),
    );
    if (failed === undefined) await Promise.all(batch.map((one) => applyOne(state, one)));
    else for (const { done } of batch) done(failed);
    state.open = changes.length > 0;
  }
  state.running = undefined;
  clearTimeout(state.closing);
  if (!state.open) return;
  state.closing = setTimeout(() => void finish(state).catch(() => {}), CLOSE_MS).unref();
}

async function announce(
  state: State,
  device: MonotonicCounter,
  changes: readonly Change[],
): Promise<void> {
  const rest = new Map(state.entries);
  const pending = changes.map(({ name, mark }) => [name, rest.get(name) ?? null, mark] as const);
  for (const [name] of pending) rest.delete(name);
  const counter = (await device.read()) + 1;
  await write(state, state.accountsFolder(), { counter, digest: digestOf(rest), pending });
  await device.increment();
}

async function applyOne(state: State, { change, apply, done }: Waiting): Promise<void> {
  try {
    await apply();
    if (change !== undefined && change.mark === null) state.entries?.delete(change.name);
    else if (change !== undefined) state.entries?.set(change.name, change.mark ?? "");
    done();
  } catch (error) {
    done(error);
  }
}

async function finish(state: State): Promise<void> {
  clearTimeout(state.closing);
  const device = state.entries === undefined ? undefined : state.counter();
  if (device === undefined || !(state.open || state.running !== undefined)) return;
  await enqueue(state, device, { change: undefined, apply: async () => {} });
}

async function whileStill<Result>(state: State, run: () => Promise<Result>): Promise<Result> {
  while (state.gate !== undefined) await state.gate;
  let release = (): void => {};
  state.gate = new Promise<void>((resolve) => {
    release = resolve;
  });
  try {
    await Promise.allSettled(state.inFlight);
    return await run();
  } finally {
    state.gate = undefined;
    release();
  }
}

async function accept(state: State): Promise<void> {
  const device = state.counter();
  if (device === undefined) return;
  const why = await checked(state).catch((error: unknown) => {
    if (error instanceof KeydError && error.reason === "rolledBack") return error.message;
    throw error;
  });
  if (why === undefined) return;
  const { keysFolder } = state;
  const found = await readEntries(keysFolder, state.accountsFolder());
  const counter = (await device.read()) + 1;
  const time = new Date(state.clock()).toISOString();
  const line = `${time} accepted an older keys folder: ${why}\n`;
  await appendFile(join(keysFolder, RESTORATIONS_FILE), line, { mode: 0o600 });
  await write(state, state.accountsFolder(), { counter, digest: digestOf(found), pending: [] });
  await device.increment();
  console.error(`keyd: ${line.trim()}`);
  state.fault = undefined;
  state.entries = found;
}

/** As many as one record names, no name twice. */
function takeBatch(waiting: readonly Waiting[]): readonly Waiting[] {
  const names = new Set<string>();
  let count = 0;
  for (const { change } of waiting) {
    if (count === PENDING_MAX || (change !== undefined && names.has(change.name))) break;
    if (change !== undefined) names.add(change.name);
    count += 1;
  }
  return waiting.slice(0, count);
}

async function readEntries(keysFolder: string, accountsFolder: string) {
  const entries = new Map<string, string>();
  for (const name of await readdir(accountsFolder).catch(() => [])) {
    const account = name.endsWith(".kek") ? name.slice(0, -".kek".length) : undefined;
    // The one that authenticates the record itself is proved by doing so.
    if (account !== undefined && account !== RECORD_ACCOUNT) entries.set(kekName(account), "kek");
  }
  const heads = join(keysFolder, "heads");
  for (const name of await readdir(heads).catch(() => [])) {
    if (!name.endsWith(".head")) continue;
    const bytes = await readIfThere(join(heads, name));
    const account = name.slice(0, -".head".length);
    if (bytes !== undefined) entries.set(headName(account), markOf(bytes));
  }
  return entries;
}

/** Whose KEK authenticates the record. */
export const RECORD_ACCOUNT = "keyd";

async function readRecord(folder: string, key: KeyObject): Promise<Body | undefined> {
  const bytes = await readIfThere(join(folder, RECORD_FILE));
  if (bytes === undefined) return undefined;
  const { body, mac } = JSON.parse(bytes.toString("utf8")) as { body: string; mac: string };
  const expected = createHmac("sha256", key).update(body).digest();
  const given = Buffer.from(mac, "hex");
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
    throw new KeydError("rolledBack", refusalText("its record was changed"));
  }
  return JSON.parse(body) as Body;
}

function faultOf(record: Body | undefined, found: ReadonlyMap<string, string>, counter: number) {
  if (record === undefined) return "its record is missing";
  if (record.counter < counter) {
    return `its record has number ${record.counter}, the device counted to ${counter}`;
  }
  if (record.counter > counter + 1) return "the device's counter was put back";
  const rest = new Map(found);
  for (const [name, before, after] of record.pending) {
    const mark = found.get(name) ?? null;
    if (mark !== before && mark !== after) return `the entry "${name}" is of another time`;
    rest.delete(name);
  }
  return digestOf(rest) === record.digest ? undefined : "its files are not those of the record";
}

function digestOf(entries: ReadonlyMap<string, string>): string {
  const hash = createHash("sha256");
  for (const name of [...entries.keys()].sort()) hash.update(`${name}\0${entries.get(name)}\n`);
  return hash.digest("hex");
}

function refusalText(why: string): string {
  return `The keys folder is older than the device's counter: ${why}`;
}
