/**
 * The OpenID Connect side of a sign-in: discovery, where to send the browser, and the exchange of
 * the code. Every connection goes through the kernel's guarded way out, so that an issuer, or what
 * its discovery document names, cannot lead into networks behind this machine.
 */
import { createHash } from "node:crypto";
import * as oidc from "openid-client";
import { type Outbound, OutboundError } from "../../../kernel/outbound.ts";
import { Problem } from "../../../kernel/problem.ts";
import type { Claims } from "./rules.ts";
import type { ProviderRow } from "./store.ts";

export const clientLimits = {
  timeoutMs: 5_000,
  answerBytesMax: 262_144,
  /** How far the provider's clock may be off. */
  clockToleranceSeconds: 30,
  /** Sign-ins that wait for providers at once: each holds a connection to the database. */
  atOnceMax: 8,
  atOncePerAccountMax: 4,
} as const;

export type ProviderAccess = {
  readonly provider: Pick<ProviderRow, "issuer" | "clientId" | "trustPem">;
  /** Opened; undefined for a public client. */
  readonly clientSecret: string | undefined;
};

/** What both ends of a sign-in refer to. */
export type Attempt = {
  readonly redirectUri: string;
  readonly state: string;
  /** Known to the browser that began, and to nobody else. */
  readonly deviceToken: string;
};

/** PKCE's verifier and the nonce come from what only that browser and that state have. */
const derived = (use: string, { state, deviceToken }: Attempt) =>
  createHash("sha256").update(`oidc ${use}\n${state}\n${deviceToken}`).digest("base64url");

/** Provider metadata, read anew for each sign-in: keys and endpoints may have changed. */
export async function discovered(
  outbound: Outbound,
  { provider, clientSecret }: ProviderAccess,
): Promise<oidc.Configuration> {
  return oidc.discovery(
    new URL(provider.issuer),
    provider.clientId,
    { [oidc.clockTolerance]: clientLimits.clockToleranceSeconds },
    clientSecret === undefined ? oidc.None() : bySecret(clientSecret),
    {
      [oidc.customFetch]: guardedFetch(outbound, provider.trustPem),
      // The ID token's signature is checked although TLS brought it (OpenID Connect Core §3.1.3.7).
      execute: [oidc.enableNonRepudiationChecks],
      timeout: clientLimits.timeoutMs / 1000,
    },
  );
}

/** Basic is what a provider takes unless it says otherwise (OpenID Connect Discovery §3). */
function bySecret(secret: string): oidc.ClientAuth {
  const basic = oidc.ClientSecretBasic(secret);
  const post = oidc.ClientSecretPost(secret);
  return (server, client, body, headers) => {
    const methods = server.token_endpoint_auth_methods_supported ?? ["client_secret_basic"];
    const way = methods.includes("client_secret_basic") ? basic : post;
    way(server, client, body, headers);
  };
}

/** Where the browser goes: code flow with PKCE, state and nonce. */
export async function authorizationUrl(
  config: oidc.Configuration,
  attempt: Attempt,
  scopes: readonly string[],
): Promise<string> {
  const url = oidc.buildAuthorizationUrl(config, {
    redirect_uri: attempt.redirectUri,
    scope: ["openid", ...scopes].join(" "),
    state: attempt.state,
    nonce: derived("nonce", attempt),
    code_challenge: await oidc.calculatePKCECodeChallenge(derived("verifier", attempt)),
    code_challenge_method: "S256",
  });
  return url.href;
}

/** The verified claims of whoever came back. @throws Error for everything that is not right. */
export async function exchangedClaims(
  config: oidc.Configuration,
  attempt: Attempt,
  answer: {
    readonly code: string;
    readonly iss?: string | undefined;
    /** Claims that are needed: when the ID token lacks one, the provider is asked for them. */
    readonly wanted: readonly string[];
  },
): Promise<Claims> {
  const url = new URL(attempt.redirectUri);
  url.searchParams.set("code", answer.code);
  url.searchParams.set("state", attempt.state);
  if (answer.iss !== undefined) url.searchParams.set("iss", answer.iss);
  const tokens = await oidc.authorizationCodeGrant(config, url, {
    expectedState: attempt.state,
    expectedNonce: derived("nonce", attempt),
    pkceCodeVerifier: derived("verifier", attempt),
    idTokenExpected: true,
  });
  const claims = tokens.claims();
  if (claims === undefined) throw new Error("the provider sent no ID token");
  const lacks = answer.wanted.some((name) => claims[name] === undefined);
  if (!lacks || config.serverMetadata().userinfo_endpoint === undefined) return claims;
  // The library refuses an answer about another subject (OpenID Connect Core §5.3.2).
  const more = await oidc.fetchUserInfo(config, tokens.access_token, claims.sub);
  return { ...more, ...claims };
}

/** Where the provider ends its own session (OpenID Connect RP-Initiated Logout 1.0). */
export function providerSignOutUrl(config: oidc.Configuration, redirectUri: string): string | null {
  if (config.serverMetadata().end_session_endpoint === undefined) return null;
  const home = new URL("/", redirectUri).href;
  return oidc.buildEndSessionUrl(config, { post_logout_redirect_uri: home }).href;
}

function guardedFetch(outbound: Outbound, trustPem: string | null): oidc.CustomFetch {
  return async (url, { method, headers, body }) => {
    if (!url.startsWith("https://")) throw new OutboundError(`${url} is not https`);
    const text = bodyText(body);
    const answer = await outbound.request({
      url,
      method,
      headers,
      ...(text === undefined ? {} : { body: text }),
      ...(trustPem === null ? {} : { trustPem }),
      bytesMax: clientLimits.answerBytesMax,
      timeoutMs: clientLimits.timeoutMs,
    });
    const named = Object.entries(answer.headers).filter(
      (entry): entry is [string, string] => entry[1] !== undefined,
    );
    const isEmpty = [204, 205, 304].includes(answer.status);
    return new Response(isEmpty ? null : new Uint8Array(answer.body), {
      status: answer.status,
      headers: named,
    });
  };
}

function bodyText(body: oidc.FetchBody): string | undefined {
  if (body === undefined || body === null) return undefined;
  if (typeof body === "string") return body;
  if (body instanceof URLSearchParams) return body.toString();
  throw new OutboundError("this form of body is not sent to providers");
}

/** True when a provider could not be reached at all, rather than answered wrongly. */
function isUnreachable(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (error instanceof OutboundError) return true;
  return error.cause !== undefined && isUnreachable(error.cause);
}

/** Says what a provider's failure means to who signs in; the cause is logged and not told. */
export function providerProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  const reason = isUnreachable(error) ? "iam.oidcUnreachable" : "iam.oidcFailed";
  return new Problem(reason, { cause: error });
}

/** The innermost message: what is wrong, without the layers that carried it. */
export function rootMessage(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? rootMessage(error.cause) : error.message.slice(0, 300);
}

/** Lets few sign-ins wait for providers at once, and fewer of one account. */
export function createGate() {
  const waiting = new Map<string, number>();
  let all = 0;
  return async <Result>(accountId: string, work: () => Promise<Result>): Promise<Result> => {
    const own = waiting.get(accountId) ?? 0;
    if (all >= clientLimits.atOnceMax || own >= clientLimits.atOncePerAccountMax) {
      throw new Problem("iam.oidcBusy");
    }
    all += 1;
    waiting.set(accountId, own + 1);
    try {
      return await work();
    } finally {
      all -= 1;
      const left = (waiting.get(accountId) ?? 1) - 1;
      if (left > 0) waiting.set(accountId, left);
      else waiting.delete(accountId);
    }
  };
}
export type Gate = ReturnType<typeof createGate>;
