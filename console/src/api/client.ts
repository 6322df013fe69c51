/** Calls operations by their declarations: the contract says method, path and where input goes. */
import type { InputOf, Operation, OutputOf } from "../../../src/kernel/operation.ts";
import { takeEarly } from "./early.ts";

export type Fault = { readonly path: string; readonly message: string };

/** An answer that is not the result; `message` and `fix` are the server's own words. */
export class ApiError extends Error {
  readonly code: number;
  readonly reason: string;
  readonly fix: string;
  readonly details: readonly Fault[];
  readonly requestId: string;
  /** The right that the refused operation takes, as a policy names it. */
  readonly needed: Needed | undefined;

  constructor(answer: ErrorAnswer, needed?: Needed) {
    super(answer.error.message);
    this.code = answer.error.code;
    this.reason = answer.error.reason;
    this.fix = answer.error.fix;
    this.details = answer.error.details;
    this.requestId = answer.requestId;
    this.needed = needed;
  }
}

/** True for an answer that asking again does not change; a limit of rate ends by itself. */
export function isRefusal(error: unknown): boolean {
  return error instanceof ApiError && error.code >= 400 && error.code < 500 && error.code !== 429;
}

type Needed = { readonly action: string; readonly resource: string };

/** Action and resource of a call; a field that the resource names is filled in. */
export function neededFor({ action, resource }: Operation, fields: Fields): Needed {
  const filled = resource.replace(/\{(\w+)\}/g, (_, name: string) => String(fields[name] ?? "*"));
  return { action, resource: filled };
}

type ErrorAnswer = {
  readonly requestId: string;
  readonly error: {
    readonly code: number;
    readonly reason: string;
    readonly message: string;
    readonly fix: string;
    readonly details: readonly Fault[];
  };
};

let csrfToken = "";

/** Remembers the token that every change must carry. */
export function setCsrfToken(token: string): void {
  csrfToken = token;
}

let askFreshFactor: (() => Promise<boolean>) | undefined;

/** Says what is asked when an operation wants a fresh second factor; it is then tried again. */
export function onFreshFactorWanted(ask: (() => Promise<boolean>) | undefined): void {
  askFreshFactor = ask;
}

type Fields = Readonly<Record<string, unknown>>;

/** Adds a value to a query as the server reads it: `filters.1.name=…`. */
function addToQuery(query: URLSearchParams, name: string, value: unknown): void {
  if (value === undefined || value === null || value === "") return;
  if (Array.isArray(value)) {
    for (const [at, item] of value.entries()) addToQuery(query, `${name}.${at + 1}`, item);
  } else if (typeof value === "object") {
    for (const [key, child] of Object.entries(value)) addToQuery(query, `${name}.${key}`, child);
  } else query.append(name, String(value));
}

/** Method, address and body of a call; also what "show as API" prints. */
export function requestOf(operation: Operation, fields: Fields) {
  const service = operation.name.split(".")[0] ?? "";
  const rest: Record<string, unknown> = { ...fields };
  const path = operation.path.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = String(rest[name] ?? "");
    delete rest[name];
    return encodeURIComponent(value);
  });
  const inQuery = operation.method === "GET" || operation.method === "DELETE";
  const query = new URLSearchParams();
  if (inQuery) for (const [name, value] of Object.entries(rest)) addToQuery(query, name, value);
  const search = query.size > 0 ? `?${query}` : "";
  const body = inQuery ? undefined : rest;
  return { method: operation.method, url: `/v1/${service}${path}${search}`, body };
}

async function answerOf(response: Response): Promise<unknown> {
  try {
    return await response.json();
  } catch {
    return undefined;
  }
}

function unreachable(code: number, message: string): ApiError {
  const error = {
    code,
    reason: "console.unreachable",
    message,
    fix: "./cordon status",
    details: [],
  };
  return new ApiError({ requestId: "", error });
}

/** Calls an operation whose types are not known here, as generated pages do. */
export async function callAny(operation: Operation, fields: Fields): Promise<Fields> {
  try {
    return await callOnce(operation, fields);
  } catch (error) {
    const wanted = error instanceof ApiError && error.reason === "kernel.freshMfaRequired";
    if (!wanted || askFreshFactor === undefined || !(await askFreshFactor())) throw error;
    return callOnce(operation, fields);
  }
}

async function callOnce(operation: Operation, fields: Fields): Promise<Fields> {
  const { method, url, body } = requestOf(operation, fields);
  const headers: Record<string, string> = {};
  if (body !== undefined) headers["content-type"] = "application/json";
  if (method !== "GET") headers["x-cordon-csrf"] = csrfToken;
  let response: Response;
  try {
    const text = body === undefined ? null : JSON.stringify(body);
    const early = method === "GET" ? takeEarly(url) : undefined;
    response = await (early ?? fetch(url, { method, headers, body: text }));
  } catch (error) {
    throw unreachable(503, String(error));
  }
  const answer = await answerOf(response);
  if (typeof answer !== "object" || answer === null) throw unreachable(response.status, url);
  if ("error" in answer) {
    throw new ApiError(answer as ErrorAnswer, neededFor(operation, fields));
  }
  return (answer as { result: Fields }).result;
}

/**
 * Why an operation that streams did not open, since a browser keeps that answer to itself;
 * undefined when it opens now.
 */
export async function refusalOf(operation: Operation, fields: Fields): Promise<unknown> {
  const { url } = requestOf(operation, fields);
  const ended = new AbortController();
  try {
    const response = await fetch(url, { signal: ended.signal });
    if (response.ok) return undefined;
    const answer = await answerOf(response);
    if (typeof answer !== "object" || answer === null) return unreachable(response.status, url);
    return new ApiError(answer as ErrorAnswer, neededFor(operation, fields));
  } catch (error) {
    return unreachable(503, String(error));
  } finally {
    ended.abort();
  }
}

/** Calls an operation of the catalog. @throws ApiError */
export async function call<Op extends Operation>(
  operation: Op,
  fields: InputOf<Op>,
): Promise<OutputOf<Op>> {
  return (await callAny(operation, fields as Fields)) as OutputOf<Op>;
}
