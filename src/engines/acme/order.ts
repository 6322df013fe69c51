/**
 * The client's order as a state machine (RFC 8555 §7.1.6): what is kept, what the server said,
 * and the one next step. Every step can be repeated, so that a process killed anywhere goes on.
 */

/** What is kept of one authorization of an order. */
export type KeptAuthorization = {
  readonly url: string;
  readonly name: string;
  readonly wildcard: boolean;
  readonly challengeUrl: string;
  readonly token: string;
  /** The proof is in its place: at the gateway or in the DNS. */
  readonly presented: boolean;
  /** The server was asked to look. */
  readonly answered: boolean;
};

export type Progress = {
  readonly orderUrl?: string;
  readonly finalizeUrl?: string;
  readonly authorizations?: readonly KeptAuthorization[];
  readonly certificateUrl?: string;
  /** When the proofs were put in their place, milliseconds. */
  readonly presentedMs?: number;
};

/** Status of the order as the server gave it a moment ago. */
export type ServerStatus = "pending" | "ready" | "processing" | "valid" | "invalid";

export type Step =
  | { readonly kind: "createOrder" }
  | { readonly kind: "readAuthorizations" }
  | { readonly kind: "present"; readonly at: number }
  | { readonly kind: "answer"; readonly at: number }
  | { readonly kind: "wait" }
  | { readonly kind: "finalize" }
  | { readonly kind: "download" }
  | { readonly kind: "fail" };

/** The next step; `status` is undefined when there is no order at the server yet. */
export function nextStep(progress: Progress, status: ServerStatus | undefined): Step {
  if (progress.orderUrl === undefined || status === undefined) return { kind: "createOrder" };
  if (status === "invalid") return { kind: "fail" };
  if (status === "valid") return { kind: "download" };
  if (status === "ready") return { kind: "finalize" };
  if (status === "processing") return { kind: "wait" };
  const { authorizations } = progress;
  if (authorizations === undefined) return { kind: "readAuthorizations" };
  const toPresent = authorizations.findIndex(({ presented }) => !presented);
  if (toPresent !== -1) return { kind: "present", at: toPresent };
  const toAnswer = authorizations.findIndex(({ answered }) => !answered);
  return toAnswer === -1 ? { kind: "wait" } : { kind: "answer", at: toAnswer };
}

/** The progress with one authorization changed. */
export function withAuthorization(
  progress: Progress,
  at: number,
  change: Partial<KeptAuthorization>,
): Progress {
  const authorizations = (progress.authorizations ?? []).map((one, position) =>
    position === at ? { ...one, ...change } : one,
  );
  return { ...progress, authorizations };
}
