/** Looks at the first bytes of a connection and puts back what is not a PROXY header. */
import type { Socket } from "node:net";
import { type ProxyHeader, readProxyHeader } from "../../engines/proxyprotocol/header.ts";
import { readClientHello } from "../../engines/tls/client-hello.ts";
import type { Arrival, Gateway } from "./state.ts";

export type FirstBytes = { readonly proxied: Arrival["proxied"]; readonly serverName: string };

/** What is looked for, and what happens with it; `take` gets the socket paused. */
export type Peek = {
  readonly wantsServerName: boolean;
  /** Default: true. */
  readonly readsProxyHeader?: boolean;
  readonly take: (found: FirstBytes) => void;
};

/** Reads until it is known; a connection that breaks the form, or takes too long, is closed. */
export function peek(gateway: Gateway, socket: Socket, wanted: Peek): void {
  let bytes = Buffer.alloc(0);
  let header: ProxyHeader | null = wanted.readsProxyHeader === false ? { kind: "none" } : null;
  const timer = setTimeout(() => socket.destroy(), gateway.limits.handshakeTimeoutMs);
  const end = () => {
    clearTimeout(timer);
    socket.off("readable", onReadable);
    socket.off("end", onEnd);
    socket.off("close", end);
  };
  const onEnd = () => socket.destroy();
  const onReadable = () => {
    for (let piece = socket.read(); piece !== null; piece = socket.read()) {
      bytes = Buffer.concat([bytes, piece]);
    }
    if (header === null) {
      const read = readProxyHeader(bytes);
      if (read.kind === "more") return;
      if (read.kind === "invalid") {
        socket.destroy();
        return;
      }
      header = read;
      if (read.kind === "header") bytes = bytes.subarray(read.bytes);
    }
    const hello = wanted.wantsServerName ? readClientHello(bytes) : noName;
    if (hello.kind === "more") return;
    end();
    socket.pause();
    if (bytes.length > 0) socket.unshift(bytes);
    const proxied = header.kind === "header" ? header.source : null;
    wanted.take({ proxied, serverName: hello.name });
  };
  socket.on("error", () => socket.destroy());
  socket.on("readable", onReadable);
  socket.on("end", onEnd);
  socket.on("close", end);
}

const noName = { kind: "name", name: "" } as const;
