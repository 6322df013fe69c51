/**
 * The network plane: applies each intent, keeps the last good one, checks that its table still
 * stands, and says what it runs and what it cannot enforce. It knows neither fleet nor process.
 *
 * Stopping leaves the table: blocks hold while this process restarts, and each ends by its own
 * timeout in the kernel. `remove` takes it away, when the operator stops Cordon.
 */
import { compileBlocklist, removalScript } from "../../engines/netpolicy/blocklist.ts";
import { saveLastGood } from "../../kernel/intent/last-good.ts";
import { messageOf } from "../../kernel/process/text.ts";
import { loadIntent, type NetworkIntent, readIntent } from "./intent.ts";
import type { Nft } from "./nft.ts";

export type PlaneStatus = {
  /** Version of the intent that the kernel enforces; 0 while it enforces none. */
  readonly runningVersion: number;
  readonly failures: readonly [];
  readonly messages: readonly string[];
};

export type PlaneParts = {
  readonly folder: string;
  /** TCP ports of the gateway. */
  readonly ports: readonly number[];
  readonly nft: Nft;
  readonly clock: () => number;
  /** Resolves false when the status could not be delivered; it is offered again later. */
  readonly report: (status: PlaneStatus) => Promise<boolean>;
  readonly checkEveryMs?: number;
};

export type NetworkPlane = {
  /** Version of the last good intent; 0 when there is none. */
  readonly knownVersion: () => number;
  /** Takes a document; resolves when it was applied or refused, and reported. Never rejects. */
  take(document: unknown): Promise<void>;
  /** Looks after the table now; otherwise this happens every `checkEveryMs`. */
  check(): Promise<void>;
  stop(): Promise<void>;
  /** Deletes the table; after `stop`. The last good intent stays for the next start. */
  remove(): Promise<void>;
};

const CHECK_EVERY_MS = 15_000;

type State = {
  intent: NetworkIntent | null;
  runningVersion: number;
  /** What nft lists after the last apply; null while nothing could be applied. */
  listing: string | null;
  /** Each kind of message by itself, so that a later success clears only its own. */
  refused: string | null;
  cannot: string | null;
  disk: string | null;
  repaired: string | null;
  leftOut: readonly string[];
  delivered: boolean;
};

/** Starts the plane: the intent kept on disk is enforced before this resolves. */
export async function startNetworkPlane(parts: PlaneParts): Promise<NetworkPlane> {
  const state: State = {
    intent: null,
    runningVersion: 0,
    listing: null,
    refused: null,
    cannot: null,
    disk: null,
    repaired: null,
    leftOut: [],
    delivered: false,
  };
  // INVARIANT: one job at a time, so that an older script never lands after a newer one.
  let work: Promise<void> = Promise.resolve();
  const queued = (job: () => Promise<void>): Promise<void> => {
    work = work.then(job).catch((error: unknown) => {
      process.stderr.write(`netd: ${messageOf(error)}\n`);
    });
    return work;
  };

  try {
    state.intent = await loadIntent(parts.folder);
  } catch (error) {
    state.disk = messageOf(error);
  }
  await queued(() => apply(parts, state));

  let checking = false;
  const check = async (): Promise<void> => {
    if (checking) return;
    checking = true;
    await queued(() => checkTable(parts, state));
    checking = false;
  };
  const timer = setInterval(() => void check(), parts.checkEveryMs ?? CHECK_EVERY_MS);
  return {
    knownVersion: () => state.intent?.version ?? 0,
    take: (document) => queued(() => takeDocument(parts, state, document)),
    check,
    async stop() {
      clearInterval(timer);
      await work;
    },
    async remove() {
      const removed = await parts.nft.apply(removalScript);
      if (!removed.ok) process.stderr.write(`netd: cannot remove the table: ${removed.why}\n`);
    },
  };
}

async function takeDocument(parts: PlaneParts, state: State, document: unknown): Promise<void> {
  const result = readIntent(document);
  state.refused = result.ok ? null : `${result.message}; the last good one stays`;
  if (result.ok) {
    state.intent = result.intent;
    state.repaired = null;
    await apply(parts, state);
    await keep(parts.folder, state, result.intent);
  }
  await report(parts, state);
}

async function keep(folder: string, state: State, intent: NetworkIntent): Promise<void> {
  try {
    await saveLastGood(folder, intent);
    state.disk = null;
  } catch (error) {
    // Enforcing matters more than remembering: the block holds, a restart would ask again.
    state.disk = `Cannot keep the intent on disk: ${messageOf(error)}`;
  }
}

/** Without an intent it applies an empty list, which shows whether this kernel can do it. */
async function apply(parts: PlaneParts, state: State): Promise<void> {
  // The kept intent cannot be read: what an earlier run left in the kernel beats an empty list.
  if (state.intent === null && state.disk !== null) return;
  const { ports, nft, clock } = parts;
  const list = compileBlocklist(state.intent?.sources ?? [], { ports, nowMs: clock() });
  const applied = await nft.apply(list.script);
  const listed = applied.ok ? await nft.list() : applied;
  state.leftOut = list.messages;
  if (listed.ok) {
    state.runningVersion = state.intent?.version ?? 0;
    state.listing = listed.output;
    state.cannot = null;
  } else {
    // The old table, if any, is untouched: so is the version that runs.
    state.listing = null;
    state.cannot = `cannot enforce here: ${listed.why}`;
  }
}

async function checkTable(parts: PlaneParts, state: State): Promise<void> {
  const listed = state.listing === null ? undefined : await parts.nft.list();
  if (listed?.ok !== true || listed.output !== state.listing) {
    const wasThere = state.listing !== null;
    // INVARIANT: a table that is gone enforces no version; apply says so again when it succeeds.
    if (wasThere) state.runningVersion = 0;
    const before = state.cannot;
    await apply(parts, state);
    if (wasThere && state.cannot === null) {
      const time = new Date(parts.clock()).toISOString();
      state.repaired = `Another program changed the table inet cordon; restored at ${time}`;
    }
    if (wasThere || state.cannot !== before) state.delivered = false;
  }
  if (!state.delivered) await report(parts, state);
}

async function report(parts: PlaneParts, state: State): Promise<void> {
  const said = [state.cannot, state.refused, state.disk, state.repaired];
  const messages = [...said.filter((message) => message !== null), ...state.leftOut];
  const { runningVersion } = state;
  state.delivered = await parts.report({ runningVersion, failures: [], messages });
}
