/**
 * The client's end of keyd's socket: many requests in flight, written together, answered by id,
 * and sent again when keyd was restarted. What requests mean is `client.ts`.
 */
import { connect, type Socket } from "node:net";
import { messageOf } from "../process/text.ts";
import { encodeFrame, type Frame, FrameError, frameReader } from "./frame.ts";
import { isKeydReason, KeydError } from "./protocol.ts";

export type KeydRequest = {
  readonly header: Readonly<Record<string, unknown>>;
  readonly parts: readonly Buffer[];
};
export type KeydConnection = {
  /** @throws KeydError; `unavailable` after `waitMs` without an answer. */
  ask(request: KeydRequest): Promise<Frame>;
  close(): void;
};

/** Requests waiting for an answer; beyond it the caller is told at once. */
const PENDING_MAX = 4_096;
const RECONNECT_MS = 50;
const TIMER_STEP_MS = 250;
const WAIT_MS = 5_000;
const READ_BYTES = 65_536;
const ID_MAX = 0xffff_ffff;

type Pending = {
  readonly bytes: Buffer;
  readonly resolve: (frame: Frame) => void;
  readonly reject: (error: KeydError) => void;
  readonly deadlineMs: number;
};

type State = {
  readonly socketPath: string;
  readonly pending: Map<number, Pending>;
  socket: Socket | undefined;
  connected: boolean;
  outgoing: Buffer[];
  closed: boolean;
  timer: NodeJS.Timeout | undefined;
  lastError: string;
};

/** Connects when first asked. Every operation may be repeated, so a lost answer is asked again. */
export function openConnection(
  socketPath: string,
  { waitMs = WAIT_MS }: { waitMs?: number } = {},
): KeydConnection {
  const state: State = {
    socketPath,
    pending: new Map(),
    socket: undefined,
    connected: false,
    outgoing: [],
    closed: false,
    timer: undefined,
    lastError: "it did not answer",
  };
  let nextId = 1;
  return {
    ask({ header, parts }) {
      if (state.closed) return refused("the client was closed");
      if (state.pending.size >= PENDING_MAX) return refused("too many requests wait for it");
      const id = nextId;
      nextId = nextId === ID_MAX ? 1 : nextId + 1;
      let bytes: Buffer;
      try {
        bytes = encodeFrame({ id, header, parts });
      } catch (error) {
        if (!(error instanceof FrameError)) throw error;
        return Promise.reject(new KeydError("inputInvalid", error.message));
      }
      return new Promise<Frame>((resolve, reject) => {
        const deadlineMs = performance.now() + waitMs;
        state.pending.set(id, { bytes, resolve, reject, deadlineMs });
        send(state, bytes);
        startTimer(state);
      });
    },
    close() {
      state.closed = true;
      clearInterval(state.timer);
      state.socket?.destroy();
      rejectAll(state, "the client was closed");
    },
  };
}

function refused(why: string): Promise<never> {
  return Promise.reject(new KeydError("unavailable", `Cannot use keys now: ${why}`));
}

/** Requests of one turn of the event loop leave in one write. */
function send(state: State, bytes: Buffer): void {
  if (state.socket === undefined) open(state);
  if (!state.connected) return;
  state.outgoing.push(bytes);
  if (state.outgoing.length === 1) setImmediate(() => flush(state));
}

function flush(state: State): void {
  const { outgoing, socket } = state;
  state.outgoing = [];
  if (!state.connected || socket === undefined) return;
  const [first] = outgoing;
  if (first !== undefined) socket.write(outgoing.length === 1 ? first : Buffer.concat(outgoing));
}

function open(state: State): void {
  const reader = frameReader();
  // One buffer for all reads, instead of 64 KiB made for each. It keeps no clear data keys.
  const buffer = Buffer.allocUnsafe(READ_BYTES);
  const take = (bytesRead: number): boolean => {
    try {
      const chunk = Buffer.from(buffer.subarray(0, bytesRead));
      buffer.fill(0, 0, bytesRead);
      for (const frame of reader.push(chunk)) settle(state, frame);
    } catch (error) {
      state.lastError = messageOf(error);
      socket.destroy();
    }
    return true;
  };
  const socket = connect({ path: state.socketPath, onread: { buffer, callback: take } });
  state.socket = socket;
  socket.on("connect", () => {
    state.connected = true;
    for (const { bytes } of state.pending.values()) state.outgoing.push(bytes);
    flush(state);
  });
  socket.on("error", (error) => {
    state.lastError = messageOf(error);
  });
  socket.on("close", () => {
    if (state.socket !== socket) return;
    state.connected = false;
    state.outgoing = [];
    // Idle connections open again with the next request; waiting requests cannot wait for one.
    setTimeout(() => {
      state.socket = undefined;
      if (!state.closed && state.pending.size > 0) open(state);
    }, RECONNECT_MS).unref();
  });
}

function settle(state: State, frame: Frame): void {
  const waiting = state.pending.get(frame.id);
  if (waiting === undefined) return;
  state.pending.delete(frame.id);
  const { error, message } = frame.header;
  if (error === undefined) waiting.resolve(frame);
  else {
    const reason = isKeydReason(error) ? error : "internal";
    waiting.reject(new KeydError(reason, String(message ?? "")));
  }
  if (state.pending.size === 0) stopTimer(state);
}

/** A referenced timer keeps a process alive only while somebody waits. */
function startTimer(state: State): void {
  state.timer ??= setInterval(() => expire(state), TIMER_STEP_MS);
}

function stopTimer(state: State): void {
  clearInterval(state.timer);
  state.timer = undefined;
  state.socket?.unref();
}

function expire(state: State): void {
  const now = performance.now();
  for (const [id, { deadlineMs, reject }] of state.pending) {
    if (deadlineMs > now) continue;
    state.pending.delete(id);
    reject(new KeydError("unavailable", `Cannot use keys now: ${state.lastError}`));
  }
  if (state.pending.size === 0) stopTimer(state);
}

function rejectAll(state: State, why: string): void {
  for (const { reject } of state.pending.values()) {
    reject(new KeydError("unavailable", `Cannot use keys now: ${why}`));
  }
  state.pending.clear();
}
