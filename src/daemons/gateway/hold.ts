/**
 * The order of answer and event: the last bytes of an answer leave after its event was handed to
 * the operating system, so that a gateway killed at any moment owes no event for what a client has
 * seen. All that end in one turn of the event loop share one write.
 */
import { writeBytes, writeText } from "./direct-socket.ts";
import type { Connection, Gateway } from "./state.ts";

/** Call before the bytes that complete an answer are sent; they leave when the turn ends. */
export function holdAnswer(connection: Connection): void {
  if (connection.isHeld) return;
  const { gateway } = connection;
  connection.isHeld = true;
  gateway.held.push(connection);
  if (gateway.held.length === 1) setImmediate(releaseAnswers, gateway);
}

/** Sends latin1 text to the client; false when it takes no more for now. */
export function sendText(connection: Connection, text: string): boolean {
  if (!connection.isHeld) return writeText(connection.socket, text);
  connection.held.push(text);
  return true;
}

/** Sends bytes to the client, which the caller may overwrite later; false as for `sendText`. */
export function sendBytes(connection: Connection, bytes: Buffer): boolean {
  if (!connection.isHeld) return writeBytes(connection.socket, bytes);
  connection.held.push(Buffer.from(bytes));
  return true;
}

/** Ends the sending side, behind what is held back. */
export function endSending(connection: Connection): void {
  // The end waits for the release like the bytes before it.
  if (connection.isHeld) connection.endsOnRelease = true;
  else connection.socket.end();
}

/**
 * Ends a connection: closes the sending side first and reads on, or a reset destroys the answer
 * (RFC 9112 §9.6). A client that does not close in turn is cut off by the sweep.
 */
export function endConnection(connection: Connection): void {
  connection.ending = true;
  connection.endingSinceMs = Date.now();
  endSending(connection);
}

function releaseAnswers(gateway: Gateway): void {
  const { held } = gateway;
  gateway.held = [];
  // When the disk refuses, the answer is not owed to it: whether traffic goes on without a record
  // is the site's choice, made at the next request (`spoolFull`).
  if (!gateway.settle()) gateway.spoolFull = true;
  for (const connection of held) {
    connection.isHeld = false;
    writeHeld(connection);
    if (!connection.endsOnRelease) continue;
    connection.endsOnRelease = false;
    connection.socket.end();
  }
}

function writeHeld(connection: Connection): void {
  const { held, socket } = connection;
  const [first] = held;
  if (held.length === 1 && typeof first === "string") writeText(socket, first);
  else if (first !== undefined) {
    socket.cork();
    for (const piece of held) socket.write(piece, "latin1");
    socket.uncork();
  }
  held.length = 0;
}
