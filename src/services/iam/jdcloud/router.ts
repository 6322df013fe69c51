/**
 * Finds the vendor's operation for a signed request and hands it to the pipeline as ours. It only
 * translates: who calls, what he may and what is recorded is the pipeline's, as for every call.
 */

import type { ForeignMatch, ForeignRouter, Route } from "../../../kernel/http/route.ts";
import { credentialOf } from "../../../kernel/identity/authenticate.ts";
import type { SignedRequest } from "../../../kernel/identity/signed-request.ts";
import { Problem } from "../../../kernel/problem.ts";
import type { Service } from "../../../kernel/service.ts";
import { namesOf } from "./names.ts";
import { type JdOperation, jdOperations } from "./operations.ts";
import { fault, type JdRequest } from "./translate.ts";

const QUERY_PARAMETERS_MAX = 50;

/** Builds the router over the services that the operations are mapped onto. */
export function jdcloudRouter(services: readonly Service[]): ForeignRouter {
  const routes = new Map<string, Route>();
  for (const { contract, handlers } of services) {
    for (const [key, operation] of Object.entries(contract.operations)) {
      const handler = handlers[key];
      if (handler === undefined) continue;
      routes.set(operation.name, { operation, contract, handler, pathParameters: [] });
    }
  }
  const patterns = jdOperations.map((operation) => ({ operation, pattern: patternOf(operation) }));
  return {
    match(request) {
      const service = foreignService(request);
      if (service === undefined) return undefined;
      // The SDK sends the colon of a verb as %3A.
      const path = request.path.replace(/%3a(?=[A-Za-z]+$)/i, ":");
      for (const { operation, pattern } of patterns) {
        if (operation.service !== service || operation.method !== request.method) continue;
        const match = pattern.exec(path);
        if (match !== null) return matched(operation, { request, routes, values: match.groups });
      }
      return undefined;
    },
  };
}

/** The service of the signature's scope, unless the path is one of ours. */
function foreignService({ path, headers }: SignedRequest): string | undefined {
  const credential = credentialOf({ authorization: headers.authorization });
  if (credential.kind !== "signed") return undefined;
  const { service } = credential.authorization.scope;
  return path.startsWith(`/v1/${service}/`) ? undefined : service;
}

function patternOf({ path }: JdOperation): RegExp {
  const source = path
    .replace(/[.*+?^$()|[\]\\]/g, "\\$&")
    .replace(/\{(\w+)\}/g, (_, name: string) => `(?<${name}>[^/:]+)`);
  return new RegExp(`^${source}/?$`);
}

function matched(
  operation: JdOperation,
  parts: {
    request: SignedRequest;
    routes: ReadonlyMap<string, Route>;
    values: Record<string, string> | undefined;
  },
): ForeignMatch {
  if ("unsupported" in operation) {
    const details = [{ path: operation.name, message: operation.unsupported }];
    throw new Problem("kernel.operationUnsupported", { details });
  }
  const route = parts.routes.get(operation.native);
  if (route === undefined) throw new Error(`"${operation.name}" is mapped onto nothing`);
  const { input, answer } = operation;
  return {
    route,
    parameters: {},
    service: operation.service,
    translation: {
      async input(transaction, caller) {
        const request = requestOf(parts.request, parts.values ?? {});
        return transaction(async (sql) => ({
          ...((await input(request, namesOf(sql, caller))) as object),
        }));
      },
      // The pipeline gives what the operation's handler gave, of which `answer` is written.
      answer: (result) => answer(result as never),
    },
  };
}

function requestOf(request: SignedRequest, values: Record<string, string>): JdRequest {
  const query: Record<string, string> = {};
  const parameters = [...new URLSearchParams(request.query)];
  if (parameters.length > QUERY_PARAMETERS_MAX) throw fault("?", "has too many parameters");
  for (const [name, value] of parameters) {
    if (query[name] !== undefined) throw fault(`?${name}`, "is given twice");
    query[name] = value;
  }
  const path: Record<string, string> = {};
  for (const [name, value] of Object.entries(values)) path[name] = decoded(value);
  return { path, query, body: bodyOf(request.body) };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw fault("path", "is not percent-encoded as it must be");
  }
}

function bodyOf(body: Buffer): Readonly<Record<string, unknown>> {
  if (body.length === 0) return {};
  try {
    const value: unknown = JSON.parse(body.toString("utf8"));
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return { ...value };
  } catch {
    // Said below.
  }
  throw fault("/", "must be a JSON object");
}
