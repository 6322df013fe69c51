/** One request on its way through the pipeline. */
import type { SignatureScheme } from "../identity/authenticate.ts";
import type { SignedRequest } from "../identity/signed-request.ts";
import type { Route, Translation } from "./route.ts";

/** A request as the HTTP server hands it over. */
export type Call = {
  readonly requestId: string;
  readonly route: Route;
  readonly parameters: Readonly<Record<string, string>>;
  readonly query: string;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: Buffer;
  readonly sourceIp: string;
  /** Aborts when the client is gone. */
  readonly signal: () => AbortSignal;
  setSessionCookie(token: string | null, maxAgeSeconds: number): void;
  setDeviceCookie(token: string): void;
  readonly deviceToken: string | undefined;
  /** The request as it was signed, and the service that the signature's scope must name. */
  readonly signed: SignedRequest & {
    readonly service: string;
    /** The family of signatures that this path takes; `jdcloud2` when absent. */
    readonly scheme?: SignatureScheme | undefined;
  };
  /** Set when the request speaks another API's language: how it becomes this operation's. */
  readonly translation?: Translation | undefined;
};
