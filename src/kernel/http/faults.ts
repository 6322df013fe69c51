/** What is wrong with an input, by path: of things of several kinds what their own kind lacks. */

import type { Validator } from "typebox/compile";
import type { TLocalizedValidationError } from "typebox/error";
import { Settings } from "typebox/system";
import type { Fault } from "../problem.ts";

const FAULTS_MAX = 20;
/** A thing of several kinds has errors for each kind that it is not. */
const ERRORS_MAX = 400;
Settings.Set({ maxErrors: ERRORS_MAX });

type Fact = TLocalizedValidationError;

/** @returns at most 20 faults; paths are JSON pointers into the value. */
export function faultsOf(validator: Validator, value: unknown): Fault[] {
  return ofOwnKind([...validator.Errors(value)])
    .filter(({ keyword }) => keyword !== "additionalProperties" && keyword !== "const")
    .slice(0, FAULTS_MAX)
    .map((error) => ({
      path: error.instancePath === "" ? "/" : error.instancePath,
      message: messageOf(error),
    }));
}

function messageOf(error: TLocalizedValidationError): string {
  if (error.keyword === "enum") return `must be one of ${error.params.allowedValues.join(", ")}`;
  // "schema is false" repeats what additionalProperties says of the same field.
  return error.keyword === "boolean" ? "is not a field of this operation" : error.message;
}

const isWithin = (path: string, parent: string): boolean =>
  path === parent || path.startsWith(`${parent}/`);

/** Of each union the errors of the kind that the value is nearest to, without those of others. */
function ofOwnKind(errors: readonly Fact[]): readonly Fact[] {
  let kept = errors;
  const unions = errors.filter(({ keyword }) => keyword === "anyOf");
  // From the outside in: what stands in a kind that is not meant needs no choice.
  unions.sort((left, right) => left.schemaPath.length - right.schemaPath.length);
  for (const union of unions) {
    if (!kept.includes(union)) continue;
    const kinds = Map.groupBy(kept, (error) => kindWithin(union, error));
    kinds.delete(undefined);
    const [meant] = [...kinds.entries()].toSorted(
      ([, left], [, right]) => distance(union, left) - distance(union, right),
    );
    if (meant === undefined) continue;
    const [kind] = meant;
    kept = kept.filter((error) => {
      const of = kindWithin(union, error);
      return error !== union && (of === undefined || of === kind);
    });
  }
  return kept;
}

/** The kind of a union that an error is about, by its place; undefined when it is of none. */
function kindWithin(union: Fact, error: Fact): string | undefined {
  const before = `${union.schemaPath}/anyOf/`;
  if (!error.schemaPath.startsWith(before)) return undefined;
  if (!isWithin(error.instancePath, union.instancePath)) return undefined;
  return error.schemaPath.slice(before.length).split("/")[0];
}

const OTHER_TYPE = 10_000;
const OTHER_KIND = 1_000;
const OTHER_FIELD = 100;

/** How far a value is from a kind: another type, another `kind`, other fields, then faults. */
function distance(union: Fact, errors: readonly Fact[]): number {
  return errors.reduce((sum, { keyword, instancePath }) => {
    const isOwn = instancePath === union.instancePath;
    const isField = instancePath.lastIndexOf("/") === union.instancePath.length;
    if (isOwn && (keyword === "type" || keyword === "const")) return sum + OTHER_TYPE;
    if (isField && keyword === "const") return sum + OTHER_KIND;
    if (isOwn || (isField && keyword === "boolean")) return sum + OTHER_FIELD;
    return sum + 1;
  }, 0);
}
