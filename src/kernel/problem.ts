/** An answer that is not the result: what went wrong, in words the caller may see. */
import type { Contract, ProblemDeclaration } from "./operation.ts";

/** One fault in the input; `path` is a JSON pointer (RFC 6901) or a name. */
export type Fault = { readonly path: string; readonly message: string };

/**
 * Thrown by handlers and kernel steps; the pipeline is the only catcher.
 * `cause` is logged and never sent.
 */
export class Problem extends Error {
  override readonly name = "Problem";
  readonly reason: string;
  readonly details: readonly Fault[];

  constructor(reason: string, options: { details?: readonly Fault[]; cause?: unknown } = {}) {
    super(reason, { cause: options.cause });
    this.reason = reason;
    this.details = options.details ?? [];
  }
}

/** Problems that any operation may answer with. */
export const kernelProblems = {
  "kernel.inputInvalid": {
    code: 400,
    message: "The request has faults",
    fix: "Mend what the details name by path; /v1/openapi.json describes every field",
  },
  "kernel.unauthenticated": {
    code: 401,
    message: "The request carries no valid credential",
    fix: "Sign in, or send Authorization: Bearer with a key that has not expired",
  },
  "kernel.csrfTokenInvalid": {
    code: 403,
    message: "The request lacks the token of this console session",
    fix: "Reload the page; scripts should use a bearer key instead of the console's cookie",
  },
  "kernel.forbidden": {
    code: 403,
    message: "No policy of the caller allows this action on this resource",
    fix: "Ask an administrator of the account for a policy that allows it",
  },
  "kernel.freshMfaRequired": {
    code: 403,
    message: "This needs a second factor proved within the last 15 minutes",
    fix: "Confirm with a passkey or a code, then repeat the request",
  },
  "kernel.mfaEnrollmentRequired": {
    code: 403,
    message: "This account wants a second factor and you have none yet",
    fix: "Add a passkey or an authenticator app, then sign in again",
  },
  "kernel.operationUnsupported": {
    code: 501,
    message: "Cordon does not have this operation of the vendor's API",
    fix: "docs/jdcloud-api.md says which operations there are, and why others are not",
  },
  "kernel.routeNotFound": {
    code: 404,
    message: "There is no such path",
    fix: "See /v1/openapi.json for every path and method",
  },
  "kernel.idempotencyKeyReused": {
    code: 409,
    message: "The idempotency key was used for another request",
    fix: "Use a new key for a new request",
  },
  "kernel.conflict": {
    code: 409,
    message: "Somebody else changed the same thing at the same time",
    fix: "Read it again and repeat the change",
  },
  "kernel.bodyTooLarge": {
    code: 413,
    message: "The request body is larger than this operation takes",
    fix: "Send less, or in parts",
  },
  "kernel.rateLimited": {
    code: 429,
    message: "This operation was called too often",
    fix: "Wait a minute and call less often",
  },
  "kernel.internal": {
    code: 500,
    message: "The operation failed inside Cordon and changed nothing",
    fix: "Give the request id to whoever runs this Cordon; ./cordon logs server has the cause",
  },
  "kernel.auditUnavailable": {
    code: 503,
    message: "The audit log cannot be written, so the operation was refused",
    fix: "Free disk space in the data folder; ./cordon doctor says how much is missing",
  },
  "kernel.diskFull": {
    code: 503,
    message: "The disk of the database is full, so the operation was refused",
    fix: "Free disk space in the data folder; it goes on by itself. ./cordon status shows which",
  },
  "kernel.databaseUnavailable": {
    code: 503,
    message: "The database does not answer now",
    fix: "Try again in some seconds; ./cordon status shows its state",
  },
} as const satisfies Record<string, ProblemDeclaration>;

/** Canonical status names (google.rpc.Code) by HTTP status code. */
const STATUS_BY_CODE: Readonly<Record<number, string>> = {
  400: "INVALID_ARGUMENT",
  401: "UNAUTHENTICATED",
  403: "PERMISSION_DENIED",
  404: "NOT_FOUND",
  409: "ALREADY_EXISTS",
  412: "FAILED_PRECONDITION",
  413: "OUT_OF_RANGE",
  422: "FAILED_PRECONDITION",
  429: "RESOURCE_EXHAUSTED",
  500: "INTERNAL",
  501: "UNIMPLEMENTED",
  503: "UNAVAILABLE",
};

export type ErrorBody = {
  readonly code: number;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
  readonly fix: string;
  readonly details: readonly Fault[];
};

/** Looks up what a reason says to the caller; an undeclared reason is an internal error. */
export function problemCatalog(contracts: readonly Contract[]) {
  const declarations = new Map<string, ProblemDeclaration>(Object.entries(kernelProblems));
  for (const contract of contracts) {
    for (const [reason, declared] of Object.entries(contract.problems)) {
      if (declarations.has(reason)) throw new Error(`Problem "${reason}" is declared twice`);
      declarations.set(reason, declared);
    }
  }
  return {
    errorBody(problem: Problem): ErrorBody {
      const declared = declarations.get(problem.reason);
      const known = declared ?? kernelProblems["kernel.internal"];
      return {
        code: known.code,
        status: STATUS_BY_CODE[known.code] ?? "UNKNOWN",
        reason: declared === undefined ? "kernel.internal" : problem.reason,
        message: known.message,
        fix: known.fix,
        details: declared === undefined ? [] : problem.details,
      };
    },
  };
}
export type ProblemCatalog = ReturnType<typeof problemCatalog>;
