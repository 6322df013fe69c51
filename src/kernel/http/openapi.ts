/** OpenAPI 3.1 from the contracts: JSON Schema is its schema language, so nothing is translated. */
import type { TObject, TSchema } from "typebox";
import type { Contract, Operation } from "../operation.ts";
import { kernelProblems } from "../problem.ts";
import { pathOf } from "./route.ts";

type Json = Record<string, unknown>;

/** The document for these contracts. */
export function openapiOf(contracts: readonly Contract[], version: string): Json {
  const paths: Record<string, Json> = {};
  for (const contract of contracts) {
    for (const operation of Object.values(contract.operations)) {
      const path = pathOf(contract, operation);
      paths[path] = {
        ...paths[path],
        [operation.method.toLowerCase()]: describe(contract, operation),
      };
    }
  }
  return {
    openapi: "3.1.0",
    info: { title: "Cordon", version, license: { name: "Apache-2.0", identifier: "Apache-2.0" } },
    tags: contracts.map(({ service, title, summary }) => ({
      name: service,
      description: `${title}: ${summary}`,
    })),
    paths,
    components: { securitySchemes, schemas: { Error: errorSchema } },
    security: [{ bearer: [] }, { session: [] }],
  };
}

const securitySchemes = {
  bearer: { type: "http", scheme: "bearer" },
  session: { type: "apiKey", in: "cookie", name: "__Host-cordon_session" },
};

const errorSchema = {
  type: "object",
  required: ["requestId", "error"],
  properties: {
    requestId: { type: "string" },
    error: {
      type: "object",
      required: ["code", "status", "reason", "message", "fix", "details"],
      properties: {
        code: { type: "integer" },
        status: { type: "string" },
        reason: { type: "string" },
        message: { type: "string" },
        fix: { type: "string" },
        details: {
          type: "array",
          items: {
            type: "object",
            properties: { path: { type: "string" }, message: { type: "string" } },
          },
        },
      },
    },
  },
};

function describe(contract: Contract, operation: Operation): Json {
  const inPath = [...operation.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name ?? "");
  const inQuery = operation.method === "GET" || operation.method === "DELETE";
  const rest = Object.keys(operation.input.properties).filter((name) => !inPath.includes(name));
  return {
    operationId: operation.name,
    summary: operation.summary,
    tags: [contract.service],
    "x-cordon-action": operation.action,
    "x-cordon-resource": operation.resource,
    ...(operation.dangerous ? { "x-cordon-dangerous": true } : {}),
    ...(operation.authentication === "none" ? { security: [] } : {}),
    parameters: [
      ...inPath.map((name) => parameter(operation.input, name, "path")),
      ...(inQuery ? rest.map((name) => parameter(operation.input, name, "query")) : []),
    ],
    ...(inQuery || rest.length === 0 ? {} : { requestBody: bodyOf(operation.input, rest) }),
    responses: responsesOf(contract, operation),
  };
}

function parameter(input: TObject, name: string, where: "path" | "query"): Json {
  const schema = input.properties[name];
  const required = where === "path" || (input.required ?? []).includes(name);
  // Lists travel as `filters.1.name=…`; OpenAPI has no style for it, so the shape is in words.
  const nested = schema !== undefined && "items" in schema;
  return {
    name: nested ? `${name}.N` : name,
    in: where,
    required,
    schema: schema ?? {},
    ...(nested ? { description: `Repeat as ${name}.1, ${name}.2 …` } : {}),
  };
}

function bodyOf(input: TObject, names: readonly string[]): Json {
  const properties: Record<string, TSchema> = {};
  for (const name of names) {
    const schema = input.properties[name];
    if (schema !== undefined) properties[name] = schema;
  }
  const required = (input.required ?? []).filter((name) => names.includes(name));
  return {
    required: required.length > 0,
    content: {
      "application/json": {
        schema: { type: "object", properties, required, additionalProperties: false },
      },
    },
  };
}

function responsesOf(contract: Contract, operation: Operation): Json {
  const responses: Json = { "200": success(operation) };
  const reasons = new Map<number, string[]>();
  const declared = { ...kernelProblems, ...contract.problems } as const;
  const own = operation.problems ?? [];
  for (const [reason, problem] of Object.entries(declared)) {
    if (!reason.startsWith("kernel.") && !own.includes(reason)) continue;
    reasons.set(problem.code, [...(reasons.get(problem.code) ?? []), reason]);
  }
  for (const [code, list] of reasons) {
    responses[String(code)] = {
      description: list.join(", "),
      content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
    };
  }
  return responses;
}

function success(operation: Operation): Json {
  if (operation.stream !== undefined) {
    const type = operation.stream === "lines" ? "application/x-ndjson" : "text/event-stream";
    return { description: "A stream", content: { [type]: { schema: operation.output } } };
  }
  return {
    description: "The result",
    content: {
      "application/json": {
        schema: {
          type: "object",
          required: ["requestId", "result"],
          properties: { requestId: { type: "string" }, result: operation.output },
        },
      },
    },
  };
}
