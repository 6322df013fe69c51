/** Policies in Cedar's JSON form, and decisions over sets of them: default deny, forbid wins. */
import {
  asBoolean,
  compileExpression,
  type EntityData,
  type Environment,
  type Evaluate,
  entityKey,
  PolicyFormError,
} from "./expression.ts";
import { type EntityUid, EvaluationError, fromJson, type Value } from "./values.ts";

export type PolicyJson = {
  readonly effect: "permit" | "forbid";
  readonly principal: ScopeJson;
  readonly action: ScopeJson;
  readonly resource: ScopeJson;
  readonly conditions: readonly { readonly kind: "when" | "unless"; readonly body: unknown }[];
  readonly annotations?: Readonly<Record<string, string>>;
};

export type ScopeJson =
  | { readonly op: "All" }
  | { readonly op: "=="; readonly entity: EntityUid }
  | { readonly op: "in"; readonly entity: EntityUid }
  | { readonly op: "in"; readonly entities: readonly EntityUid[] }
  | {
      readonly op: "is";
      readonly entity_type: string;
      readonly in?: { readonly entity: EntityUid };
    };

export type Policy = {
  readonly policyId: string;
  readonly forbid: boolean;
  /** Action keys that the scope can hold for; undefined = any action. */
  readonly actionKeys: readonly string[] | undefined;
  /** Prefix of the action's id, up to the colon, outside of which the conditions cannot hold. */
  readonly actionService: string | undefined;
  readonly applies: (environment: Environment) => boolean;
};

export type Request = {
  readonly principal: EntityUid;
  readonly action: EntityUid;
  readonly resource: EntityUid;
  readonly context: Value;
  readonly entities: ReadonlyMap<string, EntityData>;
};

export type Decision = {
  readonly decision: "allow" | "deny";
  /** Policies that decided: the forbids, or else the permits. */
  readonly determining: readonly string[];
  /** Policies that could not be evaluated; they count for nothing. */
  readonly errors: readonly { readonly policyId: string; readonly message: string }[];
};

/** A set, indexed by action and by the service of the action. */
export type PolicySet = {
  readonly byAction: ReadonlyMap<string, readonly Policy[]>;
  readonly byService: ReadonlyMap<string, readonly Policy[]>;
  readonly anyAction: readonly Policy[];
};

/**
 * Annotation by which the compiler of documents tells the index that every condition asks for an
 * action of this service. It is never taken from what people write.
 */
export const ACTION_SERVICE = "cordonActionService";

/** Compiles one policy. @throws PolicyFormError. */
export function compilePolicy(policyId: string, json: PolicyJson): Policy {
  const scopes = [
    compileScope(json.principal, (environment) => environment.principal),
    compileScope(json.action, (environment) => environment.action),
    compileScope(json.resource, (environment) => environment.resource),
  ].filter((scope) => scope !== undefined);
  const conditions = json.conditions.map(({ kind, body }) => ({
    wanted: kind === "when",
    evaluate: compileExpression(body),
  }));
  return {
    policyId,
    forbid: json.effect === "forbid",
    actionKeys: actionKeysOf(json.action),
    actionService: json.annotations?.[ACTION_SERVICE],
    applies: (environment) =>
      scopes.every((scope) => scope(environment)) && holds(conditions, environment),
  };
}

function holds(
  conditions: readonly { wanted: boolean; evaluate: Evaluate }[],
  environment: Environment,
): boolean {
  for (const { wanted, evaluate } of conditions) {
    if (asBoolean(evaluate(environment)) !== wanted) return false;
  }
  return true;
}

function actionKeysOf(scope: ScopeJson): readonly string[] | undefined {
  if (scope.op === "==") return [entityKey(scope.entity)];
  if (scope.op !== "in") return undefined;
  // Also right for groups of actions: a decision looks up the action and its ancestors.
  return "entities" in scope ? scope.entities.map(entityKey) : [entityKey(scope.entity)];
}

type ScopeTest = (environment: Environment) => boolean;

function compileScope(
  scope: ScopeJson,
  of: (environment: Environment) => EntityUid,
): ScopeTest | undefined {
  const same = (left: EntityUid, right: EntityUid) =>
    left.type === right.type && left.id === right.id;
  const within = (parent: EntityUid): ScopeTest => {
    const key = entityKey(parent);
    return (environment) => {
      const uid = of(environment);
      return (
        same(uid, parent) || (environment.entities.get(entityKey(uid))?.ancestors.has(key) ?? false)
      );
    };
  };
  switch (scope.op) {
    case "All":
      return undefined;
    case "==":
      return (environment) => same(of(environment), scope.entity);
    case "in": {
      if (!("entities" in scope)) return within(scope.entity);
      const tests = scope.entities.map(within);
      return (environment) => tests.some((test) => test(environment));
    }
    case "is": {
      const parent = scope.in === undefined ? undefined : within(scope.in.entity);
      return (environment) =>
        of(environment).type === scope.entity_type && (parent?.(environment) ?? true);
    }
    default:
      throw new PolicyFormError("unknown scope");
  }
}

/** Indexes policies. */
export function policySetOf(policies: readonly Policy[]): PolicySet {
  const byAction = new Map<string, Policy[]>();
  const byService = new Map<string, Policy[]>();
  const anyAction: Policy[] = [];
  const put = (map: Map<string, Policy[]>, key: string, policy: Policy) => {
    const list = map.get(key);
    if (list === undefined) map.set(key, [policy]);
    else list.push(policy);
  };
  for (const policy of policies) {
    if (policy.actionKeys !== undefined) {
      for (const key of new Set(policy.actionKeys)) put(byAction, key, policy);
    } else if (policy.actionService !== undefined) put(byService, policy.actionService, policy);
    else anyAction.push(policy);
  }
  return { byAction, byService, anyAction };
}

/** What applies to a request. */
export type Evaluation = {
  readonly permits: string[];
  readonly forbids: string[];
  readonly errors: { readonly policyId: string; readonly message: string }[];
};

/** Evaluates the policies of a set that can apply. */
export function evaluate(set: PolicySet, request: Request): Evaluation {
  const permits: string[] = [];
  const forbids: string[] = [];
  const errors: { policyId: string; message: string }[] = [];
  const run = (policy: Policy): void => {
    try {
      if (policy.applies(request)) (policy.forbid ? forbids : permits).push(policy.policyId);
    } catch (error) {
      if (!(error instanceof EvaluationError)) throw error;
      errors.push({ policyId: policy.policyId, message: error.message });
    }
  };
  for (const policy of candidates(set, request)) run(policy);
  const { id } = request.action;
  const colon = id.indexOf(":");
  if (colon !== -1) for (const policy of set.byService.get(id.slice(0, colon)) ?? []) run(policy);
  for (const policy of set.anyAction) run(policy);
  return { permits, forbids, errors };
}

/** Policies whose scope names the action or a group that it is in, each once. */
function candidates(set: PolicySet, { action, entities }: Request): Iterable<Policy> {
  const key = entityKey(action);
  const exact = set.byAction.get(key) ?? [];
  const ancestors = entities.get(key)?.ancestors;
  if (ancestors === undefined || ancestors.size === 0) return exact;
  const all = new Set(exact);
  for (const ancestor of ancestors) {
    for (const policy of set.byAction.get(ancestor) ?? []) all.add(policy);
  }
  return all;
}

/** Decides one request by one set. */
export function decide(set: PolicySet, request: Request): Decision {
  const { permits, forbids, errors } = evaluate(set, request);
  const denied = forbids.length > 0;
  return {
    decision: !denied && permits.length > 0 ? "allow" : "deny",
    determining: denied ? forbids : permits,
    errors,
  };
}

/** Entity data from Cedar's entities JSON; ancestors are closed transitively. */
export function entitiesFromJson(
  list: readonly {
    uid: EntityUid;
    attrs: Readonly<Record<string, unknown>>;
    parents: readonly EntityUid[];
  }[],
): Map<string, EntityData> {
  const parents = new Map(list.map((one) => [entityKey(one.uid), one.parents.map(entityKey)]));
  const closure = (key: string, seen: Set<string>): Set<string> => {
    for (const parent of parents.get(key) ?? []) {
      if (seen.has(parent)) continue;
      seen.add(parent);
      closure(parent, seen);
    }
    return seen;
  };
  return new Map(
    list.map((one) => {
      const key = entityKey(one.uid);
      const attributes = new Map(
        Object.entries(one.attrs).map(([name, value]) => [name, fromJson(value)] as const),
      );
      return [key, { attributes, ancestors: closure(key, new Set()) }] as const;
    }),
  );
}
