/**
 * Answers in the form of SCIM (RFC 7644 §3): the resource itself instead of an envelope, ETags, and
 * SCIM's own error message. The steps of a call are the same as for every operation.
 */
import type { FastifyReply } from "fastify";
import type { ErrorBody } from "../problem.ts";

const CONTENT_TYPE = "application/scim+json; charset=utf-8";
const ERROR_SCHEMA = "urn:ietf:params:scim:api:messages:2.0:Error";

/** RFC 7644 table 9; a fault names one in its path. */
const SCIM_TYPES = new Set(
  (
    "invalidFilter tooMany uniqueness mutability invalidSyntax invalidPath noTarget invalidValue " +
    "invalidVers sensitive"
  ).split(" "),
);

type Resource = {
  readonly meta?: { readonly version?: string; readonly location?: string };
};

/** Sends what an operation answered: 201 for what was made, 204 for nothing, 304 for the known. */
export function sendScim(
  reply: FastifyReply,
  { method, ifNoneMatch, result }: { method: string; ifNoneMatch: string; result: unknown },
): unknown {
  const { meta } = (result ?? {}) as Resource;
  const { version, location } = meta ?? {};
  if (version !== undefined) reply.header("etag", version);
  if (method === "DELETE") return reply.code(204).send();
  const known = ifNoneMatch.split(",").some((tag) => tag.trim() === version);
  if (method === "GET" && version !== undefined && known) return reply.code(304).send();
  const isMade = location !== undefined && method === "POST";
  if (isMade) reply.code(201).header("location", location);
  return reply.header("content-type", CONTENT_TYPE).send(JSON.stringify(result));
}

/** Sends what went wrong. */
export function sendScimError(reply: FastifyReply, error: ErrorBody): unknown {
  return reply
    .code(error.code)
    .header("content-type", CONTENT_TYPE)
    .header("cache-control", "no-store")
    .send(JSON.stringify(scimErrorOf(error)));
}

/** SCIM's error message (RFC 7644 §3.12). */
export function scimErrorOf(error: ErrorBody): object {
  const [first] = error.details;
  const scimType = error.code === 409 ? "uniqueness" : first?.path;
  const faults = error.details.map(({ path, message }) =>
    SCIM_TYPES.has(path) ? message : `${path} ${message}`,
  );
  const detail = faults.length === 0 ? `${error.message}. ${error.fix}` : faults.join("; ");
  return {
    schemas: [ERROR_SCHEMA],
    status: String(error.code),
    ...(scimType !== undefined && SCIM_TYPES.has(scimType) ? { scimType } : {}),
    detail,
  };
}
