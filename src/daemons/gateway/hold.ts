/**
 * The order of answer and event: the last bytes of an answer leave after its event was handed to
 * the operating system, so that a gateway killed at any moment owes no event for what a client has
 * seen. All that end in one turn of the event loop share one write.
 */
import type { Connection, Gateway } from "./state.ts";

/** Call before the bytes that complete an answer are written; they leave when the turn ends. */
export function holdAnswer(connection: Connection): void {
  if (connection.isHeld) return;
  const { gateway, socket } = connection;
  connection.isHeld = true;
  socket.cork();
  gateway.held.push(connection);
  if (gateway.held.length === 1) setImmediate(releaseAnswers, gateway);
}

/** Ends the sending side, behind what is held back. */
export function endSending(connection: Connection): void {
  // end() would uncork: it waits for the release like the bytes before it.
  if (connection.isHeld) connection.endsOnRelease = true;
  else connection.socket.end();
}

function releaseAnswers(gateway: Gateway): void {
  const { held } = gateway;
  gateway.held = [];
  // When the disk refuses, the answer is not owed to it: whether traffic goes on without a record
  // is the site's choice, made at the next request (`spoolFull`).
  if (!gateway.settle()) gateway.spoolFull = true;
  for (const connection of held) {
    connection.isHeld = false;
    connection.socket.uncork();
    if (!connection.endsOnRelease) continue;
    connection.endsOnRelease = false;
    connection.socket.end();
  }
}
