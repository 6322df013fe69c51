/**
 * Another API on the same listener that has one path for all its operations and words of its own
 * for answers and refusals. Each of its operations is one of ours: the pipeline is the same.
 */
import type { SignatureScheme } from "../identity/authenticate.ts";
import type { SignedRequest } from "../identity/signed-request.ts";
import type { ErrorBody } from "../problem.ts";
import type { ForeignMatch } from "./route.ts";

export type ForeignAnswer = {
  readonly code: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
};

export type ForeignProtocol = {
  /** POST to this path, such as `/`. */
  readonly path: string;
  readonly scheme: SignatureScheme;
  /** @throws Problem for what is no request of this protocol. */
  match(request: SignedRequest): ForeignMatch;
  answer(requestId: string, result: unknown): ForeignAnswer;
  refuse(requestId: string, error: ErrorBody): ForeignAnswer;
};
