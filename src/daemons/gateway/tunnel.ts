/** An upgraded connection: bytes both ways with back-pressure, watched where its site says so. */
import type { ResponseHead } from "../../engines/http1/response.ts";
import { endExchange } from "./answer.ts";
import { switchingHead } from "./forward.ts";
import { endConnection, endSending, holdAnswer, sendBytes, sendText } from "./hold.ts";
import type { Exchange, UpstreamConnection } from "./state.ts";
import { watchClient } from "./web-socket.ts";

/** Joins the client's and the upstream's sockets after 101; `first` are bytes read already. */
export function openTunnel(
  exchange: Exchange,
  upstream: UpstreamConnection,
  head: ResponseHead,
  first: Buffer,
): void {
  const { connection } = exchange;
  const client = connection.socket;
  const origin = upstream.socket;
  exchange.status = 101;
  exchange.reason = "upgraded";
  connection.tunnel = origin;
  // From here on the upstream's socket belongs to the tunnel, not to the pool.
  upstream.exchange = null;
  upstream.closed = true;
  exchange.upstream = null;
  holdAnswer(connection);
  sendText(connection, switchingHead(head));
  if (first.length > 0) sendBytes(connection, first);
  client.removeAllListeners("drain");
  client.removeAllListeners("end");
  origin.removeAllListeners("drain");
  origin.removeAllListeners("end");
  const touch = () => {
    connection.lastActivityMs = Date.now();
  };
  const watch = watchClient(exchange, head, origin);
  connection.take = (piece) => {
    touch();
    if (watch !== null && !watch(piece)) {
      // Nothing of it goes on; what the client still sends is discarded until it closes.
      connection.take = () => {};
      client.resume();
      return;
    }
    if (!origin.write(Buffer.from(piece))) client.pause();
  };
  upstream.take = (piece) => {
    touch();
    if (!sendBytes(connection, piece)) origin.pause();
  };
  client.on("drain", () => origin.resume());
  client.on("end", () => origin.end());
  origin.on("drain", () => client.resume());
  origin.on("end", () => endSending(connection));
  origin.on("close", () => {
    upstream.upstream.active--;
    endConnection(connection);
    // Behind what is held back until this turn ends.
    setImmediate(() => client.destroySoon());
  });
  client.on("close", () => origin.destroy());
  client.resume();
  const { rest } = connection;
  connection.rest = null;
  if (rest !== null) connection.take(rest);
  if (connection.inputEnded) origin.end();
  endExchange(exchange, true);
}
