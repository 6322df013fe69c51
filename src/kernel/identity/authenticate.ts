/** Who calls: a console session by cookie, or a bearer key. Secrets are compared by their hash. */
import { createHash, timingSafeEqual } from "node:crypto";
import type { Caller } from "../context.ts";
import type { PolicySource } from "./authorize.ts";

export type Identity = { readonly caller: Caller; readonly policies: readonly PolicySource[] };

/** Looks a credential up by the SHA-256 of its secret; undefined = unknown, expired or disabled. */
export type CredentialLookup = {
  session(tokenHash: Buffer, nowMs: number): Promise<Identity | undefined>;
  bearerKey(secretHash: Buffer, nowMs: number): Promise<Identity | undefined>;
};

export const SESSION_COOKIE = "__Host-cordon_session";
export const CSRF_HEADER = "x-cordon-csrf";
const SECRET_LENGTH_MAX = 256;

export type Credential =
  | { readonly kind: "none" }
  | { readonly kind: "session"; readonly token: string }
  | { readonly kind: "bearer"; readonly secret: string }
  | { readonly kind: "malformed" };

/** Reads the credential of a request; an Authorization header goes before the cookie. */
export function credentialOf(headers: {
  readonly authorization?: string | undefined;
  readonly cookie?: string | undefined;
}): Credential {
  if (headers.authorization !== undefined) {
    const secret = /^Bearer ([A-Za-z0-9_-]+)$/.exec(headers.authorization)?.[1];
    if (secret === undefined || secret.length > SECRET_LENGTH_MAX) return { kind: "malformed" };
    return { kind: "bearer", secret };
  }
  for (const pair of (headers.cookie ?? "").split(";")) {
    const [name, value] = pair.trim().split("=", 2);
    if (name === SESSION_COOKIE && value !== undefined && value.length <= SECRET_LENGTH_MAX) {
      return { kind: "session", token: value };
    }
  }
  return { kind: "none" };
}

/** SHA-256 of a secret of full entropy; passwords take argon2id instead. */
export function hashSecret(secret: string): Buffer {
  return createHash("sha256").update(secret, "utf8").digest();
}

/** The token a console page must send with every change; derived, so that nothing is stored. */
export function csrfTokenOf(sessionToken: string): string {
  return createHash("sha256").update(`csrf:${sessionToken}`, "utf8").digest("base64url");
}

/** Compares in constant time. */
export function csrfTokenMatches(sessionToken: string, given: string | undefined): boolean {
  const wanted = Buffer.from(csrfTokenOf(sessionToken));
  const got = Buffer.from(given ?? "");
  return wanted.length === got.length && timingSafeEqual(wanted, got);
}
