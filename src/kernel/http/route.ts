/** Finds the operation for a method and path. Own matcher, since `{id}:verb` is ours. */

import type { SignedRequest } from "../identity/signed-request.ts";
import type { Contract, Method, Operation } from "../operation.ts";
import type { Access, AnyHandler, Service } from "../service.ts";
import type { Sql } from "../store/database.ts";

/** Makes an operation's input from a foreign request, and the foreign answer from its result. */
export type Translation = {
  /** Names may have to be looked up: `transaction` opens one that sees only the account. */
  input(
    transaction: <Result>(work: (sql: Sql) => Promise<Result>) => Promise<Result>,
    caller: { readonly accountId: string; readonly principalId: string },
  ): Promise<Record<string, unknown>>;
  answer(result: unknown): unknown;
};

export type Route = {
  readonly operation: Operation;
  readonly contract: Contract;
  readonly handler: AnyHandler;
  readonly pathParameters: readonly string[];
  readonly access?: Access | undefined;
};

export type RouteMatch = { readonly route: Route; readonly parameters: Record<string, string> };

export type Router = {
  /** @param path raw path without query, such as `/v1/waf/sites/site-0a1b2c3d4e`. */
  match(method: string, path: string): RouteMatch | undefined;
  /** Operations that take a larger body than others; `path` is a template of the listener's. */
  readonly large: readonly { method: Method; path: string; bodyBytesMax: number }[];
};

/** A request of another API that is an operation of ours. */
export type ForeignMatch = RouteMatch & {
  /** The service that the signature's scope names. */
  readonly service: string;
  readonly translation: Translation;
};

export type ForeignRouter = {
  /** @throws Problem for an operation that the other API has and this one does not. */
  match(request: SignedRequest): ForeignMatch | undefined;
};

type Node = { fixed: Map<string, Node>; parameter?: Node; routes: Map<string, Route> };

const SEGMENTS_MAX = 16;

/** Full path template of an operation: `/v1/<service><path>`. */
export function pathOf(contract: Contract, operation: Operation): string {
  return `/v1/${contract.service}${operation.path}`;
}

/**
 * Builds the router.
 *
 * @throws Error when two operations share method and path, or a handler is missing.
 */
export function createRouter(services: readonly Service[]): Router {
  const root: Node = { fixed: new Map(), routes: new Map() };
  const large: { method: Method; path: string; bodyBytesMax: number }[] = [];
  for (const { contract, handlers, access } of services) {
    for (const [key, operation] of Object.entries(contract.operations)) {
      const handler = handlers[key];
      if (handler === undefined) throw new Error(`Operation "${operation.name}" has no handler`);
      addRoute(root, { operation, contract, handler, access });
      const { method, bodyBytesMax } = operation;
      const path = pathOf(contract, operation).replace(/\{(\w+)\}(?::\w+)?/g, ":$1");
      if (bodyBytesMax !== undefined) large.push({ method, path, bodyBytesMax });
    }
  }
  return { match: (method, path) => matchRoute(root, method, path), large };
}

function addRoute(root: Node, parts: Omit<Route, "pathParameters">): void {
  const path = pathOf(parts.contract, parts.operation);
  const pathParameters: string[] = [];
  let node = root;
  const { segments, verb } = splitPath(path);
  for (const segment of segments) {
    const name = /^\{(\w+)\}$/.exec(segment)?.[1];
    if (name !== undefined) pathParameters.push(name);
    node = name === undefined ? fixedChild(node, segment) : parameterChild(node);
  }
  const key = `${parts.operation.method}:${verb}`;
  if (node.routes.has(key))
    throw new Error(`Two operations share ${parts.operation.method} ${path}`);
  node.routes.set(key, { ...parts, pathParameters });
}

function fixedChild(node: Node, segment: string): Node {
  const child = node.fixed.get(segment) ?? { fixed: new Map(), routes: new Map() };
  node.fixed.set(segment, child);
  return child;
}

function parameterChild(node: Node): Node {
  node.parameter ??= { fixed: new Map(), routes: new Map() };
  return node.parameter;
}

/** Splits off a final `:verb`, also where a client sent the colon as `%3A`. */
function splitPath(path: string): { segments: string[]; verb: string } {
  const segments = path.split("/").slice(1);
  const last = (segments.at(-1) ?? "").replace(/%3a/gi, ":");
  const colon = last.lastIndexOf(":");
  if (colon === -1) return { segments, verb: "" };
  segments[segments.length - 1] = last.slice(0, colon);
  return { segments, verb: last.slice(colon + 1) };
}

function matchRoute(root: Node, method: string, path: string): RouteMatch | undefined {
  const { segments, verb } = splitPath(path);
  if (segments.length > SEGMENTS_MAX) return undefined;
  let node: Node | undefined = root;
  const values: string[] = [];
  for (const segment of segments) {
    const fixed: Node | undefined = node.fixed.get(segment);
    if (fixed === undefined) values.push(segment);
    node = fixed ?? node.parameter;
    if (node === undefined) return undefined;
  }
  const route = node.routes.get(`${method}:${verb}`);
  if (route === undefined) return undefined;
  const parameters: Record<string, string> = {};
  for (const [position, name] of route.pathParameters.entries()) {
    const value = decodeSegment(values[position] ?? "");
    if (value === undefined) return undefined;
    parameters[name] = value;
  }
  return { route, parameters };
}

function decodeSegment(segment: string): string | undefined {
  if (!segment.includes("%")) return segment;
  try {
    return decodeURIComponent(segment);
  } catch {
    return undefined;
  }
}
