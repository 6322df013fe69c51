/** What a step of a call threw, as the problem that the caller is told. */
import { Problem } from "../problem.ts";
import { isDiskFull, isUnavailable } from "../store/database.ts";

/** A problem is itself; what the database says has problems of its own; the rest is internal. */
export function problemOf(error: unknown, logCause: (cause: unknown) => void): Problem {
  if (error instanceof Problem) {
    if (error.cause !== undefined) logCause(error.cause);
    return error;
  }
  if (isUnstorable(error)) {
    const message = "has a text with U+0000 or half of a surrogate pair, which cannot be kept";
    return new Problem("kernel.inputInvalid", { details: [{ path: "/", message }] });
  }
  logCause(error);
  if (isDiskFull(error)) return new Problem("kernel.diskFull", { cause: error });
  if (isUnavailable(error)) return new Problem("kernel.databaseUnavailable", { cause: error });
  if (isConflict(error)) return new Problem("kernel.conflict", { cause: error });
  return new Problem("kernel.internal", { cause: error });
}

/** character_not_in_repertoire and untranslatable_character of PostgreSQL. */
function isUnstorable(error: unknown): boolean {
  return ["22021", "22P05"].includes(sqlState(error) ?? "");
}

/** serialization_failure and deadlock_detected of PostgreSQL. */
function isConflict(error: unknown): boolean {
  return ["40001", "40P01"].includes(sqlState(error) ?? "");
}

function sqlState(error: unknown): string | undefined {
  return error instanceof Error && "code" in error ? String(error.code) : undefined;
}
