/** The plain data of a running worker: gateway, site, connection, exchange, upstream. */
import type { Socket } from "node:net";
import type { SecureContext } from "node:tls";
import type { BodyDecoder } from "../../engines/http1/body.ts";
import type { HeadReader } from "../../engines/http1/head-reader.ts";
import type { RequestHead } from "../../engines/http1/request.ts";
import type { RequestParser } from "../../engines/http1/request-parser.ts";
import type { ResponseHead } from "../../engines/http1/response.ts";
import type { GatewayEvent } from "./event.ts";
import type { Inspection, Inspector } from "./inspect.ts";
import type { SiteIntent } from "./intent.ts";
import type { GatewayLimits } from "./limits.ts";
import type { RefusalEvent, Refusals } from "./refusal-event.ts";
import type { SourceList } from "./source-list.ts";

/** Takes one event; false when it could not be kept (spool full). */
export type Emit = (event: GatewayEvent | RefusalEvent) => boolean;

/** Hands the events taken so far to the operating system; false when the disk refuses. */
export type Settle = () => boolean;

export type Site = {
  readonly intent: SiteIntent;
  readonly upstreams: readonly Upstream[];
  next: number;
  readonly secureContext: SecureContext | null;
  readonly isTrustedProxy: (address: string) => boolean;
};

/** Everything an intent decides; replaced as one value. */
export type Routes = {
  readonly version: number;
  readonly exact: ReadonlyMap<string, Site>;
  readonly wildcard: ReadonlyMap<string, Site>;
  readonly sources: SourceList;
  /** Proofs of HTTP-01 by `domain/token`. */
  readonly challenges: ReadonlyMap<string, string>;
  readonly inspector: Inspector;
};

export type Gateway = {
  routes: Routes;
  readonly limits: GatewayLimits;
  readonly emit: Emit;
  readonly settle: Settle;
  /** Connections whose answers wait for the end of this turn. */
  held: Connection[];
  readonly connections: Set<Connection>;
  readonly connectionsBySource: Map<string, number>;
  readonly upstreams: Map<string, Upstream>;
  readonly refusals: Refusals;
  readonly counters: { requests: number; eventsLost: number; connectionsRefused: number };
  /** Where HTTPS is served, for redirects; 0 until the worker listens. */
  httpsPort: number;
  spoolFull: boolean;
  stopping: boolean;
};

export type Upstream = {
  readonly key: string;
  readonly host: string;
  readonly port: number;
  readonly idle: UpstreamConnection[];
  active: number;
  downUntilMs: number;
};

export type UpstreamConnection = {
  readonly upstream: Upstream;
  readonly socket: Socket;
  readonly reader: HeadReader;
  exchange: Exchange | null;
  connected: boolean;
  reused: boolean;
  closed: boolean;
  startedMs: number;
};

export type Connection = {
  readonly gateway: Gateway;
  readonly socket: Socket;
  readonly isSecure: boolean;
  readonly serverName: string;
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
  /** What was written waits for its event; and so does the end of the sending side. */
  isHeld: boolean;
  endsOnRelease: boolean;
  closed: boolean;
  inputEnded: boolean;
  tunnel: Socket | null;
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
  /** Request body pieces held back for rules; null when they are passed on at once. */
  heldRequest: Buffer[] | null;
  heldRequestBytes: number;
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
  /** A pooled connection has failed it: the next one is opened anew, and is the last try. */
  retried: boolean;
  response: ResponseHead | null;
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
