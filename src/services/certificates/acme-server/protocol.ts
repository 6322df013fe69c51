/** Words of RFC 8555: problems, answers, limits, and the URLs of one directory. */
import type { MountAnswer } from "../../../kernel/http/mount.ts";

export const acmeLimits = {
  accountsPerPolicyMax: 10_000,
  openOrdersPerAccountMax: 300,
  namesPerOrderMax: 100,
  contactsMax: 5,
  orderLifeMs: 24 * 3_600_000,
  /** After an order is done its authorizations stay valid for revocation (RFC 8555 §7.6). */
  authorizationLifeMs: 7 * 24 * 3_600_000,
  nonceLifeMs: 3_600_000,
  noncesMax: 100_000,
  validationsAtOnceMax: 100,
  validationTries: 4,
  validationRetryMs: 1_500,
  renewalInfoSeconds: 21_600,
} as const;

/** Thrown by the steps of a request; the mount turns it into problem+json (RFC 8555 §6.7). */
export class AcmeProblem extends Error {
  override readonly name = "AcmeProblem";
  readonly type: string;
  readonly status: number;
  readonly subproblems: readonly { type: string; detail: string; name: string }[];

  constructor(
    type: string,
    detail: string,
    {
      status = 400,
      subproblems = [],
    }: { status?: number; subproblems?: AcmeProblem["subproblems"] } = {},
  ) {
    super(detail);
    this.type = type;
    this.status = status;
    this.subproblems = subproblems;
  }
}

const URN = "urn:ietf:params:acme:error:";

export function problemDocument(problem: AcmeProblem): Readonly<Record<string, unknown>> {
  const { type, message, status, subproblems } = problem;
  return {
    type: URN + type,
    detail: message,
    status,
    ...(type === "badSignatureAlgorithm"
      ? { algorithms: ["ES256", "ES384", "ES512", "RS256", "EdDSA"] }
      : {}),
    ...(subproblems.length === 0
      ? {}
      : {
          subproblems: subproblems.map((one) => ({
            type: URN + one.type,
            detail: one.detail,
            identifier: { type: "dns", value: one.name },
          })),
        }),
  };
}

/** An answer before nonce and links are added. */
export type AcmeAnswer = {
  readonly status: number;
  readonly json?: unknown;
  readonly text?: string;
  readonly contentType?: string;
  readonly location?: string;
  readonly retryAfterSeconds?: number;
  readonly links?: readonly string[];
};

export function encodeAnswer(answer: AcmeAnswer, directoryUrl: string, nonce: string): MountAnswer {
  const links = [`<${directoryUrl}>;rel="index"`, ...(answer.links ?? [])];
  return {
    status: answer.status,
    headers: {
      "replay-nonce": nonce,
      "cache-control": "no-store",
      link: links,
      ...(answer.location === undefined ? {} : { location: answer.location }),
      ...(answer.retryAfterSeconds === undefined
        ? {}
        : { "retry-after": String(answer.retryAfterSeconds) }),
      "content-type": answer.contentType ?? "application/json",
    },
    body: answer.text ?? (answer.json === undefined ? "" : JSON.stringify(answer.json)),
  };
}

/** URLs below one directory. */
export function urlsOf(origin: string, policyId: string) {
  const base = `${origin}/acme/${policyId}`;
  return {
    base,
    directory: `${base}/directory`,
    newNonce: `${base}/new-nonce`,
    newAccount: `${base}/new-account`,
    newOrder: `${base}/new-order`,
    revokeCert: `${base}/revoke-cert`,
    keyChange: `${base}/key-change`,
    renewalInfo: `${base}/renewal-info`,
    account: (id: string) => `${base}/account/${id}`,
    order: (id: string) => `${base}/order/${id}`,
    authorization: (id: string) => `${base}/authorization/${id}`,
    challenge: (id: string, type: string) => `${base}/challenge/${id}/${type}`,
    certificate: (serialNumber: string) => `${base}/certificate/${serialNumber}`,
  };
}
export type AcmeUrls = ReturnType<typeof urlsOf>;

/** Whether a policy's patterns allow a name, which may be a wildcard itself. */
export function isNameAllowed(patterns: readonly string[], name: string): boolean {
  return patterns.some((pattern) =>
    pattern.startsWith("*.") ? name.endsWith(pattern.slice(1)) : name === pattern,
  );
}

export const NAME =
  /^(?:\*\.)?(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
