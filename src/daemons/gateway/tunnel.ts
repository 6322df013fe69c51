/** An upgraded connection: bytes both ways with back-pressure, watched where its site says so. */
import type { Duplex } from "node:stream";
import type { ResponseHead } from "../../engines/http1/response.ts";
import { endExchange } from "./answer.ts";
import { switchingHead } from "./forward.ts";
import { holdAnswer } from "./hold.ts";
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
  client.write(switchingHead(head), "latin1");
  if (first.length > 0) client.write(Buffer.from(first));
  client.removeAllListeners("data");
  client.removeAllListeners("drain");
  client.removeAllListeners("end");
  origin.removeAllListeners("drain");
  origin.removeAllListeners("end");
  const touch = () => {
    connection.lastActivityMs = Date.now();
  };
  const watch = watchClient(exchange, head, { client, origin });
  const rest = connection.rest;
  connection.rest = null;
  if (rest !== null && watch?.(rest) !== false) origin.write(rest);
  client.on("data", (piece: Buffer) => {
    touch();
    if (watch !== null && !watch(piece)) {
      // Nothing of it goes on; what the client still sends is discarded until it closes.
      client.removeAllListeners("data");
      client.resume();
      return;
    }
    if (!origin.write(piece)) client.pause();
  });
  upstream.take = (piece) => {
    touch();
    if (!client.write(Buffer.from(piece))) origin.pause();
  };
  join(client, origin);
  join(origin, client);
  origin.on("close", () => {
    upstream.upstream.active--;
    client.destroySoon();
  });
  client.on("close", () => origin.destroy());
  client.resume();
  endExchange(exchange, true);
}

/** Back-pressure and the end of what `from` sends. */
function join(from: Duplex, to: Duplex): void {
  to.on("drain", () => from.resume());
  from.on("end", () => to.end());
}
