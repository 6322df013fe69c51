/** Policy documents when they are written: checked, and Cedar text turned into its JSON form. */
import { compileDocument, type DocumentKind } from "../../engines/policy/index.ts";
import { parseCedarText } from "../../kernel/identity/cedar-text.ts";
import { Problem } from "../../kernel/problem.ts";
import type { PolicyDocument } from "./contract.ts";

export type CheckedDocument = {
  readonly document: PolicyDocument;
  /** The JSON form of Cedar text; null for JSON statements, which are compiled as they are. */
  readonly compiled: { readonly version: "cedar"; readonly policies: readonly unknown[] } | null;
};

/**
 * Checks a document.
 *
 * @param schema Cedar schema of what can be asked.
 * @throws Problem iam.policyInvalid with the path of each fault.
 */
export function checkDocument(document: PolicyDocument, schema: string): CheckedDocument {
  if (document.version !== "cedar") {
    refuseFaults(document, "identity");
    return { document, compiled: null };
  }
  if (document.text === undefined || document.statement !== undefined) {
    throw invalid([{ path: "text", message: 'is what version "cedar" has, and no statement' }]);
  }
  const parsed = parseCedarText(document.text, schema);
  if ("faults" in parsed) throw invalid(parsed.faults);
  return { document, compiled: { version: "cedar", policies: parsed.policies } };
}

/** Checks who may assume a role. @throws Problem iam.policyInvalid. */
export function checkTrust(document: PolicyDocument): void {
  refuseFaults(document, "trust");
}

/** Checks a policy on a resource. @throws Problem iam.policyInvalid. */
export function checkResourcePolicy(document: PolicyDocument): void {
  refuseFaults(document, "resource");
}

function refuseFaults(document: PolicyDocument, kind: DocumentKind): void {
  const compiled = compileDocument(document, kind);
  if ("faults" in compiled) throw invalid(compiled.faults);
}

function invalid(details: readonly { path: string; message: string }[]): Problem {
  return new Problem("iam.policyInvalid", { details });
}
