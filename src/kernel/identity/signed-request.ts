/**
 * Requests signed with an access key: the date window, the scope and the nonce that is good once.
 * The mathematics is the signature engine's.
 */
import { signatureMatches, unsignedHeader } from "../../engines/signature/jdcloud2.ts";
import type { ParsedAuthorization, SignedRequest } from "../../engines/signature/signed-request.ts";
import { sigv4Matches, unsignedAmzHeader } from "../../engines/signature/sigv4.ts";

export { parseAuthorization, SCHEME } from "../../engines/signature/jdcloud2.ts";
export type { ParsedAuthorization, SignedRequest } from "../../engines/signature/signed-request.ts";
export { parseSigv4, SIGV4_SCHEME } from "../../engines/signature/sigv4.ts";

export const limits = {
  /** How far the date of a signature may be from the server's clock, either way. */
  dateWindowMs: 15 * 60_000,
  /** Nonces remembered; beyond it new requests are refused rather than old ones forgotten. */
  noncesMax: 500_000,
} as const;

const NONCE = /^[A-Za-z0-9-]{8,64}$/;
const DATE = /^(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2})Z$/;
export const SESSION_TOKEN_HEADER = "x-jdcloud-security-token";
export const AMZ_TOKEN_HEADER = "x-amz-security-token";

/** Remembers which nonces were used while their signature could still be valid. */
export type NonceMemory = {
  /** False when this key used the nonce before, or there is no room to remember it. */
  use(accessKeyId: string, nonce: string, nowMs: number): boolean;
};

/** Two generations: each holds one window's worth, so that forgetting costs nothing. */
export function createNonceMemory(noncesMax: number = limits.noncesMax): NonceMemory {
  // A signature is valid from one window before its date to one after it.
  const generationMs = 2 * limits.dateWindowMs;
  let current = new Set<string>();
  let previous = new Set<string>();
  let startMs = 0;
  return {
    use(accessKeyId, nonce, nowMs) {
      if (nowMs - startMs >= generationMs) {
        previous = nowMs - startMs >= 2 * generationMs ? new Set() : current;
        current = new Set();
        startMs = nowMs;
      }
      const key = `${accessKeyId} ${nonce}`;
      if (current.has(key) || previous.has(key)) return false;
      if (current.size >= noncesMax) return false;
      current.add(key);
      return true;
    },
  };
}

/** Why a signature is refused; for the log, never for the caller. */
export type SignatureFault = "scope" | "date" | "nonce" | "unsignedHeader" | "signature" | "replay";

/**
 * Checks a signed request.
 *
 * @param service the service that the scope must name.
 * @returns undefined when it is good; its nonce is then used up.
 */
export function signatureFault(
  request: SignedRequest,
  authorization: ParsedAuthorization,
  parts: { secret: string; service: string; nowMs: number; nonces: NonceMemory },
): SignatureFault | undefined {
  const { scope, accessKeyId } = authorization;
  const dateText = request.headers["x-jdcloud-date"] ?? "";
  const dateMs = dateOf(dateText);
  const nonce = request.headers["x-jdcloud-nonce"] ?? "";
  if (scope.service !== parts.service) return "scope";
  if (dateMs === undefined || Math.abs(parts.nowMs - dateMs) > limits.dateWindowMs) return "date";
  if (scope.date !== dateText.slice(0, 8)) return "scope";
  if (!NONCE.test(nonce)) return "nonce";
  if (unsignedHeader(request, authorization) !== undefined) return "unsignedHeader";
  if (!signatureMatches(request, authorization, parts.secret)) return "signature";
  // Last, so that nobody without the secret can use up the nonce of another's request.
  return parts.nonces.use(accessKeyId, nonce, parts.nowMs) ? undefined : "replay";
}

/**
 * Checks a request signed by Signature Version 4. It has no nonce: the same signature is good for
 * as long as its date is, as the protocol has it, so only TLS stands between it and a replay.
 */
export function sigv4Fault(
  request: SignedRequest,
  authorization: ParsedAuthorization,
  parts: { secret: string; service: string; nowMs: number },
): SignatureFault | undefined {
  const { scope } = authorization;
  const dateText = request.headers["x-amz-date"] ?? "";
  const dateMs = dateOf(dateText);
  if (scope.service !== parts.service) return "scope";
  if (dateMs === undefined || Math.abs(parts.nowMs - dateMs) > limits.dateWindowMs) return "date";
  if (scope.date !== dateText.slice(0, 8)) return "scope";
  if (unsignedAmzHeader(request, authorization) !== undefined) return "unsignedHeader";
  return sigv4Matches(request, authorization, parts.secret) ? undefined : "signature";
}

function dateOf(text: string): number | undefined {
  const match = DATE.exec(text);
  if (match === null) return undefined;
  const [, year, month, day, hour, minute, second] = match;
  const iso = `${year}-${month}-${day}T${hour}:${minute}:${second}.000Z`;
  const ms = Date.parse(iso);
  // Date.parse refuses 25:00 and month 13, and would roll the 31st of February over.
  return Number.isNaN(ms) || new Date(ms).toISOString() !== iso ? undefined : ms;
}
