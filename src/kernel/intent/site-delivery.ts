/**
 * How a site is delivered: its upstreams, TLS and protocols. The same shapes are what an operator
 * sets and what the gateway is told; every field has a default, and a site without any of them
 * costs the gateway nothing.
 */
import Type, { type Static } from "typebox";

const Cidr = Type.String({ maxLength: 49, pattern: "^[0-9A-Fa-f:.]+(?:/[0-9]{1,3})?$" });
const Pems = Type.String({ maxLength: 131_072 });
const Milliseconds = (maximum: number) => Type.Integer({ minimum: 1, maximum });

/** How requests are shared out among the upstreams of a site, and how those are spoken to. */
export const UpstreamSettings = Type.Object(
  {
    /** `http1`, or `http2` for every request: in clear text with prior knowledge, else by ALPN. */
    protocol: Type.Enum(["http1", "http2"]),
    /** `ORIGIN=WEIGHT`, one for each upstream that has not weight 1; 0 takes it out of turn. */
    weights: Type.Array(
      Type.String({ maxLength: 310, pattern: "^https?://[^=\\s]+=(?:[0-9]{1,3}|1000)$" }),
      { maxItems: 16 },
    ),
    /** Path asked for by active health checks; empty = none. */
    healthPath: Type.String({ maxLength: 1_024, pattern: "^(?:/[\\x21-\\x7e]*)?$" }),
    healthIntervalSeconds: Type.Integer({ minimum: 1, maximum: 3_600 }),
    healthTimeoutMs: Milliseconds(60_000),
    /** Good answers in a row that bring an upstream back, and bad ones that take it out. */
    healthyThreshold: Type.Integer({ minimum: 1, maximum: 100 }),
    unhealthyThreshold: Type.Integer({ minimum: 1, maximum: 100 }),
    /** Failed requests in a row (no answer, 502, 503, 504) that eject an upstream; 0 = never. */
    ejectAfterFailures: Type.Integer({ minimum: 0, maximum: 1_000 }),
    ejectSeconds: Type.Integer({ minimum: 1, maximum: 3_600 }),
    connectTimeoutMs: Milliseconds(60_000),
    /** From the end of the request to the head of the response. */
    responseTimeoutMs: Milliseconds(3_600_000),
    /** Connections under way, and idle ones kept, per upstream and worker. */
    connectionsMax: Type.Integer({ minimum: 1, maximum: 65_536 }),
    idleConnectionsMax: Type.Integer({ minimum: 0, maximum: 4_096 }),
    /** Cookie that keeps a client on one upstream; empty = none. */
    stickyCookie: Type.String({ maxLength: 64, pattern: "^[A-Za-z0-9_.-]*$" }),
    /** Https upstreams: false accepts any certificate. */
    verifyCertificate: Type.Boolean(),
    /** Name asked for and verified; empty = the host of the upstream. */
    serverName: Type.String({ maxLength: 253, pattern: "^[A-Za-z0-9.-]*$" }),
    /** Authorities that an https upstream's certificate must come from; empty = the system's. */
    authoritiesPem: Pems,
  },
  { additionalProperties: false },
);
export type UpstreamSettings = Static<typeof UpstreamSettings>;

export const upstreamDefaults: UpstreamSettings = {
  protocol: "http1",
  weights: [],
  healthPath: "",
  healthIntervalSeconds: 10,
  healthTimeoutMs: 2_000,
  healthyThreshold: 2,
  unhealthyThreshold: 3,
  ejectAfterFailures: 0,
  ejectSeconds: 30,
  connectTimeoutMs: 5_000,
  responseTimeoutMs: 60_000,
  connectionsMax: 4_096,
  idleConnectionsMax: 128,
  stickyCookie: "",
  verifyCertificate: true,
  serverName: "",
  authoritiesPem: "",
};

/** How clients speak TLS with a site. */
export const TlsSettings = Type.Object(
  {
    minimumVersion: Type.Enum(["TLSv1.2", "TLSv1.3"]),
    maximumVersion: Type.Enum(["TLSv1.2", "TLSv1.3"]),
    /** Names of Mozilla's server-side TLS guidelines, version 5.7. */
    cipherPolicy: Type.Enum(["intermediate", "modern"]),
    /** Strict-Transport-Security (RFC 6797); 0 = none is sent. */
    hstsMaxAgeSeconds: Type.Integer({ minimum: 0, maximum: 63_072_000 }),
    hstsIncludeSubdomains: Type.Boolean(),
    hstsPreload: Type.Boolean(),
    /** Certificates of clients: not asked for, verified when given, or demanded. */
    clientCertificates: Type.Enum(["off", "optional", "required"]),
    clientAuthoritiesPem: Pems,
  },
  { additionalProperties: false },
);
export type TlsSettings = Static<typeof TlsSettings>;

export const tlsDefaults: TlsSettings = {
  minimumVersion: "TLSv1.2",
  maximumVersion: "TLSv1.3",
  cipherPolicy: "intermediate",
  hstsMaxAgeSeconds: 0,
  hstsIncludeSubdomains: false,
  hstsPreload: false,
  clientCertificates: "off",
  clientAuthoritiesPem: "",
};

const Port = Type.Integer({ minimum: 1, maximum: 65_535 });

/** Which protocols clients may use, and what is told to the upstream about them. */
export const ProtocolSettings = Type.Object(
  {
    /** HTTP/2 over TLS by ALPN. */
    http2: Type.Boolean(),
    /** Load balancers in front that begin each connection with a PROXY header. */
    proxyProtocolFrom: Type.Array(Cidr, { maxItems: 100 }),
    /** Adds `Forwarded` (RFC 7239) beside the X-Forwarded fields. */
    forwardedHeader: Type.Boolean(),
    /** Ports beside the gateway's own on which this site is served. */
    httpPorts: Type.Array(Port, { maxItems: 8, uniqueItems: true }),
    httpsPorts: Type.Array(Port, { maxItems: 8, uniqueItems: true }),
  },
  { additionalProperties: false },
);
export type ProtocolSettings = Static<typeof ProtocolSettings>;

export const protocolDefaults: ProtocolSettings = {
  http2: true,
  proxyProtocolFrom: [],
  forwardedHeader: false,
  httpPorts: [],
  httpsPorts: [],
};

/** What bodies, and frames of WebSocket, may be. */
export const ContentSettings = Type.Object(
  {
    /** Bodies in gzip, deflate, br or zstd are shown to the rules decoded. */
    decodeRequestBodies: Type.Boolean(),
    /** A body that grows to more than this many times its size is refused, or cut off. */
    decodedRatioMax: Type.Integer({ minimum: 2, maximum: 1_000 }),
    /** Of clients; 0 = no limit. */
    webSocketFrameBytesMax: Type.Integer({ minimum: 0, maximum: 1_073_741_824 }),
    webSocketMessageBytesMax: Type.Integer({ minimum: 0, maximum: 1_073_741_824 }),
    webSocketMessagesPerSecondMax: Type.Integer({ minimum: 0, maximum: 1_000_000 }),
    /** Text messages of clients are judged by the rules as request bodies. */
    webSocketInspectText: Type.Boolean(),
  },
  { additionalProperties: false },
);
export type ContentSettings = Static<typeof ContentSettings>;

export const contentDefaults: ContentSettings = {
  decodeRequestBodies: true,
  decodedRatioMax: 100,
  webSocketFrameBytesMax: 0,
  webSocketMessageBytesMax: 0,
  webSocketMessagesPerSecondMax: 0,
  webSocketInspectText: false,
};

/** What is made unreadable in responses of text types; lengths stay as they are. */
export const LeakSettings = Type.Object(
  {
    /** Resident identity numbers of China, GB 11643, with a right check character. */
    maskIdCards: Type.Boolean(),
    /** Mobile numbers of China. */
    maskPhones: Type.Boolean(),
    maskEmails: Type.Boolean(),
    /** Card numbers of 13 to 19 digits with a right check digit (ISO/IEC 7812-1). */
    maskBankCards: Type.Boolean(),
    /** Lines of stack traces of Java, .NET, JavaScript, Python, PHP and Go. */
    maskStackTraces: Type.Boolean(),
  },
  { additionalProperties: false },
);
export type LeakSettings = Static<typeof LeakSettings>;

export const leakDefaults: LeakSettings = {
  maskIdCards: false,
  maskPhones: false,
  maskEmails: false,
  maskBankCards: false,
  maskStackTraces: false,
};

const PagePath = Type.String({ maxLength: 1_024, pattern: "^/[^?#\\s]*$" });

/** Pages that must stay as they were approved. */
export const PageSettings = Type.Object(
  {
    /** `protect` serves the approved copy of a page that changed; `observe` only tells. */
    mode: Type.Enum(["off", "observe", "protect"]),
    /** Paths without query; a request with a query is compared with the same page. */
    paths: Type.Array(PagePath, { maxItems: 32, uniqueItems: true }),
    approvals: Type.Array(
      Type.Object(
        { path: PagePath, digest: Type.String({ pattern: "^[0-9a-f]{64}$" }) },
        { additionalProperties: false },
      ),
      { maxItems: 32 },
    ),
  },
  { additionalProperties: false },
);
export type PageSettings = Static<typeof PageSettings>;

export const pageDefaults: PageSettings = { mode: "off", paths: [], approvals: [] };

/** What the gateway is told of one site; absent = the defaults. */
export const SiteDelivery = Type.Object(
  {
    upstream: Type.Optional(UpstreamSettings),
    /** The certificate that the gateway shows to https upstreams. */
    upstreamIdentity: Type.Optional(
      Type.Object({ certificatePem: Pems, privateKeyPem: Pems }, { additionalProperties: false }),
    ),
    tls: Type.Optional(TlsSettings),
    protocol: Type.Optional(ProtocolSettings),
    content: Type.Optional(ContentSettings),
    leaks: Type.Optional(LeakSettings),
    pages: Type.Optional(PageSettings),
  },
  { additionalProperties: false },
);
export type SiteDelivery = Static<typeof SiteDelivery>;
