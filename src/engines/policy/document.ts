/**
 * A policy document in any form it may have: JSON statements, or Cedar text that was turned into
 * Cedar's JSON form when it was written.
 */
import { PolicyFormError } from "./expression.ts";
import { type CompiledDocument, compileJsonPolicy, type DocumentKind } from "./json-policy.ts";
import { ACTION_SERVICE, compilePolicy, type PolicyJson } from "./policy.ts";

/** What Cedar text is stored as: `{version: "cedar", policies: [...]}`. */
type CedarDocument = { readonly version: "cedar"; readonly policies: readonly PolicyJson[] };

/** Compiles a stored document; "stored" takes a principal where one is given. */
export function compileDocument(document: unknown, kind: DocumentKind): CompiledDocument {
  if (!isCedarDocument(document)) return compileJsonPolicy(document, kind);
  return { policies: document.policies };
}

function isCedarDocument(document: unknown): document is CedarDocument {
  return (
    typeof document === "object" &&
    document !== null &&
    "version" in document &&
    document.version === "cedar" &&
    "policies" in document &&
    Array.isArray(document.policies)
  );
}

/**
 * Checks that the engine understands a policy in Cedar's JSON form.
 *
 * @returns what it does not understand; undefined = nothing.
 */
export function cedarFormFault(json: PolicyJson): string | undefined {
  if (json.annotations?.[ACTION_SERVICE] !== undefined) return "has a reserved annotation";
  try {
    compilePolicy("check", json);
    return undefined;
  } catch (error) {
    if (error instanceof PolicyFormError) return error.message;
    throw error;
  }
}
