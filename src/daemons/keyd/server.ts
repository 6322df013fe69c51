/**
 * keyd's end of the socket: frames in, answers out, several in one write. It knows no key; what is
 * asked is found in a table of operations.
 */
import { chmodSync, rmSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { encodeFrame, type Frame, FrameError, frameReader } from "../../kernel/keyd/frame.ts";
import { KeydError } from "../../kernel/keyd/protocol.ts";
import { messageOf } from "../../kernel/process/text.ts";
import type { Answer, Operation } from "./request.ts";

const CONNECTIONS_MAX = 64;
/** Answers that a client does not read; reading from it pauses until it does. */
const UNREAD_BYTES_MAX = 4 * 1_048_576;
/** Requests of one connection that wait for a key to be made or read. */
const UNFINISHED_MAX = 1_024;

export async function startServer(
  socketPath: string,
  operations: Readonly<Record<string, Operation>>,
): Promise<{ close(): Promise<void> }> {
  const table = new Map(Object.entries(operations));
  const sockets = new Set<Socket>();
  rmSync(socketPath, { force: true });
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    serve(socket, table);
  });
  server.maxConnections = CONNECTIONS_MAX;
  // The socket must never be there with another mode, not even for a moment.
  const before = process.umask(0o177);
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(socketPath, resolve);
    });
  } finally {
    process.umask(before);
  }
  chmodSync(socketPath, 0o600);
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

function serve(socket: Socket, table: ReadonlyMap<string, Operation>): void {
  const reader = frameReader();
  let unfinished = 0;
  const send = (answers: readonly Buffer[]): void => {
    if (answers.length === 0 || socket.destroyed) return;
    const [first] = answers;
    socket.write(answers.length === 1 && first !== undefined ? first : Buffer.concat(answers));
    if (socket.writableLength > UNREAD_BYTES_MAX) socket.pause();
  };
  const later = async (id: number, answer: Promise<Answer>): Promise<void> => {
    unfinished += 1;
    send([await answer.then((value) => encode(id, value)).catch((error) => refusal(id, error))]);
    unfinished -= 1;
  };
  socket.on("data", (chunk) => {
    let frames: readonly Frame[];
    try {
      frames = reader.push(chunk);
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      console.error(`keyd: a connection was closed: ${error.message}`);
      socket.destroy();
      return;
    }
    const answers: Buffer[] = [];
    for (const frame of frames) {
      try {
        const answer = run(table, frame, unfinished);
        if (answer instanceof Promise) later(frame.id, answer).catch(fatal);
        else answers.push(encode(frame.id, answer));
      } catch (error) {
        answers.push(refusal(frame.id, error));
      }
    }
    send(answers);
  });
  socket.on("drain", () => socket.resume());
  socket.on("error", () => socket.destroy());
}

function run(table: ReadonlyMap<string, Operation>, frame: Frame, unfinished: number) {
  const { op } = frame.header;
  const operation = typeof op === "string" ? table.get(op) : undefined;
  if (operation === undefined) throw new KeydError("inputInvalid", "There is no such operation");
  if (unfinished >= UNFINISHED_MAX) throw new KeydError("unavailable", "Too much is unfinished");
  return operation(frame);
}

function encode(id: number, { header = {}, parts = [] }: Answer): Buffer {
  try {
    return encodeFrame({ id, header, parts });
  } catch (error) {
    if (!(error instanceof FrameError)) throw error;
    const message = "The answer would be too large";
    return refusal(id, new KeydError("inputInvalid", message));
  }
}

/** Only what keyd itself says is told; anything else is a fault of ours and stays in the log. */
function refusal(id: number, error: unknown): Buffer {
  const told = error instanceof KeydError;
  if (!told) console.error(`keyd: ${error instanceof Error ? error.stack : messageOf(error)}`);
  const message = told ? error.message.slice(0, 500) : "keyd failed; its log has the cause";
  return encodeFrame({
    id,
    header: { error: told ? error.reason : "internal", message },
    parts: [],
  });
}

function fatal(error: unknown): void {
  console.error(`keyd: ${messageOf(error)}`);
  process.exit(1);
}
