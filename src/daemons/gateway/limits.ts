/** The bounds of the gateway: connections, times, rates and buffers, each with its name. */
export const gatewayLimits = {
  /** Client connections of one worker; more are answered 503 and closed. */
  connectionsMax: 10_000,
  /** Client connections of one source address to one worker. */
  connectionsPerSourceMax: 1_000,
  /** From the first byte of a head to its last (slow header attacks). */
  headReadTimeoutMs: 10_000,
  /** From accept, or the end of a response, to the first byte of the next request. */
  keepAliveTimeoutMs: 60_000,
  /** TLS handshake. */
  handshakeTimeoutMs: 10_000,
  /** A request body must bring this many bytes per second, judged over each window. */
  bodyBytesPerSecondMin: 256,
  bodyRateWindowMs: 10_000,
  connectTimeoutMs: 5_000,
  /** From the end of the request to the response head. */
  responseHeadTimeoutMs: 60_000,
  /** No byte in either direction while a response or an event stream is under way. */
  streamIdleTimeoutMs: 300_000,
  /** No byte in either direction of an upgraded connection. */
  tunnelIdleTimeoutMs: 600_000,
  /** Idle upstream connections kept per upstream and worker. */
  upstreamIdleMax: 128,
  upstreamIdleTimeoutMs: 30_000,
  /** Connections under way per upstream and worker; more requests are answered 503. */
  upstreamConnectionsMax: 4_096,
  /** How long an upstream that refused a connection is tried last. */
  upstreamDownMs: 2_000,
  /** After an early answer, unread request bytes are discarded up to this; then comes the end. */
  discardBytesMax: 262_144,
  lingerTimeoutMs: 2_000,
  /** Response bodies are held back for rules up to this many bytes. */
  responseBodyBytesMax: 524_288,
  /** Responses whose coding is undone at once, since each may hold a window of megabytes. */
  responseDecodersMax: 1_024,
  /** Text of a coded response that may leave whatever its ratio; more only by `decodedRatioMax`. */
  decodedResponseBytesFree: 8_388_608,
  /** HTTP/2 with clients; frames that break the rules end the session (RFC 9113 §10.5). */
  http2: {
    /** Streams at once in one session. */
    streamsMax: 100,
    fieldBytesMax: 32_768,
    fieldCountMax: 128,
    /** Bytes of a request body that a client may send ahead, per stream. */
    windowBytes: 65_535,
    sessionMemoryMibMax: 10,
    /** Entries of one SETTINGS frame. */
    settingsMax: 32,
    invalidFramesMax: 100,
    rejectedStreamsMax: 100,
    /** Streams that a client may open and reset: at once, and each second (CVE-2023-44487). */
    resetBurst: 200,
    resetsPerSecond: 20,
    /** PING and SETTINGS frames between two sweeps. */
    controlFramesMax: 100,
  },
  /** Period of the sweep that enforces the times above. */
  sweepMs: 500,
} as const;

type Numbers<Given> = {
  readonly [Name in keyof Given]: Given[Name] extends number ? number : Numbers<Given[Name]>;
};
export type GatewayLimits = Numbers<typeof gatewayLimits>;
