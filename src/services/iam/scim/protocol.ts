/**
 * SCIM's messages and schemas, by the library that knows them: what a request means is here, what
 * it does to users and groups is in the handlers that it calls.
 */
import { createHash } from "node:crypto";
import { Config, Resources, Types } from "scimmy";
import type { Context } from "../../../kernel/context.ts";
import { Problem } from "../../../kernel/problem.ts";

export const SCIM_BASE = "/v1/iam/scim/v2";

export const scimLimits = {
  pageMax: 200,
  patchOperationsMax: 100,
  bulkOperationsMax: 100,
  /** What the listener takes as a body. */
  bulkBytesMax: 1_048_576,
  attributesBytesMax: 16_384,
} as const;

/** A resource in SCIM's JSON form. */
export type ScimResource = Readonly<Record<string, unknown>>;

/** What handlers of the library are given: the call, and where they say their own failures. */
export type ScimCall = {
  readonly context: Context;
  /** True when what is read will be changed. */
  readonly changes: boolean;
  failure?: unknown;
};

Config.set({
  patch: true,
  filter: { supported: true, maxResults: scimLimits.pageMax },
  bulk: {
    supported: true,
    maxOperations: scimLimits.bulkOperationsMax,
    maxPayloadSize: scimLimits.bulkBytesMax,
  },
  changePassword: false,
  sort: true,
  etag: true,
  authenticationSchemes: [
    {
      type: "oauthbearertoken",
      name: "Bearer token",
      description: "The secret that iam.createScimCredential answered",
    },
  ],
});
Resources.declare(Resources.User);
Resources.declare(Resources.Group);

/** A fault of the request in SCIM's own terms. */
export function scimFault(scimType: string, message: string): Problem {
  return new Problem("iam.scimInvalid", { details: [{ path: scimType, message }] });
}

/**
 * Runs a library call. The library makes "not found" of every error that it does not know, so what
 * a handler threw is kept aside and thrown here as it was.
 */
export async function scimRun<Result>(
  { context, changes }: Pick<ScimCall, "context" | "changes">,
  work: (call: ScimCall) => Promise<Result>,
): Promise<Result> {
  const call: ScimCall = { context, changes };
  try {
    return await work(call);
  } catch (error) {
    if (call.failure !== undefined) throw call.failure;
    throw error instanceof Problem ? error : problemOf(error);
  }
}

/** A handler whose failures are kept aside. */
export function keepingFailures<Arguments extends readonly unknown[], Result>(
  handler: (call: ScimCall, ...rest: Arguments) => Promise<Result>,
): (call: ScimCall, ...rest: Arguments) => Promise<Result> {
  return async (call, ...rest) => {
    try {
      return await handler(call, ...rest);
    } catch (error) {
      call.failure ??= error;
      throw error;
    }
  };
}

function problemOf(error: unknown): unknown {
  if (!(error instanceof Types.Error)) {
    // The library says what is wrong with a message by a TypeError.
    return error instanceof TypeError ? scimFault("invalidSyntax", error.message) : error;
  }
  const { status, scimType, message } = error as unknown as {
    status: number;
    scimType: string | null;
    message: string;
  };
  if (Number(status) >= 500) return error;
  if (Number(status) === 404) return new Problem("iam.scimNotFound");
  return scimFault(scimType ?? "invalidValue", message);
}

/** The parameters of a search, bounded. */
export function searchOf(input: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { count, startIndex, ...rest } = input;
  return {
    ...rest,
    // RFC 7644 §3.4.2.4: a negative count is 0, and no index below 1.
    count: Math.min(Math.max(typeof count === "number" ? count : 100, 0), scimLimits.pageMax),
    startIndex: Math.max(typeof startIndex === "number" ? startIndex : 1, 1),
  };
}

/** Attributes whose values are compared as they are (caseExact, RFC 7643 §7). */
const CASE_EXACT = new Set(["id", "externalid", "meta"]);

/** Texts in lower case: most of SCIM's attributes are compared without regard to it. */
function folded(value: unknown): unknown {
  if (typeof value === "string") return value.toLowerCase();
  if (Array.isArray(value)) return value.map(folded);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, one]) => [
      name,
      CASE_EXACT.has(name.toLowerCase()) ? one : folded(one),
    ]),
  );
}

/** The resources of a search that its filter finds, or the one that was asked for. */
export function foundBy(resource: object, shown: readonly ScimResource[]): readonly ScimResource[] {
  const { id, filter } = resource as { id?: string; filter?: Iterable<unknown> };
  if (id !== undefined) {
    if (shown.length === 0) throw new Problem("iam.scimNotFound");
    return shown;
  }
  if (filter === undefined) return shown;
  const matcher = new Types.Filter([...filter].map(folded));
  return shown.filter((one) => matcher.match([folded(one)]).length > 0);
}

/** The version of a resource: a hash of all that can change in it. */
export function versionOf(resource: ScimResource): string {
  const { meta: _, ...rest } = resource;
  return `W/"${createHash("sha256").update(JSON.stringify(rest)).digest("base64url").slice(0, 16)}"`;
}

/** @throws Problem iam.scimVersion when the request is about a version that is no more. */
export function checkVersion({ ifMatch }: Context, version: string): void {
  if (ifMatch === undefined || ifMatch.trim() === "*") return;
  if (ifMatch.split(",").some((tag) => tag.trim() === version)) return;
  throw new Problem("iam.scimVersion");
}

/** @throws Problem iam.scimInvalid: nobody's password comes from a directory. */
export function refusePassword(message: ScimResource): void {
  const { Operations: operations } = message;
  const paths = Array.isArray(operations)
    ? operations.flatMap((one: { path?: unknown; value?: unknown }) => [
        String(one?.path ?? ""),
        ...Object.keys(typeof one?.value === "object" ? (one.value ?? {}) : {}),
      ])
    : [];
  if (![...Object.keys(message), ...paths].some((name) => /(?:^|:)password$/i.test(name))) return;
  throw scimFault("invalidValue", "passwords are not taken from directories");
}

/** Text of "True" and "False" is what one large directory sends for a boolean. */
export function withBooleans(message: ScimResource): ScimResource {
  const { Operations: operations } = message;
  if (!Array.isArray(operations)) return message;
  if (operations.length > scimLimits.patchOperationsMax) {
    throw scimFault("tooMany", `at most ${scimLimits.patchOperationsMax} operations at once`);
  }
  const mended = operations.map((one: unknown) => {
    if (typeof one !== "object" || one === null) return one;
    const { path, value } = one as { path?: unknown; value?: unknown };
    const ofActive = path === "active" ? booleanOf(value) : value;
    if (typeof value === "object" && value !== null && "active" in value && path === undefined) {
      return { ...one, value: { ...value, active: booleanOf(value.active) } };
    }
    return { ...one, ...(value === undefined ? {} : { value: ofActive }) };
  });
  return { ...message, Operations: mended };
}

function booleanOf(value: unknown): unknown {
  if (typeof value !== "string") return value;
  return /^true$/i.test(value) ? true : /^false$/i.test(value) ? false : value;
}
