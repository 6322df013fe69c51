/** The plain data of a running worker: gateway, site, connection, exchange, upstream. */
import type { ServerHttp2Session } from "node:http2";
import type { Duplex } from "node:stream";
import type { SecureContext, TLSSocket, Server as TlsServer } from "node:tls";
import type { BodyDecoder } from "../../engines/http1/body.ts";
import type { FaultKind } from "../../engines/http1/fault.ts";
import type { HeadReader } from "../../engines/http1/head-reader.ts";
import type { RequestHead } from "../../engines/http1/request.ts";
import type { RequestParser } from "../../engines/http1/request-parser.ts";
import type { ResponseHead } from "../../engines/http1/response.ts";
import type { Masker } from "../../engines/leaks/mask.ts";
import type { ClientHello } from "../../engines/tls/client-hello.ts";
import type { RequestRecord } from "../../kernel/events/request-record.ts";
import type { Delivery, UpstreamPolicy, UpstreamTls } from "./delivery.ts";
import type { GatewayEvent } from "./event.ts";
import type { HeldBody } from "./held-body.ts";
import type { Inspection, Inspector } from "./inspect.ts";
import type { SiteIntent } from "./intent.ts";
import type { GatewayLimits } from "./limits.ts";
import type { PageCopies } from "./page-copies.ts";
import type { PageEvent } from "./page-event.ts";
import type { GuardedPage, PageGuard } from "./page-guard-types.ts";
import type { Rates } from "./policy/rates.ts";
import type { PolicyRun } from "./policy/run.ts";
import type { SitePolicy } from "./policy/site-policy.ts";
import type { RefusalEvent, Refusals } from "./refusal-event.ts";
import type { RequestRecorder, SeenBody } from "./request-record-types.ts";
import type { ResponseDecoder } from "./response-decoder.ts";
import type { SourceList } from "./source-list.ts";
import type { UpstreamEvent } from "./upstream-event.ts";
import type { UpstreamHealth } from "./upstream-health.ts";
import type { UserReader } from "./user-audit/user-reader.ts";

/** Takes one event; false when it could not be kept (spool full). */
export type Emit = (event: GatewayEvent | RefusalEvent | UpstreamEvent | PageEvent) => boolean;

/** Hands the events taken so far to the operating system; false when the disk refuses. */
export type Settle = () => boolean;

/** A client's socket, or one stream of an HTTP/2 session that behaves like one. */
export type ClientSocket = Duplex & {
  readonly remoteAddress?: string | undefined;
  readonly remotePort?: number | undefined;
  readonly localAddress?: string | undefined;
  readonly localPort?: number | undefined;
  destroySoon(): void;
};

/** What is known of a client's connection before its first request. */
export type Arrival = {
  readonly isSecure: boolean;
  /** Asked for by SNI; empty without TLS. */
  readonly serverName: string;
  /** JA4 of the TLS hello; empty without TLS, and for a hello that could not be read. */
  readonly ja4: string;
  /** What a PROXY header tells, of a balancer's own connection the peer; null = none was sent. */
  readonly proxied: { readonly address: string; readonly port: number } | null;
  /** The certificate that the client showed in a handshake that asked for one. */
  readonly clientCertificate: ClientCertificate | null;
  /** The site whose TLS settings the handshake followed; null: those of all others. */
  readonly tlsSiteId: string | null;
  /** `HTTP/2.0` for a stream; its fault when the stream broke the rules of HTTP. */
  readonly front: { readonly protocol: string; readonly fault: FaultKind | null } | null;
};

/** What was found before a connection is taken. */
export type FirstBytes = {
  readonly proxied: Arrival["proxied"];
  /** Null: not asked for, or none that can be read. */
  readonly hello: ClientHello | null;
  /** Still runs, and closes the connection; whoever takes the socket ends it. */
  readonly deadline: NodeJS.Timeout;
};

export type ClientCertificate = {
  /** False: shown, but no authority of the site stands behind it. */
  readonly isVerified: boolean;
  readonly subject: string;
  readonly issuer: string;
  readonly serialNumber: string;
  readonly fingerprint: string;
};

export type Site = {
  readonly intent: SiteIntent;
  readonly upstreams: readonly Upstream[];
  next: number;
  readonly secureContext: SecureContext | null;
  readonly isTrustedProxy: (address: string) => boolean;
  /** Null: the site has no settings of its own for how it is delivered. */
  readonly delivery: Delivery | null;
  /** Handshakes of a site whose TLS differs from that of all others; null = those of all. */
  readonly tlsServer: TlsServer | null;
  /** Null for a site without routes, rules, lists or bot settings: nothing of it is asked. */
  readonly policy: SitePolicy | null;
  /** The site as each route of its policy changes it. */
  readonly routes: readonly Site[];
  /** The same for a path that may be the route's or not: each check as strong as the stronger. */
  readonly strictRoutes: readonly Site[];
  /** Null: no page of the site is guarded. */
  readonly guard: PageGuard | null;
  /** Null: nobody asked who uses the site. */
  readonly userReader: UserReader | null;
  /** Null: flagged requests are kept as events only. */
  readonly recorder: RequestRecorder | null;
};

/** Everything an intent decides; replaced as one value. */
export type Routes = {
  readonly version: number;
  readonly sites: readonly Site[];
  readonly exact: ReadonlyMap<string, Site>;
  readonly wildcard: ReadonlyMap<string, Site>;
  readonly sources: SourceList;
  /** Proofs of HTTP-01 by `domain/token`. */
  readonly challenges: ReadonlyMap<string, string>;
  readonly inspector: Inspector;
  /** Whether first bytes decide how a connection is taken: a site's own TLS, or PROXY headers. */
  readonly hasOwnTls: boolean;
  readonly sendsProxyHeader: ((address: string) => boolean) | null;
};

/** Counted since the worker started; nothing else is done on the path of a request. */
export type Counters = {
  requests: number;
  blocked: number;
  /** Requests that no upstream could take, or that it broke off. */
  upstreamFailures: number;
  eventsLost: number;
  connectionsRefused: number;
};

export const noCounts = (): Counters => ({
  ...{ requests: 0, blocked: 0, upstreamFailures: 0, eventsLost: 0, connectionsRefused: 0 },
});

export type Gateway = {
  routes: Routes;
  readonly limits: GatewayLimits;
  readonly rates: Rates;
  /** What the workers of this gateway share and nobody else knows. */
  readonly seed: string;
  readonly emit: Emit;
  readonly settle: Settle;
  /** Takes a flagged request whole; false when it could not be kept. */
  readonly keepRecord: (record: RequestRecord) => boolean;
  /** Makes the handshake of a site whose TLS differs; null when that of all sites will do. */
  readonly ownTlsServer: (intent: SiteIntent) => TlsServer | null;
  /** Connections whose answers wait for the end of this turn. */
  held: Connection[];
  readonly connections: Set<Connection>;
  readonly connectionsBySource: Map<string, number>;
  readonly upstreams: Map<string, Upstream>;
  readonly refusals: Refusals;
  readonly counters: Counters;
  readonly copies: PageCopies;
  /** Sessions of HTTP/2, whose streams are connections. */
  readonly sessions: Set<Session>;
  /** Ports that sites added to the gateway's own. */
  extraPorts: ReadonlyMap<number, unknown>;
  /** What the first bytes of handshakes under way told, by `socketKey`. */
  readonly handshakes: Map<string, FirstBytes>;
  /** Where HTTPS is served, for redirects; 0 until the worker listens. */
  httpsPort: number;
  /** Responses whose coding is being undone. */
  decoding: number;
  spoolFull: boolean;
  stopping: boolean;
};

/** One HTTP/2 session of a client, and what it has done lately. */
export type Session = {
  readonly http2: ServerHttp2Session;
  /** What it is carried by. */
  readonly socket: TLSSocket;
  readonly address: string;
  streams: number;
  /** Control frames since the last look. */
  controlFrames: number;
  lastActivityMs: number;
  /** When it was first seen to be ending; 0 before. */
  endingSinceMs: number;
};

export type Upstream = {
  readonly key: string;
  readonly origin: string;
  readonly host: string;
  readonly port: number;
  /** Null: spoken to in clear text. */
  readonly tls: UpstreamTls | null;
  /** Null: the limits of the gateway, and no health but that of connections. */
  readonly policy: UpstreamPolicy | null;
  readonly health: UpstreamHealth;
  readonly idle: UpstreamConnection[];
  active: number;
  downUntilMs: number;
};

export type UpstreamConnection = {
  readonly upstream: Upstream;
  readonly socket: Duplex;
  /** Gets what the upstream sends; a piece holds only until it returns. */
  take: (piece: Buffer) => void;
  readonly reader: HeadReader;
  exchange: Exchange | null;
  connected: boolean;
  reused: boolean;
  closed: boolean;
  startedMs: number;
};

export type Connection = Arrival & {
  readonly gateway: Gateway;
  readonly socket: ClientSocket;
  /** Gets what the client sends; a piece holds only until it returns. */
  take: (piece: Buffer) => void;
  /** The peer of the socket; `address` is the client's, told by a PROXY header if there is one. */
  readonly peerAddress: string;
  readonly address: string;
  readonly port: number;
  readonly parser: RequestParser;
  readonly bodySink: (data: Buffer) => void;
  exchange: Exchange | null;
  /** Bytes that arrived while they could not be read; the socket is paused meanwhile. */
  rest: Buffer | null;
  taking: boolean;
  /** No more requests will be read: answered, being closed, discarding what comes. */
  ending: boolean;
  discardedBytes: number;
  /** What is to be written waits for its event; and so does the end of the sending side. */
  isHeld: boolean;
  readonly held: (string | Buffer)[];
  endsOnRelease: boolean;
  closed: boolean;
  inputEnded: boolean;
  tunnel: Duplex | null;
  lastActivityMs: number;
  headStartedMs: number;
  endingSinceMs: number;
  /** Called when the exchange is over; reads the next request or closes. */
  readonly onExchangeEnd: (connection: Connection, keep: boolean) => void;
  /** Called when the request body may be read (again). */
  readonly onBodyWanted: (connection: Connection) => void;
};

export type Exchange = {
  readonly connection: Connection;
  readonly head: RequestHead;
  readonly requestId: string;
  readonly startedMs: number;
  readonly time: number;
  site: Site | null;
  clientAddress: string;
  inspection: Inspection | null;
  /** What the site's policy decided; null where it has none. */
  policy: PolicyRun | null;
  /** The request body as far as it is held back for rules; null when it is passed on at once. */
  heldRequest: HeldBody | null;
  /** For a record of the request; null on sites without them, and when rules saw no body. */
  seenBody: SeenBody | null;
  bodyReady: boolean;
  bodyJudged: boolean;
  requestBytes: number;
  requestDone: boolean;
  requestDoneMs: number;
  rateWindowMs: number;
  rateWindowBytes: number;
  requestPaused: boolean;
  upstream: UpstreamConnection | null;
  attempts: number;
  /** Upstreams that were chosen, of sites with settings for them; the last one served. */
  tried: Upstream[];
  /** A pooled connection has failed it: the next one is opened anew, and is the last try. */
  retried: boolean;
  response: ResponseHead | null;
  /** The guarded page that was asked for; null = none. */
  page: GuardedPage | null;
  /** Masks the body on its way; null = as it is. */
  mask: Masker | null;
  /** Undoes the body's coding on its way; null = it has none, or none that has to be undone. */
  decoder: ResponseDecoder | null;
  /** What rules read of a body that is held back for them in its coding; null = the body itself. */
  view: { readonly text: Buffer[]; readonly decoder: ResponseDecoder } | null;
  /** What becomes of the request's Range: only of a whole can a text be masked. */
  range: "asked" | "refused" | "dropped";
  body: BodyDecoder | null;
  heldResponse: Buffer[] | null;
  heldResponseBytes: number;
  /** Bytes of the response not yet given to the socket. */
  out: string;
  chunkedOut: boolean;
  keepClient: boolean;
  headSent: boolean;
  status: number;
  responseBytes: number;
  upstreamPaused: boolean;
  blocked: boolean;
  wouldBlock: boolean;
  reason: string;
  over: boolean;
};
