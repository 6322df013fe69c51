/** What keyd refuses, in the words of this service. */
import { KeydError, type KeydReason } from "../../kernel/keyd/protocol.ts";
import { Problem } from "../../kernel/problem.ts";

const REASONS: Readonly<Record<KeydReason, string>> = {
  unavailable: "kms.keydUnavailable",
  sealed: "kms.keydUnavailable",
  wrappedKeyInvalid: "kms.rolledBack",
  ciphertextInvalid: "kms.ciphertextInvalid",
  materialInvalid: "kms.materialInvalid",
  importTokenInvalid: "kms.importTokenInvalid",
  algorithmInvalid: "kms.algorithmInvalid",
  algorithmUnavailable: "kms.algorithmUnavailable",
  rolledBack: "kms.rolledBack",
  unsealRefused: "kms.keydUnavailable",
  inputInvalid: "kms.dataTooLarge",
  internal: "kernel.internal",
};

/** Faults of keyd or the database that the log must have the cause of. */
const LOGGED: ReadonlySet<KeydReason> = new Set([
  "unavailable",
  "sealed",
  "wrappedKeyInvalid",
  "rolledBack",
  "internal",
]);

/** Awaits keyd. @throws Problem in place of a KeydError; `as` names other reasons for some. */
export async function asked<Answer>(
  answer: Promise<Answer>,
  as: Partial<Record<KeydReason, string>> = {},
): Promise<Answer> {
  try {
    return await answer;
  } catch (error) {
    if (!(error instanceof KeydError)) throw error;
    const reason = as[error.reason] ?? REASONS[error.reason];
    throw new Problem(reason, LOGGED.has(error.reason) ? { cause: error } : {});
  }
}
