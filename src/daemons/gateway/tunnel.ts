/** An upgraded connection: bytes both ways with back-pressure, watched where its site says so. */
import type { Duplex } from "node:stream";
import type { ResponseHead } from "../../engines/http1/response.ts";
import { endExchange } from "./answer.ts";
import { switchingHead } from "./forward.ts";
import { holdAnswer } from "./hold.ts";
import type { Exchange, UpstreamConnection } from "./state.ts";
import { type Watch, watchClient } from "./web-socket.ts";

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
  if (first.length > 0) client.write(first);
  client.removeAllListeners("data");
  client.removeAllListeners("drain");
  client.removeAllListeners("end");
  origin.removeAllListeners("data");
  origin.removeAllListeners("drain");
  origin.removeAllListeners("end");
  const touch = () => {
    connection.lastActivityMs = Date.now();
  };
  const watch = watchClient(exchange, head, { client, origin });
  const rest = connection.rest;
  connection.rest = null;
  if (rest !== null && watch?.(rest) !== false) origin.write(rest);
  join(client, origin, { touch, watch });
  join(origin, client, { touch, watch: null });
  origin.on("close", () => {
    upstream.upstream.active--;
    client.destroySoon();
  });
  client.on("close", () => origin.destroy());
  client.resume();
  endExchange(exchange, true);
}

function join(
  from: Duplex,
  to: Duplex,
  { touch, watch }: { touch: () => void; watch: Watch | null },
): void {
  from.on("data", (piece: Buffer) => {
    touch();
    if (watch !== null && !watch(piece)) {
      // Nothing of it goes on; what the client still sends is discarded until it closes.
      from.removeAllListeners("data");
      from.resume();
      return;
    }
    if (!to.write(piece)) from.pause();
  });
  to.on("drain", () => from.resume());
  from.on("end", () => to.end());
}
