/**
 * Who calls: a console session by cookie, a bearer key, or a signature. Secrets are compared by
 * their hash.
 */
import { createHash, hash, timingSafeEqual } from "node:crypto";
import type { Identity } from "./identity.ts";
import {
  type ParsedAuthorization,
  parseAuthorization,
  parseSigv4,
  SCHEME,
  SIGV4_SCHEME,
} from "./signed-request.ts";

export type { Identity } from "./identity.ts";

/** What a signature is checked with. */
export type SigningIdentity = {
  readonly identity: Identity;
  readonly secret: string;
  /** Set for the keys of an assumed role: the token that must come with the signature. */
  readonly sessionTokenHash?: Buffer;
};

/** Where a credential comes from: some are bound to networks. */
type From = { readonly nowMs: number; readonly sourceIp: string };

/** Looks a credential up; undefined = unknown, expired, disabled or not valid from there. */
export type CredentialLookup = {
  session(tokenHash: Buffer, from: From): Promise<Identity | undefined>;
  bearerKey(secretHash: Buffer, from: From): Promise<Identity | undefined>;
  accessKey(accessKeyId: string, from: From): Promise<SigningIdentity | undefined>;
  /** Called when a change was committed: nothing that was read before it may be remembered. */
  changed?(): void;
  /** Tags of a resource of the account. */
  resourceTags(accountId: string, resource: string): Promise<Readonly<Record<string, string>>>;
};

/** Asks for lasting keys first and then for temporary ones. */
export function anyCredential(
  lasting: CredentialLookup,
  temporary: Pick<CredentialLookup, "bearerKey" | "accessKey">,
): CredentialLookup {
  return {
    ...lasting,
    bearerKey: async (hash, from) =>
      (await lasting.bearerKey(hash, from)) ?? temporary.bearerKey(hash, from),
    accessKey: async (id, from) =>
      (await lasting.accessKey(id, from)) ?? temporary.accessKey(id, from),
  };
}

export const SESSION_COOKIE = "__Host-cordon_session";
export const DEVICE_COOKIE = "__Host-cordon_device";
export const CSRF_HEADER = "x-cordon-csrf";
const SECRET_LENGTH_MAX = 256;

/** Which family of signatures a request carries. */
export type SignatureScheme = "jdcloud2" | "aws4";

export type Credential =
  | { readonly kind: "none" }
  | { readonly kind: "session"; readonly token: string }
  | { readonly kind: "bearer"; readonly secret: string }
  | {
      readonly kind: "signed";
      readonly scheme: SignatureScheme;
      readonly authorization: ParsedAuthorization;
    }
  | { readonly kind: "malformed" };

/** Reads the credential of a request; an Authorization header goes before the cookie. */
export function credentialOf(headers: {
  readonly authorization?: string | undefined;
  readonly cookie?: string | undefined;
}): Credential {
  if (headers.authorization?.startsWith(`${SCHEME} `)) {
    const authorization = parseAuthorization(headers.authorization);
    if (authorization === undefined) return { kind: "malformed" };
    return { kind: "signed", scheme: "jdcloud2", authorization };
  }
  if (headers.authorization?.startsWith(`${SIGV4_SCHEME} `)) {
    const authorization = parseSigv4(headers.authorization);
    if (authorization === undefined) return { kind: "malformed" };
    return { kind: "signed", scheme: "aws4", authorization };
  }
  if (headers.authorization !== undefined) {
    const secret = /^Bearer ([A-Za-z0-9_-]+)$/.exec(headers.authorization)?.[1];
    if (secret === undefined || secret.length > SECRET_LENGTH_MAX) return { kind: "malformed" };
    return { kind: "bearer", secret };
  }
  const token = cookieOf(headers.cookie, SESSION_COOKIE);
  return token === undefined ? { kind: "none" } : { kind: "session", token };
}

/** The value of a cookie; undefined when absent or too long to be ours. */
export function cookieOf(header: string | undefined, wanted: string): string | undefined {
  if (header === undefined) return undefined;
  for (const pair of header.split(";")) {
    const [name, value] = pair.trim().split("=", 2);
    if (name === wanted && value !== undefined && value.length <= SECRET_LENGTH_MAX) return value;
  }
  return undefined;
}

/** SHA-256 of a secret of full entropy; passwords take argon2id instead. */
export function hashSecret(secret: string): Buffer {
  return hash("sha256", secret, "buffer");
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
