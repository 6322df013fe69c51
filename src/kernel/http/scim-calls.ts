/** Calls that speak SCIM: one operation and its answer, or a bulk request as many of them. */
import type { FastifyReply, FastifyRequest } from "fastify";
import { Problem, type problemCatalog } from "../problem.ts";
import type { Call } from "./call.ts";
import { type PipelineParts, runCall } from "./pipeline.ts";
import type { Router } from "./route.ts";
import { scimErrorOf, sendScim, sendScimError } from "./scim-answer.ts";
import { type AcceptedBulk, type BulkStep, runBulk, type StepOutcome } from "./scim-bulk.ts";

type ScimParts = PipelineParts & {
  readonly router: Router;
  readonly problems: ReturnType<typeof problemCatalog>;
};

/** Runs the call and sends its answer in SCIM's form. */
export async function answerScim(
  parts: ScimParts,
  call: Call,
  { request, reply }: { request: FastifyRequest; reply: FastifyReply },
): Promise<unknown> {
  reply.header("x-request-id", request.id).header("cache-control", "no-store");
  try {
    const answered = await runCall(parts, call);
    const isBulk = call.route.operation.wire === "scimBulk";
    const result = isBulk ? await answerBulk(parts, call, answered) : answered;
    const ifNoneMatch = call.headers["if-none-match"] ?? "";
    return sendScim(reply, { method: request.method, ifNoneMatch, result });
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    return sendScimError(reply, parts.problems.errorBody(error));
  }
}

/** Calls each operation of a bulk request that was accepted, as if it had come by itself. */
async function answerBulk(parts: ScimParts, call: Call, accepted: unknown): Promise<object> {
  const { schemas, base, failOnErrors, steps } = accepted as AcceptedBulk;
  const failed = (problem: Problem): StepOutcome => {
    const body = parts.problems.errorBody(problem);
    return { code: body.code, body: scimErrorOf(body) };
  };
  const run = async (step: BulkStep): Promise<StepOutcome> => {
    const { method, version, data } = step;
    const path = `${base}${step.path}`;
    const matched = parts.router.match(method, path);
    if (matched?.route.operation.wire !== "scim")
      return failed(new Problem("kernel.routeNotFound"));
    const body = data === undefined ? Buffer.alloc(0) : Buffer.from(JSON.stringify(data));
    const headers = { ...call.headers, "if-match": version, "idempotency-key": undefined };
    const signed = { ...call.signed, method, path, query: "", body };
    const requestId = parts.newId("req");
    try {
      const one = { ...call, ...matched, requestId, query: "", headers, body, signed };
      const result = await runCall(parts, one);
      const code = method === "POST" ? 201 : method === "DELETE" ? 204 : 200;
      return { code, body: result };
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      return failed(error);
    }
  };
  const unresolved = (names: readonly string[]) => {
    const message = `no resource was made by bulkId ${names.join(", ")}`;
    const problem = new Problem("kernel.conflict", {
      details: [{ path: "invalidValue", message }],
    });
    return failed(problem);
  };
  return { schemas, Operations: await runBulk(steps, { failOnErrors, run, unresolved }) };
}
