/** The step that finds out who calls: by session, bearer key or signature. */

import { timingSafeEqual } from "node:crypto";
import {
  type Credential,
  type CredentialLookup,
  CSRF_HEADER,
  credentialOf,
  csrfTokenMatches,
  hashSecret,
  type Identity,
} from "../identity/authenticate.ts";
import type { SharedMemory } from "../identity/shared-memory.ts";
import {
  AMZ_TOKEN_HEADER,
  type NonceMemory,
  SESSION_TOKEN_HEADER,
  type SignatureFault,
  signatureFault,
  sigv4Fault,
} from "../identity/signed-request.ts";
import { Problem } from "../problem.ts";
import type { Call } from "./call.ts";

export type Authenticated = {
  readonly identity: Identity;
  /** The console session's token. */
  readonly sessionToken: string | undefined;
};

type Parts = {
  readonly credentials: CredentialLookup;
  readonly nonces: NonceMemory;
  readonly shared?: SharedMemory;
  readonly log: (line: Readonly<Record<string, unknown>>) => void;
};

/** How long a proof of the second factor opens dangerous operations of a console session. */
export const FRESH_MFA_MS = 15 * 60_000;

/**
 * Who calls.
 *
 * @throws Problem kernel.unauthenticated for every credential that is not good, alike.
 */
export async function authenticateCall(
  parts: Parts,
  call: Call,
  nowMs: number,
): Promise<Authenticated> {
  const { headers, route } = call;
  const credential = credentialOf({
    authorization: headers.authorization,
    cookie: headers.cookie,
  });
  const identity = await identityOf(parts, { call, credential, nowMs });
  if (identity === undefined) throw new Problem("kernel.unauthenticated");
  if (credential.kind !== "session") return { identity, sessionToken: undefined };
  const changes = route.operation.method !== "GET";
  if (changes && !csrfTokenMatches(credential.token, headers[CSRF_HEADER])) {
    throw new Problem("kernel.csrfTokenInvalid");
  }
  return { identity, sessionToken: credential.token };
}

async function identityOf(
  parts: Parts,
  { call, credential, nowMs }: { call: Call; credential: Credential; nowMs: number },
): Promise<Identity | undefined> {
  const from = { nowMs, sourceIp: call.sourceIp };
  switch (credential.kind) {
    case "bearer":
      return parts.credentials.bearerKey(hashSecret(credential.secret), from);
    case "session":
      return parts.credentials.session(hashSecret(credential.token), from);
    case "signed":
      return signerOf(parts, { call, credential, nowMs });
    default:
      return undefined;
  }
}

async function signerOf(
  parts: Parts,
  parted: { call: Call; credential: Extract<Credential, { kind: "signed" }>; nowMs: number },
): Promise<Identity | undefined> {
  const { call, credential, nowMs } = parted;
  const { authorization, scheme } = credential;
  // INVARIANT: each path takes one scheme only; what a signature covers differs between them.
  if (scheme !== (call.signed.scheme ?? "jdcloud2")) return undefined;
  const from = { nowMs, sourceIp: call.sourceIp };
  const signer = await parts.credentials.accessKey(authorization.accessKeyId, from);
  // An unknown key is checked against a secret that nobody has, so that it takes as long.
  const secret = signer?.secret ?? NO_SECRET;
  const { service } = call.signed;
  const signature =
    scheme === "aws4"
      ? sigv4Fault(call.signed, authorization, { secret, service, nowMs })
      : signatureFault(call.signed, authorization, {
          secret,
          service,
          nowMs,
          nonces: parts.nonces,
        });
  const fault: SignatureFault | "key" | "sessionToken" | undefined =
    signature ??
    (signer === undefined ? "key" : undefined) ??
    (sessionTokenMatches(signer?.sessionTokenHash, call) ? undefined : "sessionToken") ??
    (await replayFault(parts, { call, accessKeyId: authorization.accessKeyId, nowMs }));
  if (fault === undefined) return signer?.identity;
  parts.log({ level: "info", requestId: call.requestId, signatureRefused: fault });
  return undefined;
}

/** Whether another control plane took the nonce; asked last, for good signatures only. */
async function replayFault(
  { shared }: Parts,
  used: { readonly call: Call; readonly accessKeyId: string; readonly nowMs: number },
): Promise<"replay" | undefined> {
  // Signature Version 4 has no nonce.
  if (used.call.signed.scheme === "aws4") return undefined;
  const nonce = used.call.headers["x-jdcloud-nonce"] ?? "";
  const isFirst = (await shared?.useNonce(used.accessKeyId, nonce, used.nowMs)) ?? true;
  return isFirst ? undefined : "replay";
}

const NO_SECRET = "no access key has this secret";

/** The keys of an assumed role need its token; other keys must come without one. */
function sessionTokenMatches(wanted: Buffer | undefined, call: Call): boolean {
  const aws = call.signed.scheme === "aws4";
  const given = call.headers[aws ? AMZ_TOKEN_HEADER : SESSION_TOKEN_HEADER];
  if (wanted === undefined) return given === undefined;
  if (given === undefined) return false;
  // One SDK sends the token as it is, another in base64.
  const forms = [given, Buffer.from(given, "base64").toString("utf8")];
  return forms.some((form) => timingSafeEqual(hashSecret(form), wanted));
}

/**
 * What an account's demand for a second factor leaves open, and what an operation itself demands.
 *
 * @throws Problem kernel.mfaEnrollmentRequired or kernel.freshMfaRequired.
 */
export function requireFactors(call: Call, identity: Identity, nowMs: number): void {
  const { operation } = call.route;
  if (identity.mfaMissing === true && operation.beforeMfa !== true) {
    throw new Problem("kernel.mfaEnrollmentRequired");
  }
  const session = identity.caller.sessionId !== undefined;
  if (!session || identity.mfaEnrolled !== true) return;
  if (operation.dangerous !== true && operation.freshMfa !== true) return;
  const age = identity.mfaTimeMs === undefined ? undefined : nowMs - identity.mfaTimeMs;
  if (age === undefined || age > FRESH_MFA_MS) throw new Problem("kernel.freshMfaRequired");
}
