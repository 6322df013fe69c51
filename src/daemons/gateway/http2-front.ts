/**
 * HTTP/2 with clients: node:http2 reads the frames, and each stream becomes one HTTP/1.1 message
 * on a connection of its own, so that one parser, one pipeline and one event judge both versions.
 */
import { constants, performServerHandshake, type ServerHttp2Session } from "node:http2";
import type { TLSSocket } from "node:tls";
import { serveConnection } from "./connection.ts";
import { peerOf } from "./first-bytes.ts";
import { openStream } from "./http2-stream.ts";
import { countRefusal } from "./refusals.ts";
import type { Arrival, Gateway, Session } from "./state.ts";

/** Takes over a TLS socket on which `h2` was negotiated. */
export function serveHttp2(gateway: Gateway, socket: TLSSocket, arrival: Arrival): void {
  const address = arrival.proxied?.address ?? peerOf(socket);
  if (address === "") {
    socket.destroy();
    return;
  }
  if (!admitsSession(gateway, address)) {
    countRefusal(gateway, address);
    socket.destroy();
    return;
  }
  const { http2 } = gateway.limits;
  const session = performServerHandshake(socket, {
    maxSessionMemory: http2.sessionMemoryMibMax,
    maxHeaderListPairs: http2.fieldCountMax,
    maxSettings: http2.settingsMax,
    maxSessionInvalidFrames: http2.invalidFramesMax,
    maxSessionRejectedStreams: http2.rejectedStreamsMax,
    streamResetBurst: http2.resetBurst,
    streamResetRate: http2.resetsPerSecond,
    settings: {
      maxConcurrentStreams: http2.streamsMax,
      maxHeaderListSize: http2.fieldBytesMax,
      initialWindowSize: http2.windowBytes,
      enablePush: false,
      enableConnectProtocol: true,
    },
  });
  const entry: Session = {
    http2: session,
    socket,
    address,
    streams: 0,
    controlFrames: 0,
    lastActivityMs: Date.now(),
    endingSinceMs: 0,
  };
  gateway.sessions.add(entry);
  watch(gateway, entry, session);
  session.on("stream", (stream, _headers, flags, rawHeaders) => {
    entry.streams++;
    entry.lastActivityMs = Date.now();
    const hasBody = (flags & constants.NGHTTP2_FLAG_END_STREAM) === 0;
    const { duplex, fault } = openStream({ stream, socket, rawHeaders, hasBody });
    // Not the stream's: that of a session whose peer is gone may never come.
    duplex.once("close", () => {
      entry.streams--;
      entry.lastActivityMs = Date.now();
    });
    serveConnection(gateway, duplex, { ...arrival, front: { protocol: "HTTP/2.0", fault } });
  });
}

function admitsSession({ sessions, limits }: Gateway, address: string): boolean {
  if (sessions.size >= limits.connectionsMax) return false;
  let ofSource = 0;
  for (const session of sessions) if (session.address === address) ofSource++;
  return ofSource < limits.connectionsPerSourceMax;
}

function watch(gateway: Gateway, entry: Session, session: ServerHttp2Session): void {
  const count = () => {
    entry.controlFrames++;
    const { controlFramesMax } = gateway.limits.http2;
    if (entry.controlFrames > controlFramesMax) session.destroy(undefined, ENHANCE_YOUR_CALM);
  };
  session.on("ping", count);
  session.on("remoteSettings", count);
  session.on("error", () => {});
  session.on("goaway", () => session.close());
  // The session is not told of the socket's end, nor does it always come to its own: a farewell
  // that cannot leave keeps it from closing, so that only the socket's close counts. Who has ended
  // its side cannot widen a window or answer a PING any more: nothing under way would come to it.
  entry.socket.on("end", () => cut(entry));
  entry.socket.on("close", () => gateway.sessions.delete(entry));
}

const ENHANCE_YOUR_CALM = constants.NGHTTP2_ENHANCE_YOUR_CALM;

/** Ends sessions that are idle too long, or do not end; called by the worker's sweep. */
export function checkSessions({ sessions, limits }: Gateway, nowMs: number): void {
  for (const session of sessions) {
    session.controlFrames = 0;
    const { http2, streams, lastActivityMs } = session;
    if (streams > 0) continue;
    if (http2.closed || http2.destroyed) {
      if (session.endingSinceMs === 0) session.endingSinceMs = nowMs;
      // The client may still read, slowly, what it was sent last.
      const sinceMs = Math.max(session.endingSinceMs, lastActivityMs);
      if (nowMs - sinceMs > limits.streamIdleTimeoutMs) cut(session);
    } else if (nowMs - lastActivityMs > limits.keepAliveTimeoutMs) http2.close();
  }
}

/** Tells every client to open no more streams; what is under way ends. */
export function closeSessions({ sessions }: Gateway): void {
  for (const { http2 } of sessions) http2.close();
}

/** Ends every session, whatever is under way. */
export function cutSessions({ sessions }: Gateway): void {
  for (const session of [...sessions]) cut(session);
}

function cut({ http2, socket }: Session): void {
  http2.destroy();
  socket.destroy();
}
